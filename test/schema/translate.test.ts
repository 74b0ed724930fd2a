import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Plan, State } from '#core/model.ts';
import { LONG_PROSE_MAX } from '#schema/release-words.ts';
import { readRollout, readState, revisionOf, storable } from '#schema/translate.ts';
import { readAction, readMetricSource, readProbeSuite, readSlo } from '#schema/translate-inputs.ts';
import { percentText, readRelease, releaseSpecOf } from '#schema/translate-release.ts';
import { action, objective, podTemplate, rollout, source, suite } from './objects.ts';

test('a small Rollout gets every default', () => {
  expect(readRollout(rollout({ gates: [{ slo: 'a' }] }))).toMatchObject({
    ok: true,
    spec: {
      replicas: 1,
      minReadyMs: 0,
      progressDeadlineMs: 600_000,
      revisionHistoryLimit: 5,
      service: 'shop',
      routes: ['shop'],
      onBreach: 'Retreat',
      scaleDownDelayMs: 30_000,
      rollbackWindow: 3,
      settleMs: 10_000,
    },
    gates: [{ slo: 'a', role: 'Guardrail', onNoData: 'Hold' }],
    bake: { forMs: 1_800_000, control: 5000 },
    budget: { targetSpend: 0.001, maxSpend: 0.01 },
    preflight: { least: 0.1, onUnknown: 'Proceed' },
    probes: [],
    change: {},
  });
});

test('steps, gates and annotations are read', () => {
  const steps = [
    { weight: '0.5%', hold: '90s' },
    { weight: 20, canaryReplicas: 2, pause: { for: '1h' } },
    { weight: 30, maxSurge: '10%' },
    { weight: 40, maxSurge: 3 },
    { weight: 50, pause: {} },
  ];
  const given = rollout({
    steps,
    gates: [{ slo: 'a', role: 'Signal', tolerate: '0.2%', maxWait: '1h', warmUp: '45s' }],
  });
  given.metadata.annotations = { 'headgate.dev/change-commit': 'c0ffee', 'headgate.dev/change-kind': 'agent' };
  expect(readRollout(given)).toMatchObject({
    steps: [
      { weight: 500, holdMs: 90_000 },
      { weight: 20_000, holdMs: 60_000, canaryReplicas: 2, pause: { forMs: 3_600_000 } },
      { weight: 30_000, maxSurge: { share: 10_000 } },
      { weight: 40_000, maxSurge: { pods: 3 } },
      { weight: 50_000, holdMs: 60_000, pause: {} },
    ],
    gates: [{ slo: 'a', role: 'Signal', tolerate: 0.002, maxWaitMs: 3_600_000, warmUpMs: 45_000 }],
    change: { commit: 'c0ffee', kind: 'agent' },
  });
});

test('earlier weeks are compared with on wish alone, and four of them when nobody says how many', () => {
  const counters = { exposure: { metric: 'sessions_total' }, events: { metric: 'orders_total' } };
  const read = (more: Record<string, unknown>) => {
    const slo = readSlo({ ...objective(), spec: { sli: { business: { ...counters, ...more } } } });
    return slo.ok && slo.value.sli.kind === 'business' ? slo.value.sli.seasonal : slo;
  };
  expect(read({})).toBeUndefined();
  expect(read({ seasonal: {} })).toEqual({ weeks: 4 });
  expect(read({ seasonal: { weeks: 2 } })).toEqual({ weeks: 2 });
});

test('bake, group and what a budget must have left are read', () => {
  const budget = { preflightRemaining: 0, unknown: 'Hold' };
  expect(readRollout(rollout({ bake: { for: '90s', control: 0 }, group: 'paths', budget }))).toMatchObject({
    bake: { forMs: 90_000, control: 0 },
    group: 'paths',
    preflight: { least: 0, onUnknown: 'Hold' },
  });
  // kills: a bake of no length, which would ask the data plane for one more weight
  expect(readRollout(rollout({ bake: { for: '0s' } }))).not.toHaveProperty('bake');
});

test('a revision is named by what runs, not by key order or our labels', () => {
  const { spec } = podTemplate() as { spec: Record<string, unknown> };
  const name = (labels: Record<string, string>, more = {}) => revisionOf({ metadata: { labels, ...more }, spec });
  const plain = name({ app: 'shop', tier: 'web' });
  expect(name({ tier: 'web', app: 'shop' })).toBe(plain);
  expect(name({ app: 'shop', tier: 'web', 'headgate.dev/canary': 'true' })).toBe(plain);
  expect(name({ app: 'shop', tier: 'web' }, { annotations: {} })).toBe(plain);
  expect(name({ app: 'shop', tier: 'api' })).not.toBe(plain);
});

test.each([
  ['99.9', 0.999],
  ['99.5', 0.995],
  ['99.99', 0.9999],
  ['50', 0.5],
])('objective %s is %d to the last bit', (given, want) => {
  // kills: dividing by 100
  expect(readSlo(objective({ objective: given }))).toMatchObject({
    value: { objective: want, windowMs: 28 * 86_400_000 },
  });
});

test('a built-in SLI is read as it is: only a Rollout gives it a meaning', () => {
  const builtin = { kind: 'http-latency', gateway: 'linkerd', threshold: '250ms' };
  expect(readSlo(objective({ sli: { builtin } }))).toMatchObject({
    value: { sli: { kind: 'http-latency', gateway: 'linkerd', thresholdMs: 250 } },
  });
});

test('a source, a suite and an action are read', () => {
  const auth = { basic: { namespace: 'm', name: 's' } };
  expect(readMetricSource(source({ prometheus: { url: 'https://p/x', auth }, timeout: '3s' }))).toEqual({
    ok: true,
    value: {
      name: 'sample',
      url: 'https://p/x',
      auth: { kind: 'basic', secret: { namespace: 'm', name: 's' }, usernameKey: 'username', passwordKey: 'password' },
      scrapeIntervalMs: 15_000,
      isDefault: false,
      flavour: 'Prometheus',
      limits: { timeoutMs: 3000, maxBytes: 20_000_000, maxSeries: 50_000, maxConcurrent: 4 },
    },
  });
  expect(readProbeSuite(suite({ headers: [{ name: 'A', value: 'b' }] }))).toEqual({
    ok: true,
    value: {
      name: 'sample',
      requests: [{ name: 'home', method: 'GET', path: '/', headers: { A: 'b' }, timeoutMs: 2000, expectStatus: [200] }],
      everyMs: 15_000,
      retries: 1,
    },
  });
  const made = { ...action({ step: 2 }), metadata: { name: 'a', uid: 'u', creationTimestamp: '2026-01-01T00:00:01Z' } };
  // People count steps from 1, the core from 0.
  expect(readAction(made)).toMatchObject({
    value: { rollout: 'shop', verb: 'promote', step: 1, createdAt: 1767225601000 },
  });
});

const selector = fc.record({
  metric: fc.constant('http_requests_total'),
  matchers: fc.array(
    fc.record({
      label: fc.constant('code'),
      op: fc.constantFrom('=', '!=', '=~', '!~'),
      value: fc.string({ maxLength: 20 }),
    }),
    { maxLength: 3 },
  ),
});
const ms = fc.integer({ min: 0, max: 10_000_000 });
/** Percents with at most six decimals, as shares of one. */
const share = fc.integer({ min: 0, max: 100_000_000 }).map((millionths) => Number(`${millionths}e-8`));
const surge = fc.oneof(
  fc.record({ pods: fc.integer({ min: 1, max: 10_000 }) }),
  fc.record({ share: fc.integer({ min: 1, max: 100 }).map((percent) => percent * 1000) }),
);
const step = fc.oneof(
  fc.record({ weight: fc.integer({ min: 1, max: 99_000 }), holdMs: ms }),
  fc.record({
    weight: fc.integer({ min: 1, max: 99_000 }),
    holdMs: ms,
    canaryReplicas: fc.integer({ min: 1, max: 99 }),
    pause: fc.constant({}),
  }),
  fc.record({ weight: fc.integer({ min: 1, max: 99_000 }), holdMs: ms, pause: fc.record({ forMs: ms }) }),
  fc.record({ weight: fc.integer({ min: 1, max: 99_000 }), holdMs: ms, sees: share, needsMs: ms }),
  fc.record({ weight: fc.integer({ min: 1, max: 99_000 }), holdMs: ms, maxSurge: surge }),
  fc.record({
    weight: fc.constant(0),
    holdMs: ms,
    reach: fc.constantFrom(
      { mirror: 7000 },
      {
        headers: [
          { name: 'x-beta', value: 'yes' },
          { name: 'x-team', regex: 'a' },
        ],
      },
    ),
  }),
);
const sli = fc.oneof(
  fc.record({ kind: fc.constant('events'), total: selector, bad: selector }),
  fc.record({ kind: fc.constant('events'), total: selector, good: selector }),
  fc.record({
    kind: fc.constant('latency'),
    histogram: selector,
    threshold: fc.constantFrom(0.3, 0.005, 2.5),
    form: fc.constantFrom('Classic', 'Native'),
  }),
  ...[{}, { seasonal: fc.record({ weeks: fc.integer({ min: 1, max: 12 }) }) }].map((more) =>
    fc.record({
      kind: fc.constant('business'),
      exposure: selector,
      value: selector,
      worse: fc.constantFrom('Lower', 'Higher'),
      tolerate: share,
      lagMs: ms,
      ...more,
    }),
  ),
  fc.record({
    kind: fc.constant('query'),
    promql: fc.constantFrom('sum(up)', 'max(queue_depth) / 2'),
    op: fc.constantFrom('<', '<=', '>', '>='),
    value: fc.constantFrom(0, -0.5, 1e-9, 123_456.789),
    failures: fc.integer({ min: 1, max: 5 }),
    window: fc.integer({ min: 5, max: 60 }),
  }),
);
const arms = fc.oneof(
  fc.record({ by: fc.constant('Pod') }),
  fc.record({
    by: fc.constant('Label'),
    label: fc.constant('service'),
    stable: fc.constant('shop-.*'),
    canary: fc.constant('shop-canary-.*'),
  }),
  fc.constant({ by: 'Label', label: 'service', stable: '', canary: 'shop-canary-.*', exact: true }),
);
const gate = fc.oneof(
  ...[{}, { warmUpMs: ms.filter((length) => length > 0) }].map((more) =>
    fc.record({
      ...more,
      name: fc.constant('availability'),
      role: fc.constantFrom('Guardrail', 'Signal', 'Advisory'),
      slo: fc.record({ name: fc.constant('availability'), sli, arms, objective: share, windowMs: ms }),
      tolerate: share,
      maxWaitMs: ms,
      onNoData: fc.constantFrom('Hold', 'Pause', 'Retreat'),
    }),
  ),
);
const bake = fc.record({ forMs: ms, control: fc.integer({ min: 0, max: 50_000 }) });
const planOf = (more: { bake?: typeof bake; maxSurge?: typeof surge }) =>
  fc.record({
    ...more,
    steps: fc.array(step, { maxLength: 5 }),
    gates: fc.array(gate, { maxLength: 3 }),
    probes: fc.array(fc.constant('smoke'), { maxLength: 2 }),
    onBreach: fc.constantFrom('Pause', 'Retreat', 'Abort'),
    rollback: fc.boolean(),
  });
const plans = fc.oneof(planOf({}), planOf({ bake }), planOf({ maxSurge: surge })) as fc.Arbitrary<Plan>;

test('a gate is a Guardrail by its SLO, or a Signal by its query', () => {
  const query = { promql: 'max(queue_depth)', op: '<', value: '99.5' };
  const read = readRollout(rollout({ gates: [{ slo: 'a' }, { name: 'queue', query }] }));
  expect(read.ok && read.gates).toEqual([
    { slo: 'a', role: 'Guardrail', onNoData: 'Hold' },
    {
      slo: 'queue',
      role: 'Signal',
      onNoData: 'Hold',
      query: { sli: { kind: 'query', promql: 'max(queue_depth)', op: '<', value: 99.5, failures: 3, window: 5 } },
    },
  ]);
});

const begun = {
  name: 'shop-1',
  revision: 'b',
  from: 'a',
  attempt: 1,
  stage: 'Preparing',
  step: 0,
  weight: 0,
  n: 1,
  rewrites: 0,
  startedAt: 1,
  autoResumed: false,
  memo: {},
} as const;

test('a plan comes back from its record as it went in', () => {
  // kills: printing durations in whole seconds, percents in three decimals
  const budget = { targetSpend: 0.001, maxSpend: 0.01, carried: 0.0025 };
  const wish = {
    budget,
    change: { author: 'a' },
    source: { template: podTemplate() as { spec: Record<string, unknown> } },
  };
  fc.assert(
    fc.property(plans, (plan) => {
      const spec = releaseSpecOf('shop', { release: begun, plan, wish });
      expect(readRelease({ spec: JSON.parse(JSON.stringify(spec)) })).toEqual({
        ok: true,
        value: { rollout: 'shop', revision: 'b', from: 'a', attempt: 1, plan, budget, change: { author: 'a' } },
      });
    }),
  );
});

test.each([
  [0, '0%'],
  [0.001, '0.1%'],
  [0.1, '10%'],
  [1, '100%'],
  [1e-9, '0.0000001%'],
  [Number.NaN, '0%'],
  [99, '999%'],
])('%d is printed as %s', (ratio, want) => {
  expect(percentText(ratio)).toBe(want);
});

const state: State = {
  phase: 'Progressing',
  message: 'm',
  releases: 1,
  served: [],
  actions: [],
  since: 5,
  release: begun,
};

test('the memory comes back as it went in, and garbage is no fresh start', () => {
  expect(readState({ status: { state: JSON.parse(JSON.stringify(state)) } })).toEqual(state);
  expect(readState({ status: {} })).toBeUndefined();
  expect(readState({})).toBeUndefined();
  // kills: answering undefined for a memory that cannot be read
  expect(() => readState({ status: { state: { ...state, releases: 'two' } } })).toThrow(
    'status.state.releases: must be of type number',
  );
});

test('long sentences are cut so that the state can always be stored', () => {
  const why = '\u{1f6a6}'.repeat(LONG_PROSE_MAX);
  const long: State = { ...state, message: why, release: { ...begun, ending: { kind: 'Abort', at: 1, why } } };
  const cut = storable(long);
  expect(() => readState({ status: { state: cut } })).not.toThrow();
  expect(cut.message).not.toMatch(/[\ud800-\udbff]…$/);
  expect(storable(state)).toEqual(state);
});
