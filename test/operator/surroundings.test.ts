import { expect, test } from 'vitest';
import type { ReleaseState, Spec, State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { barsFor, noticesOf } from '#operator/surroundings.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import type { RolloutWish } from '#schema/translate.ts';
import { releasing } from '#test/core/world.ts';

const world = releasing();
const begun = releasing();
begun.runUntil(({ state }) => state.release?.stage === 'Holding');
const rollout = { ...{ apiVersion: 'x/v1', kind: 'Rollout' }, metadata: { name: 'shop', namespace: 'shop' } };
const quota: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'team', namespace: 'shop' } },
  status: { hard: { pods: '5' }, used: { pods: '4' } },
};
const stores = {
  quotas: { list: () => [quota] } as unknown as Store,
  disruptionBudgets: { list: () => [] } as unknown as Store,
  scalers: [],
};
const old = { what: 'Gateway API', message: 'old CRDs' } as const;
const wish = {
  source: { template: { metadata: { labels: {} }, spec: { containers: [{}] } } },
} as unknown as RolloutWish;

function bars(changes: { state?: Partial<State>; spec?: Partial<Spec>; sets?: typeof world.sets }): string[] {
  const state: State = { ...initialState(0), stable: 'v1', ...changes.state };
  const spec = { ...world.spec, ...changes.spec };
  const sets = (changes.sets ?? world.sets).map((set) => ({ ...set, pods: [] }));
  return barsFor(rollout, state, spec, { sets, stores, wish, tooOld: [old] }).map(({ field }) => field);
}

const release = begun.state.release as ReleaseState;

// kills: a Rollout at rest that is Degraded for a release nobody asked for; a release stopped half way by its own pods.
test.each([
  { name: 'a new template', changes: {}, want: ['cluster', 'spec.replicas'] },
  { name: 'without routes', changes: { spec: { routes: [] } }, want: ['spec.replicas'] },
  { name: 'at rest', changes: { spec: { revision: 'v1' } }, want: [] },
  { name: 'the first revision', changes: { state: { stable: undefined } }, want: [] },
  { name: 'scaled to nothing', changes: { spec: { replicas: 0 } }, want: [] },
  { name: 'its pods are being made', changes: { sets: begun.sets }, want: [] },
  { name: 'a release that holds', changes: { state: { release } }, want: [] },
  {
    name: 'one that prepares without pods',
    changes: { state: { release: { ...release, stage: 'Preparing' as const } } },
    want: ['cluster', 'spec.replicas'],
  },
])('what bars a release: $name', ({ changes, want }) => {
  expect(bars(changes as Parameters<typeof bars>[0])).toEqual(want);
});

test('what is too old is a condition at rest too, where it is used', () => {
  const say = (routes: string[]) =>
    noticesOf(rollout, { stores, wish: { ...wish, spec: { ...world.spec, routes } }, tooOld: [old] });
  expect(say(['shop'])).toEqual([{ type: 'ClusterTooOld', reason: 'TooOld', message: 'old CRDs' }]);
  expect(say([])).toEqual([]);
});
