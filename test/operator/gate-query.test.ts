import { afterEach, expect, test } from 'vitest';
import type { GateContext, QuerySli } from '#core/gate.ts';
import { OperatorError } from '#lib/errors.ts';
import { createGateEngine, type GateEngine } from '#operator/gate-engine.ts';
import type { Log } from '#ports/log.ts';
import type { InstantResult, MetricSource } from '#ports/metric-source.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const START = 1_700_000_000_000;
const TICK = 10_000;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };
const cost = { bytes: 100, series: 1, elapsedMs: 1 };

const engines: GateEngine[] = [];
afterEach(() => {
  for (const engine of engines.splice(0)) engine.stop();
});

function contextOf(sli: QuerySli): GateContext {
  const slo = { name: 'queue', sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 0 };
  return {
    gate: { name: 'queue', role: 'Signal', slo, tolerate: 1, maxWaitMs: 1_800_000 },
    ...{ epoch: 'r/1', stepEpoch: 'r/1/step0/1', attempt: 1, weight: 10_000, arrived: true, raisedAt: START - 60_000 },
    ...{ reactionMs: 20_000, tickMs: TICK, targetSpend: 0.001, maxSpend: 0.01 },
  };
}

function world(answer: (promql: string) => InstantResult) {
  const clock = createVirtualClock({ wall: START });
  const asked: string[] = [];
  const source: MetricSource = {
    name: 'main',
    async query(promql) {
      asked.push(promql);
      return { result: answer(promql), warnings: [], cost };
    },
    range: () => Promise.reject(new OperatorError('SOURCE_QUERY', 'nobody asks for the past')),
  };
  const telemetry = recordTelemetry();
  const engine = createGateEngine({ clock, sourceFor: () => source, log: silent, telemetry, onReading() {} });
  engines.push(engine);
  const watch = (namespace: string, promql = 'sum(queue_depth)') => {
    const sli: QuerySli = { kind: 'query', promql, op: '<', value: 100, failures: 3, window: 5 };
    const scope = { namespace, replicaSets: ['a', 'b'] };
    engine.watch(`${namespace}/app`, { contexts: [contextOf(sli)], scope, pods: () => [], scrapeMs: 5000 });
  };
  return { clock, asked, watch, reading: (namespace = 'shop') => engine.readings(`${namespace}/app`)[0] };
}

function vector(...values: number[]): InstantResult {
  return {
    kind: 'vector',
    samples: values.map((value, pod) => ({ labels: { pod: `${pod}` }, value, at: 0 })),
    histograms: [],
  };
}

test('three good answers pass, from the next tick on, and the namespace is forced in', async () => {
  const { clock, asked, watch, reading } = world(() => vector(7));
  watch('shop');
  await clock.advance(15_000);
  expect(reading()?.verdict).toBe('Inconclusive');
  await clock.advance(20_000);
  expect(reading()).toMatchObject({ verdict: 'Pass', message: '7, wanted < 100: 0 of the last 4 ticks missed it' });
  expect(new Set(asked)).toEqual(new Set(['sum(queue_depth{namespace="shop"})']));
});

test('two namespaces that ask the same get each their own answer', async () => {
  // kills: answers shared by the text of the query, which would show one tenant the series of another
  const { clock, watch, reading } = world((promql) => vector(promql.includes('"shop"') ? 7 : 700));
  watch('shop');
  watch('bank');
  await clock.advance(60_000);
  expect(reading('shop')?.verdict).toBe('Pass');
  expect(reading('bank')).toMatchObject({ verdict: 'Fail', cause: 'Threshold' });
});

test.each([
  { name: 'nothing', result: vector(), want: { verdict: 'NoData', cause: 'NoResult' }, says: /no result/ },
  { name: 'several', result: vector(1, 2), want: { verdict: 'Error', cause: 'BadQuery' }, says: /2 series where one/ },
  { name: 'NaN', result: vector(Number.NaN), want: { verdict: 'Error', cause: 'BadQuery' }, says: /NaN/ },
  {
    name: 'a scalar',
    result: { kind: 'scalar', value: 1, at: 0 } as const,
    want: { verdict: 'Error', cause: 'BadQuery' },
    says: /got a scalar/,
  },
  {
    name: 'a string',
    result: { kind: 'string', value: 'x', at: 0 } as const,
    want: { verdict: 'Error', cause: 'BadQuery' },
    says: /got a string/,
  },
  {
    name: 'a native histogram',
    result: { kind: 'vector', samples: [], histograms: [{ labels: {}, count: 3, sum: 4, at: 0 }] } as const,
    want: { verdict: 'Error', cause: 'BadQuery' },
    says: /histogram/,
  },
])('$name is told with its cause', async ({ result, want, says }) => {
  const { clock, watch, reading } = world(() => result as InstantResult);
  watch('shop');
  await clock.advance(60_000);
  expect(reading()).toMatchObject(want);
  expect(reading()?.message).toMatch(says);
});

test('a query of another namespace never reaches the source', async () => {
  const { clock, asked, watch, reading } = world(() => vector(1));
  watch('shop', 'sum(queue_depth{namespace="bank"})');
  await clock.advance(60_000);
  expect(reading()).toMatchObject({ verdict: 'Error', cause: 'BadQuery' });
  expect(asked).toEqual([]);
});
