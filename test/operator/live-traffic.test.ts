import { expect, test } from 'vitest';
import type { Slo } from '#core/gate.ts';
import { OperatorError } from '#lib/errors.ts';
import { createTrafficLook, type TrafficQuestion } from '#operator/live-traffic.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { silentLog } from '#runtime/json-log.ts';
import { type FakeProcess, fakePrometheus } from '../support/fake-prometheus.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const START = 1_700_000_000_000;
const counter = (perSecond: number) => (at: number) =>
  Math.max(0, Math.floor(((at - START + 3_600_000) / 1000) * perSecond));
const serving = (pod: string, rps: number, errors = 0): FakeProcess => ({
  pod,
  bornAt: START - 3_600_000,
  offsetMs: 0,
  total: counter(rps),
  bad: counter(rps * errors),
});

const slo: Slo = {
  name: 'availability',
  sli: {
    kind: 'events',
    total: { metric: 'http_requests_total', matchers: [] },
    bad: { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
  },
  arms: { by: 'Pod' },
  objective: 0.99,
  windowMs: 28 * 86_400_000,
};
const question: TrafficQuestion = {
  revision: 'v2',
  slos: [slo],
  scope: { namespace: 'shop', replicaSets: ['shop-v1'] },
  scrapeMs: 1000,
};

function prepare(processes: FakeProcess[]) {
  const clock = createVirtualClock({ wall: START });
  const source = fakePrometheus({ clock, scrapeMs: 1000 });
  source.processes = processes;
  const look = createTrafficLook({ sourceFor: () => source, clock, log: silentLog });
  return { look, source };
}

const signal = new AbortController().signal;

test('the planner sees what stable serves, all pods together', async () => {
  const { look } = prepare([serving('shop-v1-a', 30, 0.02), serving('shop-v1-b', 70, 0.02)]);
  expect(look.known('shop'), 'nobody has looked yet').toBeUndefined();
  await look.ask('shop', question, signal);
  expect(look.known('shop')?.rps).toBeCloseTo(100, 0);
  expect(look.known('shop')?.base).toBeCloseTo(0.02, 2);
  expect(look.known('shop')?.slos?.['availability']?.rps).toBeCloseTo(100, 0);
});

test('pods that came within the minute count from their birth', async () => {
  const young: FakeProcess = {
    ...serving('shop-v1-c', 50),
    bornAt: START - 30_000,
    total: (at) => Math.max(0, Math.floor((at - START + 30_000) / 20)),
  };
  const { look } = prepare([young]);
  await look.ask('shop', question, signal);
  expect(look.known('shop')?.rps).toBeGreaterThan(20);
});

// kills: asking at every pass of a release that waits for its turn.
test('a revision is asked about once', async () => {
  const { look, source } = prepare([serving('shop-v1-a', 10)]);
  await look.ask('shop', question, signal);
  const asked = source.asked.length;
  await look.ask('shop', question, signal);
  expect(source.asked).toHaveLength(asked);
  await look.ask('shop', { ...question, revision: 'v3' }, signal);
  expect(source.asked.length).toBeGreaterThan(asked);
});

test('a source that does not answer leaves the planner without a figure, and nothing fails', async () => {
  const { look, source } = prepare([serving('shop-v1-a', 10)]);
  source.failure = new OperatorError('SOURCE_UNREACHABLE', 'no answer');
  await look.ask('shop', question, signal);
  expect(look.known('shop')).toMatchObject({ rps: 0, base: 0 });
});

test("a gateway's counts are those of stable alone, under either name of the label", async () => {
  const asked: string[] = [];
  const source: MetricSource = {
    name: 'edge',
    async query(promql, { at }) {
      asked.push(promql);
      const value = at === START - 1000 ? 900 : 300;
      const cost = { bytes: 0, series: 1, elapsedMs: 0 };
      return { result: { kind: 'vector', samples: [{ labels: {}, value, at }], histograms: [] }, warnings: [], cost };
    },
    range: () => Promise.reject(new Error('not asked')),
  };
  const look = createTrafficLook({
    sourceFor: () => source,
    clock: createVirtualClock({ wall: START }),
    log: silentLog,
  });
  const arms = { by: 'Label', label: 'service', stable: 'web', canary: 'web-canary' } as const;
  await look.ask('shop', { ...question, slos: [{ ...slo, arms }] }, signal);
  expect(look.known('shop')?.rps).toBe(10);
  // kills: the canary's requests, or the pods of the release, in a query about the gateway
  expect(asked).toContain(
    'sum by (namespace, pod, container, instance) (http_requests_total{service=~"web",exported_service=""} or http_requests_total{exported_service=~"web"})',
  );
});
