import { expect, test } from 'vitest';
import type { ReleaseState, State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { propose } from '#operator/propose.ts';
import type { Stores } from '#operator/stores.ts';
import { readRollout } from '#schema/translate.ts';
import { answers, compared, objective, rollout, source } from '../schema/objects.ts';

/** Caches that hold one objective and the default source. */
const stores = {
  slos: { get: () => objective({ objective: '99.9' }) },
  sources: { list: () => [source({ default: true })] },
  suites: { get: () => undefined },
} as unknown as Stores;

function planOf(spec: Record<string, unknown>, change: Partial<State> = {}) {
  const wish = readRollout(rollout({ gates: [{ slo: 'sample' }], ...spec }));
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  const state = { ...initialState(0), stable: 'old', ...change };
  const at = { namespace: 'shop', stores, traffic: { rps: 1, base: 0.001 }, tickMs: 15_000 };
  const { plan, problems } = propose(wish, state, at);
  if (plan === undefined) throw new Error(JSON.stringify(problems));
  return { plan, revision: wish.spec.revision };
}

const steps = [{ weight: 5 }, { weight: 50 }];

test.each([
  {
    name: 'by default',
    because: 'most faults show with most of the traffic',
    spec: {},
    want: { forMs: 1_800_000, control: 5000 },
  },
  { name: 'of no length', because: 'whoever wants none says so', spec: { bake: { for: '0s' } }, want: undefined },
])('a bake $name: $because', ({ spec, want }) => {
  expect(planOf({ steps, ...spec }).plan.bake).toEqual(want);
});

// kills: a time that is without end, which no record can hold
test('nothing is foreseen of steps without a weight, and the plan is finite', () => {
  const matched = { headers: [{ name: 'x-beta', value: 'yes' }] };
  const { plan } = planOf({ steps: [matched, ...steps] });
  expect(plan.steps.map(({ weight, needsMs }) => [weight, needsMs === undefined])).toEqual([
    [0, true],
    [5000, false],
    [50_000, false],
  ]);
  expect(plan.steps.every(({ needsMs = 0 }) => Number.isFinite(needsMs))).toBe(true);
});

test('how many pods come at once is part of the plan: a later edit is for the next release', () => {
  const { plan } = planOf({ maxSurge: '20%', steps: [{ weight: 5, maxSurge: 2 }, { weight: 50 }] });
  expect(plan.maxSurge).toEqual({ share: 20_000 });
  expect(plan.steps.map(({ maxSurge }) => maxSurge)).toEqual([{ pods: 2 }, undefined]);
  expect(planOf({ steps }).plan).not.toHaveProperty('maxSurge');
});

// kills: a way back that waits for half an hour
test('the way back to what served recently has neither steps nor bake', () => {
  const { revision } = planOf({ steps });
  const { plan } = planOf({ steps }, { served: [revision] });
  expect(plan).toMatchObject({ rollback: true, steps: [] });
  expect(plan.bake).toBeUndefined();
});

// kills: a way back that waits for steps which it skips
test('steps that nobody can approve refuse a release, and no way back', () => {
  const asking = (weight: number, group: string) => ({ weight, approval: { groups: [group] } });
  const spec = { traffic: [], replicas: 2, steps: [asking(5, 'sre'), asking(10, 'owners')] };
  expect(() => planOf(spec)).toThrow('spec.steps[0].approval.groups');
  const { revision } = planOf({ steps });
  expect(planOf(spec, { served: [revision] }).plan).toMatchObject({ rollback: true });
});

// kills: a second attempt that has to pass a higher bar in the time of the first
test('each attempt of a revision may wait longer, because it has more to show', () => {
  const waits = (attempt: number, ending?: ReleaseState['ending']) => {
    const { revision } = planOf({ steps });
    const release = { revision, attempt, ...(ending === undefined ? {} : { ending }) } as ReleaseState;
    return planOf({ steps }, { release }).plan.gates[0]?.maxWaitMs ?? 0;
  };
  const first = planOf({ steps }).plan.gates[0]?.maxWaitMs ?? 0;
  const ended = { kind: 'Retreat', at: 1, why: 'worse' } as const;
  expect(waits(1), 'the record of the first was deleted').toBe(first);
  expect(waits(1, ended)).toBeGreaterThan(first);
  expect(waits(2, ended)).toBeGreaterThan(waits(1, ended));
});

const histogram = { metric: 'http_request_duration_seconds' };
const slow = { latency: { histogram, threshold: '250ms' } };
const edge = { builtin: { kind: 'http-latency', gateway: 'traefik', threshold: '250ms' } };
const metadata = { name: 'shop', namespace: 'shop' };

/** What becomes of one gate whose objective measures `sli`. */
/** What is compared with stable alone has no objective. */
const counted = (sli: object) => !('business' in sli || 'pairs' in sli);

function gateFor(sli: Record<string, unknown>, gate: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  const wish = readRollout(rollout({ gates: [{ slo: 'sample', ...gate }], ...more }));
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  const rules = [{ backendRefs: [{ name: 'shop', port: 80 }] }];
  const route = { metadata, spec: { parentRefs: [{ name: 'public', namespace: 'infra' }], rules } };
  const known = {
    ...stores,
    slos: { get: () => (counted(sli) ? objective({ sli }) : compared(sli)) },
    services: { get: () => ({ metadata, spec: { ports: [{ port: 80 }] } }) },
    routes: new Map([['HTTPRoute', { get: () => route, byIndex: () => [route] }]]),
  } as unknown as Stores;
  const at = { namespace: 'shop', stores: known, traffic: undefined, tickMs: 15_000 };
  return propose(wish, { ...initialState(0), stable: 'old' }, at);
}

const events = { events: { total: { metric: 'requests' }, bad: { metric: 'failures' } } };

test.each([
  { name: 'errors', because: 'what fails at a start, users meet at every start', sli: events, want: undefined },
  { name: 'latencies', because: 'young pods are slow whatever they run', sli: slow, want: 30_000 },
  { name: 'latencies at the gateway', because: "its processes are nobody's pods", sli: edge, want: undefined },
  { name: 'a wish', because: 'the user knows how long', sli: events, gate: { warmUp: '2m' }, want: 120_000 },
  { name: 'a wish for none', because: 'a default is no rule', sli: slow, gate: { warmUp: '0s' }, want: undefined },
])('the warm-up of $name: $because', ({ sli, gate, want }) => {
  const { plan, problems } = gateFor(sli, gate);
  expect(problems).toEqual([]);
  expect(plan?.gates[0]?.warmUpMs).toBe(want);
});

test('gates at the gateway know where steps without a weight send', () => {
  const copied = { steps: [{ mirror: { percent: 10 } }, { weight: 5 }] };
  const eg = { builtin: { kind: 'http-availability', gateway: 'envoy-gateway' } };
  const armsOf = (more: object) => JSON.stringify(gateFor(eg, {}, { ...more }).plan?.gates[0]?.slo.arms);
  // kills: copies whose answers no gate counts
  expect(armsOf(copied)).toContain('rule/0-mirror-0');
  expect(armsOf({})).not.toContain('mirror');
});

// kills: a warm-up that is accepted and never happens
test('a warm-up at the gateway is refused, with the field and the fix', () => {
  expect(gateFor(edge, { warmUp: '30s' }).problems).toEqual([
    {
      field: 'spec.gates[0].warmUp',
      message:
        'ServiceLevelObjective sample is counted by the gateway, whose processes serve young and old pods alike: take warmUp out, or use an SLI that the pods count',
    },
  ]);
  expect(gateFor(edge, { warmUp: '0s' }).problems).toEqual([]);
});

// kills: a derived step that is over before its pods were looked at
test('a derived step is held for two scrapes and the warm-up at least', () => {
  expect(gateFor(slow).plan?.steps.map(({ holdMs }) => holdMs)).toEqual([60_000, 60_000, 60_000]);
  const holds = gateFor(slow, { warmUp: '5m' }).plan?.steps.map(({ holdMs }) => holdMs);
  expect(new Set(holds)).toEqual(new Set([330_000]));
});

const prompts = { apiVersion: 'v1', kind: 'ProbeSuite', metadata: { name: 'prompts', namespace: 'shop' } };
const suite = {
  ...prompts,
  spec: {
    every: '10s',
    requests: ['greet', 'refund', 'pay'].map((name) => ({ name, http: { timeout: name === 'pay' ? '5s' : '1s' } })),
  },
};

/** The gate of an objective of probes, in a namespace with one suite and in a cluster without any MetricSource. */
function probed(probe: Record<string, unknown>, gate: Record<string, unknown> = {}) {
  const wish = readRollout(rollout({ gates: [{ slo: 'sample', ...gate }] }));
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  const known = {
    slos: { get: () => answers(probe) },
    sources: { list: () => [] },
    suites: { get: ({ name }: { name: string }) => (name === 'prompts' ? suite : undefined) },
  } as unknown as Stores;
  const at = { namespace: 'shop', stores: known, traffic: undefined, tickMs: 15_000 };
  return propose(wish, { ...initialState(0), stable: 'old' }, at);
}

test.each([
  { name: 'all checks', probe: {}, checks: ['greet', 'refund', 'pay'], everyMs: 15_000 },
  {
    name: 'in the order of the suite',
    probe: { checks: ['refund', 'greet'] },
    checks: ['greet', 'refund'],
    everyMs: 11_000,
  },
])('an objective of probes needs no source: $name', ({ probe, checks, everyMs }) => {
  const { plan, problems } = probed({ suite: 'prompts', ...probe });
  expect(problems).toEqual([]);
  expect(plan?.gates[0]).toMatchObject({ maxWaitMs: 1_800_000, slo: { sli: { kind: 'probe', checks, everyMs } } });
  expect(plan?.steps.map(({ weight }) => weight)).toEqual([5000, 20_000, 50_000]);
});

test('a pass rate that takes long may wait long', () => {
  const { plan } = probed({ suite: 'prompts', checks: ['greet'], passRate: '99%' });
  expect(plan?.gates[0]?.maxWaitMs).toBeGreaterThan(10_000_000);
});

test.each([
  {
    name: 'no suite',
    probe: { suite: 'gone' },
    field: 'slo',
    says: /ProbeSuite gone does not exist in namespace shop/,
  },
  {
    name: 'no such check',
    probe: { suite: 'prompts', checks: ['greet', 'refnd'] },
    field: 'slo',
    says: /spec.sli.probe.checks: ProbeSuite prompts has no request refnd; it has greet, refund, pay/,
  },
  {
    name: 'two tolerances',
    probe: { suite: 'prompts' },
    gate: { tolerate: '1%' },
    field: 'tolerate',
    says: /says it$/,
  },
  { name: 'a warm-up', probe: { suite: 'prompts' }, gate: { warmUp: '30s' }, field: 'warmUp', says: /not requests of/ },
])('$name is a problem that names field and fix', ({ probe, gate, field, says }) => {
  const { plan, problems } = probed(probe, gate);
  expect(plan).toBeUndefined();
  expect(problems).toHaveLength(1);
  expect(problems[0]?.field).toBe(`spec.gates[0].${field}`);
  expect(problems[0]?.message).toMatch(says);
});

test('whoever moves beside others of its group needs a Guardrail that splits the edge', () => {
  const problemsOf = (sli: Record<string, unknown>, role = 'Guardrail') =>
    gateFor(sli, { role }, { group: 'paths', groupMode: 'Attribute', steps }).problems;
  expect(problemsOf(events)).toEqual([
    {
      field: 'spec.groupMode',
      message: expect.stringContaining("counts the gateway's requests by this Rollout's own arms"),
    },
  ]);
  expect(problemsOf(edge, 'Signal')).toHaveLength(1);
  expect(problemsOf(edge)).toEqual([]);
});

// kills: a tolerance that is read, kept and never asked
test.each([
  {
    sli: {
      business: {
        exposure: { metric: 'carts_total' },
        events: { metric: 'orders_total' },
        worse: 'Lower',
        tolerate: '5%',
      },
    },
    place: 'sli.business',
  },
  {
    sli: { pairs: { better: { metric: 'wins_total' }, worse: { metric: 'losses_total' }, tolerate: '5%' } },
    place: 'sli.pairs',
  },
])('a tolerance of the gate beside $place is a problem that says where it belongs', ({ sli, place }) => {
  const { plan, problems } = gateFor(sli, { tolerate: '1%' }, { steps });
  expect(plan).toBeUndefined();
  expect(problems).toEqual([
    {
      field: 'spec.gates[0].tolerate',
      message: expect.stringContaining(`take it out: ${place}.tolerate of ServiceLevelObjective`),
    },
  ]);
});
