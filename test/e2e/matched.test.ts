import { request } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { gateway } from '../lab/gateway.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { hostOf } from './support/shop.ts';
import { type App, applyAll, openStage, type Stage } from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/**
 * A step for matched users, with real requests: whoever has the header meets the canary, nobody else ever does. And a
 * route of another namespace, whose ReferenceGrant is taken away in mid-release.
 */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'matched');
  // All namespaces: a route is elsewhere. Files run one at a time, so no Rollout of another stage is met.
  await stage.startOperator({ environment: { ...patientLease, HEADGATE_NAMESPACE: '' } });
});
afterAll(async () => {
  await stage.close();
  await lab.kubectl(['delete', 'namespace', edgeOf(stage.namespace), '--wait=false']);
});

const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
const beta = { name: 'x-beta', value: 'yes' };

/** The images that answered so many requests with these headers. */
async function imagesMet({ spec }: App, count: number, headers: Record<string, string>): Promise<string[]> {
  const images = new Set<string>();
  for (let i = 0; i < count; i++) {
    const answer = await request(lab.gatewayUrl, { headers: { host: hostOf(spec), ...headers } });
    await answer.body.dump();
    images.add(`${answer.statusCode} ${answer.headers['x-image']}`);
  }
  return [...images].sort();
}

test('matched requests go to the canary and others never do, and no request is lost', async () => {
  const steps = [
    { headers: [beta], hold: '1s', pause: {} },
    { weight: 50, hold: '3s' },
  ];
  const app = await stage.open({ name: 'matched', image: v1, replicas: 2, objective: '95', steps });
  const route = await app.get<{ spec: unknown }>('httproute');
  const load = await app.load(50);
  await app.apply({ image: v2 });
  const paused = await app.until('to pause for a person', ({ status }) => status?.reason === 'Step', 180);
  const matched = await imagesMet(app, 60, { 'x-beta': 'yes' });
  const others = [...(await imagesMet(app, 30, {})), ...(await imagesMet(app, 30, { 'x-beta': 'no' }))];
  const fence = (await app.get<{ metadata: { annotations?: Record<string, string> } }>('httproute')).metadata;
  expect(await app.act('promote')).toMatch(/^Applied/);
  await app.until('promoted', isPromoted, 240);
  const report = await load.stop();

  expect(paused.status?.message).toContain('users with x-beta: yes');
  expect(fence.annotations?.['headgate.dev/fence']).toMatch(/\/0$/);
  // kills: a matched rule that loses its headers, or that keeps the whole weight.
  expect(matched).toEqual([`200 ${v2}`]);
  expect(new Set(others)).toEqual(new Set([`200 ${v1}`]));
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect((await app.get<{ spec: unknown }>('httproute')).spec).toEqual(route.spec);
  tell('matched users', report, {});
});

const edgeOf = (namespace: string) => `${namespace}-edge`;

/** Lets HTTPRoutes of the other namespace send to one Service. */
const grant = (service: string, namespace: string) => ({
  ...{ apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant' },
  metadata: { name: service, namespace },
  spec: {
    from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: edgeOf(namespace) }],
    to: [{ group: '', kind: 'Service', name: service }],
  },
});

/** The application's route, in a namespace of its own, whose owner lets the Rollout split it. */
function routesElsewhere({ name, namespace }: { name: string; namespace: string }): Record<string, unknown>[] {
  const edge = edgeOf(namespace);
  const annotations = { 'headgate.dev/allow-rollout': `${namespace}/${name}` };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: edge } },
    grant(name, namespace),
    grant(`${name}-canary`, namespace),
    {
      ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
      metadata: { name, namespace: edge, annotations },
      spec: {
        parentRefs: [{ name: gateway.name, namespace: gateway.namespace }],
        hostnames: [hostOf({ name, namespace })],
        rules: [{ backendRefs: [{ name, namespace, port: 80 }] }],
      },
    },
  ];
}

test('a route of another namespace carries the canary while both sides allow it, and not a moment longer', async () => {
  const steps = [
    { weight: 50, hold: '1s', pause: {} },
    { weight: 60, hold: '1s' },
  ];
  const rollout = { traffic: [{ httpRoute: 'abroad', namespace: edgeOf(stage.namespace) }] };
  const given = { name: 'abroad', image: v1, replicas: 2, objective: '95', steps, rollout, routes: routesElsewhere };
  const app = await stage.open(given);
  const route = async () => {
    const text = await kubectl(lab, 'get', 'httproute', 'abroad', '-n', edgeOf(stage.namespace), '-o', 'json');
    return JSON.parse(text) as { spec: unknown; metadata: { annotations?: Record<string, string> } };
  };
  const before = await route();
  const load = await app.load(50);
  await app.apply({ image: v2 });
  await app.until('to pause for a person', ({ status }) => status?.reason === 'Step', 180);
  const met = await imagesMet(app, 60, {});
  const during = await route();
  const { failed } = await load.report();
  await kubectl(lab, 'delete', 'referencegrant', 'abroad-canary', '-n', stage.namespace);
  const barred = await app.until('to take it back', ({ status }) => status?.reason === 'RouteChanged');
  await waitFor("the route to be its owner's again", async () => {
    const refs = JSON.stringify((await route()).spec);
    return refs === JSON.stringify(before.spec) ? true : undefined;
  });
  await waitFor('stable alone to answer', async () => {
    const images = await imagesMet(app, 20, {});
    return images.length === 1 && images[0] === `200 ${v1}` ? true : undefined;
  });
  await applyAll(lab, [grant('abroad-canary', stage.namespace)]);
  expect(await app.act('retry')).toMatch(/^Applied/);
  await app.until('to pause once more', ({ status }) => status?.reason === 'Step', 240);
  const again = await imagesMet(app, 60, {});
  await load.stop();
  await kubectl(lab, 'delete', 'rollout', 'abroad', '-n', stage.namespace, '--timeout=120s');
  const left = await route();

  expect(met).toEqual([`200 ${v1}`, `200 ${v2}`]);
  expect(during.metadata.annotations?.['headgate.dev/fence']).toMatch(
    new RegExp(`^${stage.namespace}/abroad-\\d+/\\d+/50000$`),
  );
  expect(JSON.stringify(during.spec)).toContain(`"name":"abroad-canary","namespace":"${stage.namespace}"`);
  expect(failed).toEqual({ gateway: 0, service: 0 });
  // kills: a grant that is not watched.
  expect(barred.status?.message).toMatch(/no ReferenceGrant of namespace .+ lets it send to Service abroad-canary/);
  expect(again).toEqual([`200 ${v1}`, `200 ${v2}`]);
  expect(left.spec).toEqual(before.spec);
  expect(left.metadata.annotations).toEqual(before.metadata.annotations);
});

test('copies are not asked of a gateway that accepts the rule and then fails everybody', async () => {
  const steps = [
    { mirror: { percent: 100 }, hold: '1s' },
    { weight: 50, hold: '1s' },
  ];
  const plain = [{ weight: 50, hold: '1s' }];
  const app = await stage.open({ name: 'copied', image: v1, replicas: 1, objective: '95', steps: plain });
  const load = await app.load(20);
  await app.apply({ image: v2, steps });
  const refused = await app.until('the refusal', ({ status }) => /supportedFeatures/.test(status?.message ?? ''));
  const route = await app.get<{ metadata: { annotations?: object }; spec: unknown }>('httproute');
  const report = await load.stop();

  expect(refused.status?.message).toContain(
    'spec.steps[0].mirror: HTTPRoute copied: GatewayClass traefik does not list HTTPRouteRequestMirror in status.supportedFeatures',
  );
  // kills: a rule of copies, which Traefik accepts, and answers 500 to everybody.
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect(JSON.stringify(route)).not.toContain('RequestMirror');
  tell('copies of a gateway without', report, { says: refused.status?.message });
});
