import { afterEach, expect, test } from 'vitest';
import type { BusinessSli, GateContext } from '#core/gate.ts';
import { OperatorError } from '#lib/errors.ts';
import { createGateEngine, type GateEngine } from '#operator/gate-engine.ts';
import { fillSeasonGauges } from '#operator/rollout-metrics.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { silentLog } from '#runtime/json-log.ts';
import { parsePromql } from '#sources/promql.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const START = Date.parse('2026-03-02T10:00:00Z');
const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;
const TICK = 10_000;
const cost = { bytes: 100, series: 1, elapsedMs: 1 };

const engines: GateEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.stop();
});

function contextOf(more: Partial<BusinessSli>): GateContext {
  const sli: BusinessSli = {
    kind: 'business',
    exposure: { metric: 'sessions_total', matchers: [] },
    events: { metric: 'orders_total', matchers: [{ label: 'kind', op: '=', value: 'web' }] },
    ...{ worse: 'Lower', tolerate: 0.2, lagMs: 0, seasonal: { weeks: 4 } },
    ...more,
  };
  const slo = { name: 'orders', sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 0 };
  return {
    gate: { name: 'orders', role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1_800_000 },
    ...{ epoch: 'r/1', stepEpoch: 'r/1/step0/1', attempt: 1, weight: 10_000, arrived: true, raisedAt: START - MINUTE },
    ...{ reactionMs: 20_000, tickMs: TICK, targetSpend: 0.001, maxSpend: 0.01 },
  };
}

/** A source that keeps orders of as many weeks, a thousand in ten minutes, and 880 now. */
function world({ kept = 4, more = {} }: { kept?: number; more?: Partial<BusinessSli> } = {}) {
  const clock = createVirtualClock({ wall: START });
  const asked: { promql: string; from: number; to: number; stepMs: number }[] = [];
  const state = { failure: undefined as OperatorError | undefined, hangs: false, down: false, ticks: 0 };
  const source: MetricSource = {
    name: 'main',
    async query() {
      state.ticks += 1;
      if (state.down) throw new OperatorError('SOURCE_UNREACHABLE', 'no route to host');
      return { result: { kind: 'vector', samples: [], histograms: [] }, warnings: [], cost };
    },
    async range(promql, { from, to, stepMs }) {
      if (state.down) throw new OperatorError('SOURCE_UNREACHABLE', 'no route to host');
      if (!promql.includes('increase')) return { result: { kind: 'matrix', series: [] }, warnings: [], cost };
      asked.push({ promql, from, to, stepMs });
      if (state.failure !== undefined) throw state.failure;
      if (state.hangs) await new Promise(() => undefined);
      const past = Array.from({ length: kept }, (_, week) => ({ at: to - (week + 1) * stepMs, value: 1000 }));
      const points = [...past.reverse(), { at: to, value: 880 }];
      return { result: { kind: 'matrix', series: [{ labels: {}, points, histograms: [] }] }, warnings: [], cost };
    },
  };
  const telemetry = recordTelemetry();
  const engine = createGateEngine({ clock, sourceFor: () => source, log: silentLog, telemetry, onReading() {} });
  engines.push(engine);
  const scope = { namespace: 'shop', replicaSets: ['check.out-a', 'check.out-b'] };
  engine.watch('shop/check.out', { contexts: [contextOf(more)], scope, pods: () => [], scrapeMs: 5000 });
  return { clock, asked, state, engine, reading: () => engine.readings('shop/check.out')[0] };
}

const BELOW = 'orders_total is 12% below the median of the last 4 weeks at this hour: 88 a minute, usually 100';

test('the sentence stands behind the reading, and the ratio in a metric', async () => {
  const { clock, asked, engine, reading } = world();
  await clock.advance(15_000);
  expect(reading()?.message.endsWith(`; ${BELOW}`)).toBe(true);
  expect(asked).toEqual([
    {
      promql: 'sum(increase(orders_total{namespace="shop",pod=~"check\\\\.out-[a-z0-9]+-[a-z0-9]+",kind="web"}[600s]))',
      ...{ from: START - MINUTE - 4 * WEEK, to: START - MINUTE, stepMs: WEEK },
    },
  ]);
  expect(parsePromql(asked[0]?.promql ?? '').ok).toBe(true);
  const gauges: unknown[] = [];
  fillSeasonGauges(engine.seasons(), (...gauge) => void gauges.push(gauge));
  const labels = { namespace: 'shop', rollout: 'check.out', gate: 'orders' };
  expect(gauges).toEqual([['headgate_gate_season_ratio', 0.88, labels]]);
});

test('a tick asks no more for it: one question in five minutes', async () => {
  // kills: a question at every tick, and one that is never asked again.
  const { clock, asked, state } = world();
  await clock.advance(20 * MINUTE);
  expect(asked.length).toBe(4);
  const ticks = state.ticks;
  const plain = world({ more: { seasonal: undefined } as unknown as Partial<BusinessSli> });
  await plain.clock.advance(20 * MINUTE);
  expect(plain.asked).toEqual([]);
  expect(ticks, 'the queries of the ticks are the same').toBe(plain.state.ticks);
});

test('it changes nothing but the message', async () => {
  const told = world();
  const plain = world({ more: { seasonal: undefined } as unknown as Partial<BusinessSli> });
  await told.clock.advance(2 * MINUTE);
  await plain.clock.advance(2 * MINUTE);
  const { season, message, ...rest } = told.reading() ?? {};
  const { message: own, ...other } = plain.reading() ?? {};
  expect(rest).toEqual(other);
  expect(message).toBe(`${own}; ${season?.message}`);
});

test('a source that keeps two weeks gives the median of two, and one that keeps none is said', async () => {
  const some = world({ kept: 2 });
  await some.clock.advance(15_000);
  expect(some.reading()?.message).toContain('the median of 2 of the last 4 weeks');
  const none = world({ kept: 0 });
  await none.clock.advance(15_000);
  expect(none.reading()?.message).toContain('orders_total has no figure of this hour in the last 4 weeks');
  expect(none.engine.seasons()).toEqual([]);
});

test('no tick waits for it', async () => {
  // kills: a gate that reads its counters after the weeks before.
  const { clock, asked, state, engine, reading } = world();
  state.hangs = true;
  await clock.advance(1000);
  expect(asked.length).toBe(1);
  expect(reading()?.message).not.toContain('waiting for the first answer');
  expect(engine.costs()).toHaveLength(1);
});

test('a source that is down is told alone: no old figure passes for one of now', async () => {
  // kills: the sentence of an hour ago behind a reading that has none.
  const { clock, state, reading } = world();
  await clock.advance(15_000);
  state.down = true;
  await clock.advance(MINUTE);
  expect(reading()).toMatchObject({ verdict: 'Error', cause: 'SourceDown', message: 'no route to host' });
});

test('a source that refuses it holds up no gate, is told, and is asked again after a minute', async () => {
  // kills: a failed look that makes the gate an Error.
  const { clock, asked, state, reading } = world();
  state.failure = new OperatorError('SOURCE_QUERY', 'the query time range exceeds the limit');
  await clock.advance(15_000);
  expect(reading()?.verdict).not.toBe('Error');
  expect(reading()?.message).toContain(
    '; orders_total could not be compared with earlier weeks: the query time range exceeds the limit',
  );
  state.failure = undefined;
  await clock.advance(MINUTE + TICK);
  expect(asked.length).toBe(2);
  expect(reading()?.message).toContain(BELOW);
});
