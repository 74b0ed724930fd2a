import { expect, test } from 'vitest';
import type { BusinessSli, QuerySli, Sli } from '#core/gate.ts';
import { exposuresToExclude } from '#gates/business-count.ts';
import type { StepsQuestion } from '#gates/patience.ts';
import { deriveMaxWait, forecastSteps } from '#gates/ramp.ts';
import { gateFor } from '#src/catalog.ts';
import { context } from './service.ts';

const orders: BusinessSli = {
  kind: 'business',
  exposure: { metric: 'sessions_total', matchers: [] },
  events: { metric: 'orders_total', matchers: [] },
  worse: 'Lower',
  tolerate: 0.2,
  lagMs: 120_000,
};
const queue: QuerySli = { kind: 'query', promql: 'sum(queue)', op: '<', value: 1, failures: 3, window: 5 };
const latency: Sli = {
  kind: 'latency',
  histogram: { metric: 'http_request_duration_seconds', matchers: [] },
  threshold: 0.5,
  form: 'Classic',
};

const { slo } = context.gate;
const asked: StepsQuestion = {
  slo,
  tolerate: 0.005,
  weights: [5000, 20_000, 50_000],
  live: { rps: 10, base: 0.001 },
  attempt: 1,
  targetSpend: 0.001,
  reactionMs: 45_000,
  tickMs: 15_000,
};
const ask = (sli: Sli, more: Partial<StepsQuestion> = {}) =>
  gateFor(sli.kind).stepsMs({ ...asked, slo: { ...slo, sli }, ...more });

test('errors wait for the advance test at their own rate', () => {
  const { objective, windowMs } = slo;
  expect(ask(slo.sli)).toEqual(forecastSteps({ ...asked, ...{ rps: 10, base: 0.001, objective, windowMs } }));
});

// kills: the failures of one objective that make another one's gate wait
test('latencies wait the same whatever fails', () => {
  const calm = ask(latency, { live: { rps: 10, base: 0 } });
  expect(ask(latency, { live: { rps: 10, base: 0.03 } })).toEqual(calm);
  expect(calm.every((ms) => ms > 0 && Number.isFinite(ms))).toBe(true);
});

// kills: the forecast of errors for a gate that counts orders
test('orders wait for exposures, at the rate of orders, and for their lag', () => {
  const [first = 0, , last = 0] = ask(orders, { live: { rps: 100, base: 0, events: 0.05 } });
  const needed = exposuresToExclude({ stable: { total: 1000, bad: 50 }, share: 0.5, m: 0.8 });
  expect(last).toBeCloseTo(120_000 + (1000 * needed) / 50, 0);
  // Few sessions, of which one in twenty orders, take hours at the first step: 30 minutes would pause every release.
  const rare = ask(orders, { live: { rps: 2, base: 0, events: 0.05 } });
  expect(deriveMaxWait(rare)).toBeGreaterThan(3 * 3_600_000);
  expect(first).toBeGreaterThan(120_000);
});

test('each attempt of an order gate has more to show', () => {
  const live = { rps: 100, base: 0, events: 0.05 };
  expect(ask(orders, { live, attempt: 3 })[2]).toBeGreaterThan(ask(orders, { live })[2] ?? 0);
});

test.each([
  { name: 'orders of which none was seen', sli: orders, live: { rps: 100, base: 0, events: 0 } },
  { name: 'orders where nobody could look', sli: orders, live: undefined },
  { name: 'pairs', sli: { ...orders, paired: true as const }, live: { rps: 100, base: 0, events: 0.05 } },
  { name: 'errors where nobody could look', sli: slo.sli, live: undefined },
  { name: 'latencies without traffic', sli: latency, live: { rps: 0, base: 0 } },
  { name: 'a threshold', sli: queue, live: undefined },
])('$name: half an hour, which the docs give', ({ sli, live }) => {
  expect(deriveMaxWait(ask(sli, { live }))).toBe(1_800_000);
});

test('a threshold waits for its ticks, values for their pairs of ticks', () => {
  expect(ask(queue)).toEqual([45_000]);
  const { events: _, ...values } = orders;
  const revenue = { ...values, value: { metric: 'revenue_total', matchers: [] } };
  expect(ask(revenue, { tickMs: 60_000 })).toEqual([120_000 + 30 * 60_000]);
});
