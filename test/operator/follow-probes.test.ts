import { expect, test } from 'vitest';
import type { Gate, ProbeSli } from '#core/gate.ts';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import { type FollowDeps, follow } from '#operator/follow.ts';
import type { Sight } from '#operator/observe.ts';
import type { ProbeWish } from '#operator/prober.ts';
import { releaseSpecOf } from '#schema/translate-release.ts';
import { podTemplate, rollout } from '../schema/objects.ts';

const sli: ProbeSli = {
  ...{ kind: 'probe', suite: 'prompts', checks: ['greet'], samples: 2, everyMs: 17_000, tolerate: 0.05 },
};
const slo = { name: 'answers', sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 2_419_200_000 };
const gate: Gate = { name: 'answers', role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1_800_000, onNoData: 'Hold' };
const plan: Plan = { steps: [], gates: [gate], probes: [], onBreach: 'Retreat', rollback: false };
const release: ReleaseState = {
  ...{ name: 'shop-1', revision: 'b', from: 'a', attempt: 2, stage: 'Probing', step: 0, weight: 0, n: 3 },
  ...{ rewrites: 0, startedAt: 1, autoResumed: false, memo: {} },
};
const requests = ['greet', 'pay'].map((name) => ({ name }));
const suite = { metadata: { name: 'prompts', namespace: 'shop' }, spec: { requests } };

/** What the prober is asked for, where this is the release and no suite stands in `probes`. */
function wished(change: Partial<ReleaseState>, suites: Record<string, object> = { prompts: suite }) {
  const known = { ...release, ...change };
  const wishes: (ProbeWish | 'none')[] = [];
  const source = { template: podTemplate() as { spec: Record<string, unknown> } };
  const wish = { budget: { targetSpend: 0.001, maxSpend: 0.01 }, change: {}, source };
  const spec = JSON.parse(JSON.stringify(releaseSpecOf('shop', { release: known, plan, wish })));
  const pod = (name: string, revision: string) => ({ name, revision, ip: `10.0.0.${name.slice(1)}`, available: true });
  const sight = {
    seen: { routes: [] },
    pods: [pod('s1', 'a'), pod('c2', 'b')],
    release: { metadata: { name: 'shop-1', namespace: 'shop' }, spec },
  } as unknown as Sight;
  const deps = {
    stores: { suites: { get: ({ name }: { name: string }) => suites[name] }, sources: { list: () => [] } },
    engine: { watch: () => undefined, unwatch: () => undefined },
    prober: {
      watch: (_: string, asked: ProbeWish) => wishes.push(asked),
      unwatch: () => wishes.push('none'),
    },
    decided: new Map(),
    ...{ tickMs: 15_000, now: () => 0 },
  } as unknown as FollowDeps;
  const next = { stable: 'a', release: known } as State;
  const object = rollout();
  follow(deps, { ...object, metadata: { name: 'shop', namespace: 'shop' } }, { next, effects: [] }, sight);
  return wishes;
}

test('the suite of a gate is asked without standing in probes, and its other requests are not', () => {
  // kills: a prober that is not watched where probes is empty, checks that nobody counts.
  const [wish] = wished({});
  expect(wish).toMatchObject({
    ...{ suites: [], at: 'BeforeTraffic', epoch: 'shop-1/2/step0/3' },
    sampled: {
      attempt: 'shop-1/2',
      gates: [{ gate: 'answers', samples: 2, suite: { requests: [{ name: 'greet' }] } }],
    },
    canary: [{ pod: 'c2', ip: '10.0.0.2' }],
    stable: [{ pod: 's1', ip: '10.0.0.1' }],
  });
});

test.each([
  { name: 'a suite that was taken away is not asked', change: {}, suites: {}, want: { sampled: { gates: [] } } },
  { name: 'before its pods are there', change: { stage: 'Preparing' as const }, want: { at: 'Off' } },
])('$name', ({ change, suites, want }) => {
  expect(wished(change, suites)[0]).toMatchObject(want);
});

test('nobody is asked once the release has ended', () => {
  const ending = { kind: 'Retreat' as const, at: 1, why: 'worse' };
  expect(wished({ ending })).toEqual(['none']);
});
