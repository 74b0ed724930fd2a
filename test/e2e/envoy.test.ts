import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BuiltinSli } from '#core/builtin.ts';
import type { Millis } from '#lib/units.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { systemClock } from '#runtime/system-clock.ts';
import type { Target } from '#sources/catalogue/define.ts';
import { resolveBuiltin } from '#sources/catalogue/list.ts';
import { createPrometheusSource } from '#sources/prometheus.ts';
import { waitFor } from '../lab/wait.ts';
import { type OwnEnvoy, type SplitHost, startEnvoy } from './support/envoy.ts';
import { grownBetween } from './support/looks.ts';
import { type OwnPrometheus, startPrometheus } from './support/prometheus.ts';

/** The built-in SLIs of gateways that are made of Envoy, on a live Envoy: its counts are what clients met. */

const target: Target = {
  namespace: 'shop',
  service: 'checkout',
  canaryService: 'checkout-canary',
  port: 80,
  routes: [{ name: 'checkout', parents: [{ namespace: 'infra', name: 'gw' }], rules: [{ index: 0, backend: 0 }] }],
};
/** Another route to it, in a step of copies. */
const copied: Target = {
  ...target,
  routes: target.routes.map((route) => ({ ...route, name: 'copied', rules: [{ index: 0, backend: 0, copied: 0 }] })),
};

/** The clusters as each product names them. */
const hosts = {
  'envoy-gateway': {
    domain: 'eg.example',
    stable: 'httproute/shop/checkout/rule/0/backend/0',
    canary: 'httproute/shop/checkout/rule/0/backend/1',
    weight: 30,
  },
  copies: {
    domain: 'copied.example',
    stable: 'httproute/shop/copied/rule/0/backend/0',
    canary: 'httproute/shop/copied/rule/0/backend/1',
    weight: 0,
    copies: 'httproute/shop/copied/rule/0-mirror-0',
  },
  contour: { domain: 'contour.example', stable: 'shop_checkout_80', canary: 'shop_checkout-canary_80', weight: 30 },
} satisfies Record<string, SplitHost>;

const gateways = ['envoy-gateway', 'contour'] as const;
type Arm = 'stable' | 'canary';

let backends: Record<Arm, Server>;
let envoy: OwnEnvoy;
let prometheus: OwnPrometheus;
let source: MetricSource & { close(): void };

beforeAll(async () => {
  backends = {
    stable: await backend('stable', { everyth: 50, delayMs: 1 }),
    canary: await backend('canary', { everyth: 5, delayMs: 60 }),
  };
  envoy = await startEnvoy(Object.values(hosts), { stable: portOf(backends.stable), canary: portOf(backends.canary) });
  const targets = [`127.0.0.1:${envoy.adminPort}`];
  const job = { job_name: 'envoy', metrics_path: '/stats/prometheus', static_configs: [{ targets }] };
  prometheus = await startPrometheus([job]);
  source = createPrometheusSource({ name: 'own', url: prometheus.url, clock: systemClock });
}, 60_000);

afterAll(async () => {
  source?.close();
  await prometheus?.stop();
  await envoy?.stop();
  for (const server of Object.values(backends ?? {})) server.closeAllConnections();
  for (const server of Object.values(backends ?? {})) server.close();
});

/** Fails every so manieth request. On `/hang` the canary never answers. */
function backend(arm: Arm, { everyth, delayMs }: { everyth: number; delayMs: Millis }): Promise<Server> {
  let count = 0;
  const server = createServer(({ url }, response) => {
    if (url === '/hang' && arm === 'canary') return;
    count += 1;
    const code = count % everyth === 0 ? 500 : 200;
    setTimeout(() => response.writeHead(code, { 'x-arm': arm }).end(), delayMs);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Status and arm of one answer; undefined when the client gave up. */
function ask(host: string, path: string, patienceMs: Millis = 5000): Promise<{ code: number; arm: Arm } | undefined> {
  return new Promise((resolve) => {
    const options = { port: envoy.port, host: '127.0.0.1', path, headers: { host }, agent: false as const };
    const sent = request(options, (answer) => {
      answer.resume();
      // Envoy itself answers for the canary alone: nobody else hangs.
      const arm = answer.headers['x-arm'] === 'stable' ? 'stable' : 'canary';
      answer.on('end', () => resolve({ code: answer.statusCode ?? 0, arm }));
    });
    sent.setTimeout(patienceMs, () => sent.destroy());
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}

interface Tally {
  stable: [total: number, bad: number];
  canary: [total: number, bad: number];
  goneAway: number;
}

async function send(tally: Tally, count: number, question: () => ReturnType<typeof ask>): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    const answer = await question();
    if (answer === undefined) tally.goneAway += 1;
    else {
      tally[answer.arm][0] += 1;
      if (answer.code >= 500) tally[answer.arm][1] += 1;
    }
  }
}

/** An instant at which Prometheus holds all that was counted until now, flushed histograms among it. */
async function settled(): Promise<Millis> {
  const since = Date.now() + 2500;
  await waitFor('scrapes of Envoy', async () => {
    const { result } = await source.query('max(timestamp(envoy_cluster_upstream_rq_time_count))', { at: Date.now() });
    const [sample] = result.kind === 'vector' ? result.samples : [];
    return sample !== undefined && sample.value * 1000 > since ? true : undefined;
  });
  return Date.now();
}

const sliOf = (sli: BuiltinSli, among = target) => {
  const resolved = resolveBuiltin(sli, among);
  if (!resolved.ok) throw new Error(resolved.problem);
  return { name: 'own', sli: resolved.sli, arms: resolved.arms, objective: 0.99, windowMs: 86_400_000 };
};

describe('a live Envoy', () => {
  test('counts per arm what clients met, timeouts as failures, and nobody who left', async () => {
    const zero = (): Tally => ({ stable: [0, 0], canary: [0, 0], goneAway: 0 });
    for (const { domain } of Object.values(hosts)) await send(zero(), 20, () => ask(domain, '/'));
    const from = await settled();
    const told: Record<string, Tally> = {};
    let timedOut = 0;
    for (const gateway of gateways) {
      const { domain } = hosts[gateway];
      const tally = zero();
      await send(tally, 200, () => ask(domain, '/'));
      if (gateway === 'envoy-gateway') {
        const before = tally.canary[0];
        await send(tally, 20, () => ask(domain, '/hang'));
        timedOut = tally.canary[0] - before;
        await send(tally, 20, () => ask(domain, '/hang', 50));
      }
      told[gateway] = tally;
    }
    const ofCopied = zero();
    await send(ofCopied, 100, () => ask(hosts.copies.domain, '/'));
    const to = await settled();
    console.log(`a live Envoy: ${JSON.stringify({ ...told, timedOut })}`);

    const scope = { namespace: 'shop', replicaSets: ['checkout-1'] };
    for (const gateway of gateways) {
      const tally = told[gateway] ?? zero();
      const { stable, canary } = tally;
      const grown = (sli: BuiltinSli) => grownBetween(source, { slo: sliOf(sli), scope, from, to, scrapeMs: 1000 });
      expect(await grown({ kind: 'http-availability', gateway }), gateway).toEqual({ stable, canary });
      // The histogram has no request that Envoy timed out; the backends take 1 ms and 60 ms.
      const slow = canary[0] - (gateway === 'envoy-gateway' ? timedOut : 0);
      const latency = await grown({ kind: 'http-latency', gateway, thresholdMs: 50 });
      expect(latency.canary, gateway).toEqual([slow, slow]);
      expect(latency.stable[0], gateway).toBe(stable[0]);
    }
    const copies = sliOf({ kind: 'http-availability', gateway: 'envoy-gateway' }, copied);
    // Users met stable alone; of a hundred copies in a row every fifth failed, which no user saw.
    expect(ofCopied.canary).toEqual([0, 0]);
    // kills: copies that no gate counts
    expect(await grownBetween(source, { slo: copies, scope, from, to, scrapeMs: 1000 })).toEqual({
      stable: ofCopied.stable,
      canary: [100, 20],
    });
    expect(timedOut).toBeGreaterThan(0);
    expect(told['envoy-gateway']?.goneAway).toBeGreaterThan(0);
  }, 90_000);
});
