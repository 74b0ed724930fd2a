import { expect, test } from 'vitest';
import type { Slo } from '#core/gate.ts';
import { OperatorError } from '#lib/errors.ts';
import { type BudgetQuestion, createBudgetLook } from '#operator/budget-look.ts';
import type { MetricSource, QueryCost } from '#ports/metric-source.ts';
import { silentLog } from '#runtime/json-log.ts';
import { parsePromql } from '#sources/promql.ts';
import { budgetQuery } from '#sources/promql-budget.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const START = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;
const cost: QueryCost = { bytes: 0, series: 0, elapsedMs: 0 };
const signal = new AbortController().signal;
const scope = { namespace: 'shop', rollout: 'check.out' };

const slo: Slo = {
  name: 'availability',
  sli: {
    kind: 'events',
    total: { metric: 'requests_total', matchers: [] },
    bad: { metric: 'requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
  },
  arms: { by: 'Pod' },
  objective: 0.99,
  windowMs: 28 * DAY,
};

/** A source that knows how many events there were a day, the last of them today, and how many of them were bad. */
function prepare(days: { total: number; bad: number }[], failure?: OperatorError) {
  const clock = createVirtualClock({ wall: START });
  const asked: { promql: string; from: number; to: number }[] = [];
  const source: MetricSource = {
    name: 'main',
    query: () => Promise.reject(new Error('the window is asked for in one question')),
    async range(promql, { from, to, stepMs }) {
      asked.push({ promql, from, to });
      if (failure !== undefined) throw failure;
      const oldest = to - (days.length - 1) * stepMs;
      const series = (['total', 'bad'] as const).map((part) => ({
        labels: { part },
        points: days.map((day, index) => ({ at: oldest + index * stepMs, value: day[part] })),
        histograms: [],
      }));
      return { result: { kind: 'matrix', series }, warnings: [], cost };
    },
  };
  const look = createBudgetLook({ sourceFor: () => source, clock, log: silentLog });
  const ask = (more: Partial<BudgetQuestion> = {}) =>
    look.ask('shop/checkout', { slos: [slo], scope, scrapeMs: 0, least: 0.1, ...more }, signal);
  return { clock, look, ask, asked };
}

const quiet = { total: 1000, bad: 0 };
const days = (count: number) => Array.from({ length: count }, () => quiet);

test('what is left is what the window allows less what failed', async () => {
  const { look, ask, asked } = prepare([...days(27), { total: 1000, bad: 70 }]);
  expect(look.known('shop/checkout'), 'nobody has looked yet').toEqual([]);
  await ask();
  // 28,000 events may fail 280 times; 70 of them did.
  expect(look.known('shop/checkout')).toEqual([{ slo: 'availability', left: expect.closeTo(0.75, 9) }]);
  // The last of the 28 days ends now, so the question reaches back 27 from its end.
  expect(asked.map(({ from, to }) => [(START - from) / DAY, to])).toEqual([[27, START]]);
});

// kills: a budget of the hours that a young service has had, which a handful of failures would empty
test('a young service has the budget of a whole window at the traffic that it has', async () => {
  const { look, ask } = prepare([{ total: 1000, bad: 14 }]);
  await ask();
  expect(look.known('shop/checkout')).toEqual([{ slo: 'availability', left: expect.closeTo(0.95, 9) }]);
});

test('a budget that is low says when it will be back: when the bad days have left the window', async () => {
  const bad = [...days(9), { total: 1000, bad: 200 }, ...days(9), { total: 1000, bad: 100 }, ...days(8)];
  const { look, ask, asked } = prepare(bad);
  await ask();
  const [figure] = look.known('shop/checkout');
  expect(figure?.left).toBeCloseTo(1 - 300 / 280, 9);
  // 252 may stand: the older bad day, which ended 18 days ago, has to leave, and the younger may stay.
  expect(figure?.backAt).toBe(START - 18 * DAY + 28 * DAY);
  expect(asked).toHaveLength(1);
});

test.each([
  { name: 'a source that counts nothing', days: [], failure: undefined, says: 'counts no event' },
  {
    name: 'a source that does not answer',
    days: days(28),
    failure: new OperatorError('SOURCE_UNREACHABLE', 'no answer within 10s'),
    says: 'no answer within 10s',
  },
])('$name is not known, which is neither full nor empty', async ({ days: given, failure, says }) => {
  const { look, ask } = prepare(given, failure);
  await ask();
  // kills: 0 of 0 taken for a whole budget
  expect(look.known('shop/checkout')).toEqual([{ slo: 'availability', unknown: expect.stringContaining(says) }]);
});

test('it is asked again when it has aged, sooner after a failure, and never at every pass', async () => {
  const good = prepare(days(28));
  for (let pass = 0; pass < 10; pass++) await good.ask();
  expect(good.asked).toHaveLength(1);
  good.clock.freeze(301_000);
  await good.ask();
  expect(good.asked).toHaveLength(2);
  await good.ask({ least: 0.2 });
  expect(good.asked, 'another question').toHaveLength(3);
  const dead = prepare(days(28), new OperatorError('SOURCE_UNREACHABLE', 'no answer'));
  for (let pass = 0; pass < 10; pass++) await dead.ask();
  expect(dead.asked).toHaveLength(1);
  dead.clock.freeze(31_000);
  await dead.ask();
  expect(dead.asked).toHaveLength(2);
});

const latency = (form: 'Classic' | 'Native'): Slo => ({
  ...slo,
  sli: { kind: 'latency', histogram: { metric: 'seconds', matchers: [] }, threshold: 0.3, form },
});
const good: Slo = {
  ...slo,
  sli: { kind: 'events', total: { metric: 'all_total', matchers: [] }, good: { metric: 'ok_total', matchers: [] } },
};

test.each([
  { name: 'bad events', given: slo, says: 'code=~"5.."' },
  { name: 'good events', given: good, says: 'or vector(0)' },
  { name: 'a classic histogram', given: latency('Classic'), says: 'seconds_bucket' },
  { name: 'a native histogram', given: latency('Native'), says: 'histogram_fraction(0, 0.3' },
  {
    name: 'a gateway',
    given: { ...slo, arms: { by: 'Label', label: 'service', stable: 'shop-a', canary: 'shop-b' } } satisfies Slo,
    says: 'service=~"(?:shop-a)|(?:shop-b)"',
  },
])('the question about $name is PromQL', ({ given, says }) => {
  const query = budgetQuery(given, scope, DAY) ?? '';
  expect(parsePromql(query)).toEqual({ ok: true });
  expect(query).toContain(says);
  expect(query).toContain('[86400s]');
});

test('it counts the pods of this Rollout in its namespace and nobody else’s', () => {
  const query = budgetQuery(slo, scope, DAY) ?? '';
  expect(query).toContain('namespace="shop"');
  const pattern = new RegExp(`^(?:${/pod=~"([^"]*)"/.exec(query)?.[1]?.replaceAll('\\\\', '\\') ?? ''})$`);
  expect(pattern.test('check.out-7be02f5a-x2x4c')).toBe(true);
  // kills: a prefix that takes in another Rollout's pods
  expect(pattern.test('check.out-api-7be02f5a-x2x4c')).toBe(false);
  expect(pattern.test('checkXout-7be02f5a-x2x4c')).toBe(false);
});

test('what people buy has no budget of failures', () => {
  const business: Slo = {
    ...slo,
    sli: { kind: 'business', exposure: { metric: 'a', matchers: [] }, worse: 'Lower', tolerate: 0.2, lagMs: 0 },
  };
  expect(budgetQuery(business, scope, DAY)).toBeUndefined();
});
