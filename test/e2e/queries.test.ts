import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MetricSource, QueryRules } from '#ports/metric-source.ts';
import { systemClock } from '#runtime/system-clock.ts';
import type { Ask, Grid, Span, Within } from '#sources/ask.ts';
import { type Learned, nothingLearned, plan } from '#sources/planner.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { forceNamespace } from '#sources/promql-namespace.ts';
import { share } from '#sources/share.ts';
import { waitFor } from '../lab/wait.ts';
import { type Exposition, serveExposition } from './support/exposition.ts';
import { type OwnPrometheus, startPrometheus } from './support/prometheus.ts';

/** What a real Prometheus answers to joined queries: each share must be what it answers to the ask alone. */

const rules: QueryRules = { maxConcurrent: 4, maxQueryLength: 60_000, window: undefined };
const NAMESPACES = ['shop', 'shop-2', 'pay'];
const NAMES = ['web', 'web-api', 'we'];
const REVISIONS = ['6f', '7b'];

const releases = NAMESPACES.flatMap((namespace) => NAMES.map((name) => ({ namespace, name })));
const pods = releases.flatMap(({ namespace, name }) =>
  REVISIONS.flatMap((revision) => [1, 2].map((n) => ({ namespace, pod: `${name}-${revision}-x${n}` }))),
);

const path = ({ namespace, pod }: { namespace: string; pod: string }) => `/${namespace}/${pod}`;

function textOf(index: number): string {
  return [
    '# TYPE requests_total counter',
    `requests_total{code="200",route="/"} ${100 + index}`,
    `requests_total{code="500",route="/"} ${index}`,
    '# TYPE took_seconds histogram',
    `took_seconds_bucket{le="0.1"} ${50 + index}`,
    `took_seconds_bucket{le="1"} ${90 + index}`,
    `took_seconds_bucket{le="+Inf"} ${100 + index}`,
    `took_seconds_sum 12`,
    `took_seconds_count ${100 + index}`,
    '',
  ].join('\n');
}

const edge = [
  '# TYPE edge_requests_total counter',
  ...releases.flatMap(({ namespace, name }, index) =>
    ['stable', 'canary'].flatMap((arm) => [
      `edge_requests_total{backend="${namespace}_${name}-${arm}_80",code="200"} ${100 + index}`,
      `edge_requests_total{backend="${namespace}_${name}-${arm}_81",code="200"} ${index}`,
    ]),
  ),
  '',
].join('\n');

let exposition: Exposition;
let prometheus: OwnPrometheus;
let source: MetricSource & { close(): void };
let span: Span;

beforeAll(async () => {
  const texts = Object.fromEntries(pods.map((pod, index) => [path(pod), textOf(index)]));
  exposition = await serveExposition({ ...texts, '/edge': edge });
  const target = `127.0.0.1:${exposition.port}`;
  const job = (metrics_path: string, labels: Record<string, string>) => ({
    ...{ job_name: metrics_path, metrics_path, static_configs: [{ targets: [target], labels }] },
  });
  prometheus = await startPrometheus([
    ...pods.map((pod) => job(path(pod), { ...pod, container: 'app' })),
    job('/edge', { namespace: 'gateways', pod: 'gateway-1', container: 'proxy' }),
  ]);
  source = createPrometheusSource({ name: 'own', url: prometheus.url, clock: systemClock });
  await waitFor('four scrapes of everything', () =>
    [...pods.map(path), '/edge'].every((one) => exposition.scrapes(one) >= 4)
      ? Promise.resolve(true)
      : Promise.resolve(undefined),
  );
  const to = Math.floor(Date.now() / 1000) * 1000 - 1000;
  span = { from: to - 2000, to, stepMs: 1000 };
});
afterAll(async () => {
  source?.close();
  await prometheus?.stop();
  await exposition?.close();
});

function asksOf(when: Span): Ask[] {
  const total = { metric: 'requests_total', matchers: [] };
  const bad = { metric: 'requests_total', matchers: [{ label: 'code', op: '=~' as const, value: '5..' }] };
  const buckets = { metric: 'took_seconds_bucket', matchers: [] };
  return releases.flatMap(({ namespace, name }) => {
    const within: Within = {
      by: 'Pod',
      scope: { namespace, replicaSets: REVISIONS.map((revision) => `${name}-${revision}`) },
    };
    const arm = (value: string, except?: string): Within => ({
      ...{ by: 'Label', label: 'backend', value: `${namespace}_${value}_.*` },
      ...(except === undefined ? {} : { except: `${namespace}_${except}_.*` }),
    });
    const edgeTotal = { metric: 'edge_requests_total', matchers: [] };
    return [
      { what: 'Counts', selector: total, within, span: when },
      { what: 'Counts', selector: bad, within, span: when },
      { what: 'Counts', selector: buckets, keep: 'le', within, span: when },
      { what: 'ScrapeTimes', selector: total, within, span: when },
      { what: 'Targets', selector: total, within, span: when },
      { what: 'TargetTimes', selector: total, within, span: when },
      { what: 'Counts', selector: edgeTotal, within: arm(`${name}-canary`), span: when },
      // Of `we` these are the values of `web` and `web-api` as well, and its own canary is not among them.
      { what: 'Counts', selector: edgeTotal, within: arm(`${name}.*`, `${name}-canary`), span: when },
      { what: 'ScrapeTimes', selector: edgeTotal, within: arm(`${name}-canary`), span: when },
    ] satisfies Ask[];
  });
}

async function answersOf(
  asks: readonly Ask[],
  learned: Learned = nothingLearned,
): Promise<{ grids: Map<Ask, Grid>; queries: number }> {
  const grids = new Map<Ask, Grid>();
  const queries = plan(asks, rules, learned);
  for (const query of queries) {
    const { from, to } = query.span;
    const { result } = await (from === to
      ? source.query(query.promql, { at: from })
      : source.range(query.promql, query.span));
    for (const { asks: own, grid } of share(query, result)) for (const ask of own) grids.set(ask, grid);
  }
  return { grids, queries: queries.length };
}

function shown(grid: Grid | undefined): unknown {
  return [...(grid ?? [])].map(([at, points]) => [at, points.map((point) => JSON.stringify(point)).sort()]);
}

describe.each([
  { name: 'one instant', when: () => ({ ...span, from: span.to }) },
  { name: 'a range', when: () => span },
])('joined queries about $name', ({ when }) => {
  test.each([
    { name: 'whose pods are named', learned: () => nothingLearned },
    { name: 'by namespace alone', learned: () => nothingLearned, many: 100 },
    {
      name: 'in parts',
      learned: (groups: string[]) => ({ ...nothingLearned, most: new Map(groups.map((group) => [group, 2])) }),
    },
    {
      name: 'each alone',
      learned: (groups: string[]) => ({ ...nothingLearned, most: new Map(groups.map((group) => [group, 1])) }),
    },
  ])('$name give each ask what it is answered alone', async ({ learned, many = 0 }) => {
    const asks = asksOf(when());
    // Releases without any pod make the names too long to be worth it.
    const others = Array.from({ length: many }, (_, index) => `nobody-${index}`).flatMap((name) =>
      asks.slice(0, 6).map(
        (ask): Ask => ({
          ...ask,
          within: { by: 'Pod', scope: { namespace: 'pay', replicaSets: [`${name}-5f7c9d8b6c`] } },
        }),
      ),
    );
    const groups = plan(asks, rules).map(({ group }) => group);
    const { grids, queries } = await answersOf([...asks, ...others], learned(groups));
    expect(queries).toBeGreaterThanOrEqual(groups.length);
    for (const ask of asks) {
      const { grids: single } = await answersOf([ask]);
      expect(shown(grids.get(ask)), JSON.stringify(ask)).toEqual(shown(single.get(ask)));
      expect(grids.get(ask)?.size, JSON.stringify(ask)).toBeGreaterThan(0);
    }
    for (const other of others) expect(grids.get(other)?.size).toBe(0);
  });
});

test('a query of a tenant reads its namespace alone', async () => {
  const forced = forceNamespace(
    'sum(requests_total) by (namespace) or max by (namespace) ({__name__=~"requests_.*"})',
    'pay',
  );
  if (!forced.ok) throw new Error(forced.message);
  const { result } = await source.query(forced.promql, { at: span.to });
  expect(result).toMatchObject({ kind: 'vector', samples: [{ labels: { namespace: 'pay' } }] });
});

test('what Prometheus refuses or gives instead of a vector has its own name', async () => {
  await expect(source.query('sum(', { at: span.to })).rejects.toMatchObject({ code: 'SOURCE_QUERY' });
  await expect(source.query('"text"', { at: span.to })).resolves.toMatchObject({ result: { kind: 'string' } });
  await expect(source.query('1', { at: span.to })).resolves.toMatchObject({ result: { kind: 'scalar' } });
});
