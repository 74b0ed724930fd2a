import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { type EnvoyGateway, startEnvoyGateway } from '../lab/envoy-gateway.ts';
import type { LoadReport } from '../lab/load/recorder.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { lost } from './support/lost.ts';
import { type AppSpec, hostOf } from './support/shop.ts';
import { type App, calmLease, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { arrivals, isEnding, isPromoted, releaseOf } from './support/story.ts';

/**
 * Real requests through Envoy Gateway: its control plane takes our weights to an Envoy, whose counts are the gate's. In
 * `make long` alone, which builds it.
 */

const LONG = process.env['HEADGATE_LONG'] === '1';
const own = connectLab(inject('lab'));
let envoyGateway: EnvoyGateway;
let stage: Stage;

beforeAll(async () => {
  if (!LONG) return;
  envoyGateway = await startEnvoyGateway(own, { unmerged: 'blind' });
  stage = await openStage({ ...own, gatewayUrl: envoyGateway.url }, 'envoy-gateway');
  await stage.startOperator({ environment: calmLease });
});
afterAll(async () => {
  await stage?.close();
  await envoyGateway?.stop();
});

const v1 = 'lab/shop:v1';
const tagged = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-shop', value: 'yes' }] } }];

interface Route {
  spec: { rules: { backendRefs: { name: string; weight?: number; filters?: unknown[] }[] }[] };
  metadata: { annotations?: Record<string, string> };
}

function routes(filters?: object[]) {
  return ({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>) => [
    {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name, namespace },
      spec: {
        parentRefs: [envoyGateway.parentRef],
        hostnames: [hostOf({ name, namespace })],
        rules: [{ backendRefs: [{ name, port: 80, ...(filters === undefined ? {} : { filters }) }] }],
      },
    },
  ];
}

async function open(
  name: string,
  replicas: number,
  {
    filters,
    steps = [5, 50].map((weight) => ({ weight, hold: '3s' })),
  }: Pick<AppSpec, 'steps'> & { filters?: object[] } = {},
): Promise<App> {
  const builtin = { kind: 'http-availability', gateway: 'envoy-gateway' };
  const slo = `${name}-gateway`;
  return stage.open({
    ...{ name, image: v1, replicas, objective: '95', serviceLabels: { app: name } },
    objectives: { [slo]: { objective: '95', source: 'lab', sli: { builtin } } },
    steps,
    routes: routes(filters),
    rollout: { gates: [{ slo }] },
  });
}

/**
 * Requests that no pod answered, because Envoy had a route to a cluster that it did not have: Envoy Gateway brings both
 * without waiting, so for milliseconds after a backend joined or left a rule its share gets 500 (docs/routers.md).
 */
async function withoutCluster(app: App, report: LoadReport, from: Date): Promise<number> {
  const { bad } = met(report, 'unknown', 'gateway');
  const reasons = await waitFor(`Envoy to say why it lost ${bad} requests: ${lost(report)}`, async () => {
    const told = envoyGateway.ownFaults(hostOf(app.spec), from);
    return told.length >= bad ? told : undefined;
  });
  expect(reasons, lost(report)).toEqual(Array.from({ length: bad }, () => 'cluster_not_found'));
  return bad;
}

describe.runIf(LONG)('a release behind Envoy Gateway', { concurrent: true }, () => {
  test('with a filter on the backendRef, good: promoted by what Envoy counts, and no request that reached a pod failed', async () => {
    const v2 = 'lab/shop:v2';
    const app = await open('good', 2, { filters: tagged });
    const before = await app.get<Route>('httproute');
    const from = new Date();
    const load = await app.load(60);
    const { weights, promoted } = arrivals();
    await app.apply({ image: v2 });
    await app.until('promoted', promoted, 240);
    const report = await load.stop();
    const after = await app.get<Route>('httproute');
    tell('Envoy Gateway, promoted', report, { canary: met(report, v2, 'gateway'), weights: [...weights] });
    expect(report.failed, lost(report)).toEqual({ gateway: await withoutCluster(app, report, from), service: 0 });
    expect(met(report, v2, 'gateway').total).toBeGreaterThan(0);
    expect([...weights]).toEqual(expect.arrayContaining([5000, 50_000]));
    expect(after.spec).toEqual(before.spec);
  });

  test('with merged backends, bad: back to 0, and only its own answers failed', async () => {
    const v2 = 'lab/shop:v2-errors-50';
    const app = await open('bad', 3);
    const from = new Date();
    const load = await app.load(60);
    await app.apply({ image: v2 });
    const { status } = await app.until('taken back', isEnding, 240);
    // The record and the write to the route start together.
    await waitFor('weight 0', async () => ((await app.weight()) === 0 ? true : undefined));
    const report = await load.stop();
    tell('Envoy Gateway, taken back', report, { canary: met(report, v2, 'gateway'), why: status?.message });
    const { bad } = met(report, v2, 'gateway');
    const gateway = bad + (await withoutCluster(app, report, from));
    expect(report.failed, lost(report)).toEqual({ gateway, service: 0 });
    expect(bad).toBeGreaterThan(0);
  });

  test('with neither: one cluster of Envoy for both arms, no traffic for the canary, and it says what is missing', async () => {
    const v2 = 'lab/shop:v2';
    const app = await open('blind', 1);
    const load = await app.load(20);
    await app.apply({ image: v2 });
    const said = 'lacks what docs/catalogue.md says it needs';
    await app.until('told what is missing', ({ status }) => JSON.stringify(status?.gates ?? []).includes(said), 240);
    const report = await load.stop();
    expect(await app.weight()).toBe(0);
    expect(met(report, v2, 'gateway').total).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  });

  const copies = [
    { mirror: { percent: 100 }, hold: '3s', pause: {} },
    { weight: 50, hold: '3s' },
  ];

  test('copies, with merged backends: the canary gets them, gates judge it by them, and no user meets it', async () => {
    const v2 = 'lab/shop:v2';
    const app = await open('copied', 2, { steps: copies });
    const before = await app.get<Route>('httproute');
    const from = new Date();
    const load = await app.load(30);
    await app.apply({ image: v2 });
    const counted = ({ status }: RolloutObject) =>
      status?.reason === 'Step' && (status.gates ?? []).some(({ canary }) => canary.total >= 60);
    const { status } = await app.until('copies to be counted', counted, 240);
    const during = await app.get<Route>('httproute');
    const { results } = await load.report();
    await app.act('promote', 'copies are answered well');
    await app.until('promoted', isPromoted, 240);
    const report = await load.stop();
    const after = await app.get<Route>('httproute');
    tell('copies through Envoy Gateway', report, { gates: status?.gates?.map(({ canary }) => canary) });

    // kills: a catalogue that does not know the cluster of copies.
    expect(status?.gates?.[0]).toMatchObject({ canary: { bad: 0 }, verdict: expect.not.stringMatching('Fail') });
    expect(results.filter(({ image, client }) => image === v2 && client === 'gateway')).toEqual([]);
    expect(during.metadata.annotations?.['headgate.dev/fence']).toMatch(/\/0$/);
    expect(JSON.stringify(during.spec)).toContain('RequestMirror');
    expect(after.spec).toEqual(before.spec);
    expect(report.failed, lost(report)).toEqual({ gateway: await withoutCluster(app, report, from), service: 0 });
  });

  test('copies, with a filter on the backendRef: a canary that fails them is stopped before any user met it', async () => {
    const v2 = 'lab/shop:v2-errors-100';
    const app = await open('miscopied', 2, { steps: copies, filters: tagged });
    const before = await app.get<Route>('httproute');
    const load = await app.load(30);
    await app.apply({ image: v2 });
    await app.until('stopped', ({ status }) => status?.state?.release?.ending !== undefined, 240);
    await waitFor("the route to be its user's again", async () =>
      JSON.stringify((await app.get<Route>('httproute')).spec) === JSON.stringify(before.spec) ? true : undefined,
    );
    const report = await load.stop();
    const { status } = await releaseOf(app);
    tell('failed copies through Envoy Gateway', report, { why: status.message, breach: status.breach });

    expect(status.breach).toMatchObject({ gate: 'miscopied-gateway', arms: { stable: { bad: 0 } } });
    expect(status.breach?.arms?.canary.bad).toBeGreaterThan(0);
    // kills: a record that says that users met what was copied.
    expect(status.breach?.exposure).toMatchObject({ canaryRequests: 0, canaryBad: 0, excess: 0 });
    expect(met(report, v2).total).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  });

  test('matched users, with a filter on the backendRef: gates judge the canary by what they meet', async () => {
    const v2 = 'lab/shop:v2';
    const matched = { headers: [{ name: 'x-beta', value: 'yes' }], hold: '1s', pause: {} };
    const app = await open('matched', 2, { steps: [matched, { weight: 50, hold: '3s' }], filters: tagged });
    const load = await app.load(30);
    await app.apply({ image: v2 });
    await app.until('to pause for a person', ({ status }) => status?.reason === 'Step', 240);
    const images = new Set<unknown>();
    for (let sent = 0; sent < 40; sent++) {
      const headers = { host: hostOf(app.spec), 'x-beta': 'yes' };
      const answer = await request(envoyGateway.url, { headers });
      await answer.body.dump();
      images.add(answer.headers['x-image']);
    }
    // kills: a catalogue that does not know the cluster of our rule.
    await app.until('them to be counted', ({ status }) => (status?.gates?.[0]?.canary.total ?? 0) >= 40);
    const report = await load.stop();
    expect([...images]).toEqual([v2]);
    expect(met(report, v2, 'gateway').total).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  });
});
