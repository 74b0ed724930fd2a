import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { METRICS } from '#operator/metric-registry.ts';
import { createTelemetry, SERIES_MAX } from '#operator/metrics.ts';
import { fillRolloutGauges } from '#operator/rollout-metrics.ts';
import { fleet } from '../core/fleet.ts';

const metrics = [
  { name: 'headgate_a_total', type: 'counter', help: 'A.', labels: ['x'] },
  { name: 'headgate_b', type: 'gauge', help: 'B.', labels: ['x'] },
  { name: 'headgate_c_seconds', type: 'histogram', help: 'C.', labels: ['x'], buckets: [0.1, 1] },
  { name: 'headgate_telemetry_dropped_total', type: 'counter', help: 'D.', labels: ['reason'] },
] as const;

describe('exposition', () => {
  test('is what Prometheus reads', () => {
    const telemetry = createTelemetry(metrics);
    telemetry.count('headgate_a_total', { x: 'say "hi"\n' });
    telemetry.count('headgate_a_total', { x: 'say "hi"\n' }, 2);
    telemetry.gauge('headgate_b', 0.5);
    for (const value of [0.1, 0.5, 7]) telemetry.observe('headgate_c_seconds', value, { x: '1' });
    expect(telemetry.render()).toBe(`# HELP headgate_a_total A.
# TYPE headgate_a_total counter
headgate_a_total{x="say \\"hi\\"\\n"} 3
# HELP headgate_b B.
# TYPE headgate_b gauge
headgate_b{x=""} 0.5
# HELP headgate_c_seconds C.
# TYPE headgate_c_seconds histogram
headgate_c_seconds_bucket{x="1",le="0.1"} 1
headgate_c_seconds_bucket{x="1",le="1"} 2
headgate_c_seconds_bucket{x="1",le="+Inf"} 3
headgate_c_seconds_sum{x="1"} 7.6
headgate_c_seconds_count{x="1"} 3
`);
  });

  test('what is collected lives for one scrape', () => {
    // kills: keeping gauges of a Rollout that is gone
    const telemetry = createTelemetry(metrics);
    let live = ['one', 'two'];
    telemetry.collect((gauge) => live.forEach((x) => void gauge('headgate_b', 1, { x })));
    expect(telemetry.render()).toContain('headgate_b{x="one"} 1\nheadgate_b{x="two"} 1');
    live = ['two'];
    expect(telemetry.render()).not.toContain('one');
  });

  test.each([
    {
      name: 'an unknown metric',
      reason: 'unknown',
      go: (t: ReturnType<typeof createTelemetry>) => t.count('headgate_z_total'),
    },
    {
      name: 'a wrong type',
      reason: 'unknown',
      go: (t: ReturnType<typeof createTelemetry>) => t.gauge('headgate_a_total', 1),
    },
    {
      name: 'an unknown label',
      reason: 'series',
      go: (t: ReturnType<typeof createTelemetry>) => t.count('headgate_a_total', { y: '1' }),
    },
    {
      name: 'a counter that falls',
      reason: 'series',
      go: (t: ReturnType<typeof createTelemetry>) => t.count('headgate_a_total', { x: '1' }, -1),
    },
    {
      name: 'no number',
      reason: 'series',
      go: (t: ReturnType<typeof createTelemetry>) => t.observe('headgate_c_seconds', Number.NaN, { x: '1' }),
    },
  ])('$name is dropped and counted', ({ reason, go }) => {
    const telemetry = createTelemetry(metrics);
    go(telemetry);
    expect(telemetry.render()).toContain(`headgate_telemetry_dropped_total{reason="${reason}"} 1`);
  });

  test('a label without bounds takes nobody down', () => {
    const telemetry = createTelemetry(metrics);
    for (let i = 0; i < SERIES_MAX + 5; i += 1) telemetry.gauge('headgate_b', 1, { x: `${i}` });
    expect(telemetry.render()).toContain('headgate_telemetry_dropped_total{reason="series"} 5');
  });
});

test('rollouts become gauges without a dropped one', () => {
  const telemetry = createTelemetry();
  telemetry.collect((gauge) => fillRolloutGauges(fleet().rollouts, gauge));
  const text = telemetry.render();
  expect(text).toContain('headgate_rollout_info{namespace="shop",rollout="checkout",phase="Progressing"} 1');
  expect(text).toContain('headgate_rollout_weight{namespace="shop",rollout="checkout"} 0.2');
  expect(text).toContain('arm="canary",result="bad"} 7');
  const forecast =
    /headgate_release_spend_forecast_ratio\{namespace="shop",rollout="checkout",bound="pessimistic"\} 0.0008/;
  expect(text).toMatch(forecast);
  expect(text).not.toContain('dropped');
});

test('every metric that the code names is in the registry', () => {
  const known = new Set(METRICS.map(({ name }) => name));
  const files = globSync('src/{runtime,kube,operator,sources,probes}/**/*.ts');
  const named = files.flatMap(
    (file) => readFileSync(file, 'utf8').match(/(?<=\.(?:count|gauge|observe)\(\s*')headgate_\w+/g) ?? [],
  );
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});

test('names carry their unit', () => {
  for (const { name, type } of METRICS) {
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_(?:seconds|requests)$/);
  }
});
