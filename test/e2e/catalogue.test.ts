import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GATEWAYS } from '#core/builtin.ts';
import type { Slo } from '#core/gate.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { resolveBuiltin } from '#sources/catalogue/list.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { counted, podTexts, recorded, replicaSets, target } from '#test/sources/catalogue/recorded.ts';
import { waitFor } from '../lab/wait.ts';
import { type Exposition, serveExposition } from './support/exposition.ts';
import { grownBetween } from './support/looks.ts';
import { type OwnPrometheus, startPrometheus } from './support/prometheus.ts';

/**
 * The recorded text of every gateway in a real Prometheus, read back by the queries and the evidence of the operator:
 * the growth of each arm must be what the text holds, to the request.
 */

const SCRAPE_MS: Millis = 1000;
const pods = Object.entries(podTexts());
const gateways = GATEWAYS.filter((gateway) => gateway !== 'app');
const texts = Object.fromEntries([
  ...gateways.map((gateway) => [`/${gateway}`, recorded(gateway)]),
  ...pods.map(([pod, text]) => [`/app/${pod}`, text]),
]);

/** The pods of app.txt as the watch cache would know them; those of other ReplicaSets are none of the release's. */
const podsOfRelease: PodInfo[] = (['stable', 'canary'] as const).flatMap((arm) =>
  pods
    .filter(([pod]) => pod.startsWith(`${replicaSets[arm]}-`))
    .map(([pod]) => ({ pod, arm, available: true, containers: [{ name: 'app', startedAt: 0 }] })),
);

interface Found {
  name: string;
  because: string;
  /** Labels that Prometheus gives to the targets of gateways. */
  labels: Record<string, string>;
}

/** How a cluster's Prometheus may have found the gateways. */
const ways: Found[] = [
  { name: 'by annotations', because: 'the series keep the names of their labels', labels: {} },
  {
    name: 'by a ServiceMonitor',
    because: "the target's labels push the series' own aside: exported_service, exported_namespace",
    labels: {
      namespace: 'infra',
      service: 'gateway-metrics',
      pod: 'gateway-0',
      container: 'gateway',
      endpoint: 'metrics',
    },
  },
];

describe.each(ways)('gateways found $name: $because', ({ labels }) => {
  let exposition: Exposition;
  let prometheus: OwnPrometheus;
  let source: MetricSource & { close(): void };
  /** Before and after everything in the texts was counted once more. */
  let looks: [Millis, Millis];

  beforeAll(async () => {
    exposition = await serveExposition(texts);
    prometheus = await startPrometheus([
      ...gateways.map((gateway) => job({ path: `/${gateway}`, labels })),
      ...pods.map(([pod]) => job({ path: `/app/${pod}`, labels: { namespace: 'shop', pod, container: 'app' } })),
    ]);
    source = createPrometheusSource({ name: 'own', url: prometheus.url, clock: systemClock });
    const first = await scraped();
    exposition.factor = 2;
    looks = [first, await scraped()];
  }, 60_000);

  afterAll(async () => {
    source?.close();
    await prometheus?.stop();
    await exposition?.close();
  });

  function job({ path, labels: own }: { path: string; labels: Record<string, string> }): object {
    const targets = [`127.0.0.1:${exposition.port}`];
    // One server plays them all: the instance is what tells them apart.
    const instance = path.slice(1);
    return { job_name: instance, metrics_path: path, static_configs: [{ targets, labels: { instance, ...own } }] };
  }

  /**
   * The moment at which every target has been stored as it is now, a whole tick ago. A scrape says that the one before it
   * was stored, and on a busy machine two of them come at once.
   */
  async function scraped(): Promise<Millis> {
    const all = Object.keys(texts);
    await waitFor('every target to be scraped three times', async () =>
      all.every((path) => exposition.scrapes(path) >= 3) ? true : undefined,
    );
    return Date.now();
  }

  test.each(counted)('$gateway $kind: $because', async ({ gateway, kind, thresholdMs, stable, canary }) => {
    const resolved = resolveBuiltin({ kind, gateway, ...(thresholdMs === undefined ? {} : { thresholdMs }) }, target);
    if (!resolved.ok) throw new Error(resolved.problem);
    const { sli, arms } = resolved;
    const slo: Slo = { name: 'own', sli, arms, objective: 0.99, windowMs: 86_400_000 };
    const [from, to] = looks;
    const scope = { namespace: 'shop', replicaSets: Object.values(replicaSets) };
    const between = { slo, scope, from, to, scrapeMs: SCRAPE_MS, pods: podsOfRelease };
    expect(await grownBetween(source, between)).toEqual({ stable, canary });
  });
});
