import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { identities, podsOf } from './support/pods.ts';
import { type AppSpec, objectsOf, rolloutOf } from './support/shop.ts';
import {
  type App,
  applyAll,
  gatewayServes,
  type Load,
  openStage,
  type RolloutObject,
  type Stage,
} from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/** What cannot work is refused, or said with field and fix; what runs goes on; what is mended goes on by itself. */

// More loads at once starve two cores, and clients would time out for that alone.
vi.setConfig({ maxConcurrency: 3 });

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'bad');
  await stage.startOperator({ environment: patientLease });
});
afterAll(async () => {
  await stage.close();
  await lab.kubectl(['delete', 'metricsource', missingSource(), deafSource(), '--ignore-not-found']);
});

const missingSource = () => `${stage.namespace}-missing`;
const deafSource = () => `${stage.namespace}-deaf`;
const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];

/** Little evidence is enough for an objective of 90, and little traffic gives it. */
const small = {
  ...{ image: v1, replicas: 2, objective: '90', steps: [{ weight: 50, hold: '1s' }] },
  rollout: { settle: '2s', scaleDownDelay: '2s' },
};

interface Row {
  name: string;
  because: string;
  /** Makes something unusable; may begin the release itself. */
  spoil(app: App): Promise<void>;
  /** What people read, and where. */
  says: RegExp;
  at: 'Valid' | 'message';
  mend(app: App, told: string): Promise<void>;
  /** The very revision that serves cannot be reached meanwhile. */
  unreachable?: true;
}

const object = (app: App, kind: string) => objectsOf(app.spec).filter((one) => one['kind'] === kind);
const remove = (kind: string) => async (app: App) => {
  await kubectl(lab, 'delete', kind, app.spec.name, '-n', app.spec.namespace);
};
const restore = (kind: string) => async (app: App) => applyAll(lab, object(app, kind));

async function patch({ spec }: Pick<App, 'spec'>, kind: string, change: object, type = 'merge'): Promise<void> {
  const given = [`--type=${type}`, '-p', JSON.stringify(change)];
  await kubectl(lab, 'patch', kind, spec.name, '-n', spec.namespace, ...given);
}

function source(name: string, url: string): Record<string, unknown> {
  const spec = { prometheus: { url }, scrapeInterval: '1s', timeout: '2s' };
  return { apiVersion: 'headgate.dev/v1alpha1', kind: 'MetricSource', metadata: { name }, spec };
}

function service(name: string, namespace: string, app: string): Record<string, unknown> {
  const spec = { selector: { app }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec };
}

const rows: Row[] = [
  {
    name: 'slo',
    because: 'a gate without its ServiceLevelObjective judges nothing',
    spoil: remove('servicelevelobjective'),
    says: /spec\.gates\[0\]\.slo: ServiceLevelObjective slo does not exist in namespace bad-\S+: create it, or/,
    at: 'Valid',
    mend: restore('ServiceLevelObjective'),
  },
  {
    name: 'suite',
    because: 'a probe without its ProbeSuite proves nothing',
    spoil: remove('probesuite'),
    says: /spec\.probes\[0\]\.suite: ProbeSuite suite does not exist in namespace bad-\S+: create it, or/,
    at: 'Valid',
    mend: restore('ProbeSuite'),
  },
  {
    name: 'source',
    because: 'an objective without its MetricSource has no counters',
    spoil: (app) => patch(app, 'servicelevelobjective', { spec: { source: missingSource() } }),
    says: /spec\.gates\[0\]\.slo: MetricSource bad-\S+-missing does not exist: create it, or name another/,
    at: 'Valid',
    mend: () => applyAll(lab, [source(missingSource(), lab.prometheusUrl)]),
  },
  {
    name: 'deaf',
    because: 'a source that refuses connections is seen by asking alone, and holds the release before any traffic',
    async spoil(app) {
      // Port 9 of the lab's own address: nobody listens there.
      await applyAll(lab, [source(deafSource(), `http://${lab.address}:9`)]);
      await patch(app, 'servicelevelobjective', { spec: { source: deafSource() } });
    },
    says: /Waiting before the first raise: deaf: .*bad-\S+-deaf.*/,
    at: 'message',
    mend: () => applyAll(lab, [source(deafSource(), lab.prometheusUrl)]),
  },
  {
    name: 'template',
    because: 'an invalid pod template is found by a dry run and replaces nothing',
    async spoil(app) {
      const template = rolloutOf({ ...app.spec, image: v2 })['spec'] as {
        template: { spec: { containers: object[] } };
      };
      const containers = template.template.spec.containers.map((one) => ({ ...one, imagePullPolicy: 'Sometimes' }));
      const given = { ...template.template, spec: { containers } };
      await app.apply({ image: v2, rollout: { ...small.rollout, template: given } });
    },
    says: /spec\.template: the API server refuses it: .*imagePullPolicy.*"Sometimes"/,
    at: 'Valid',
    mend: (app) => app.apply({ image: v2, rollout: small.rollout }),
  },
  {
    name: 'leak',
    because: 'another Service would send users to canary pods at any weight',
    spoil: (app) => applyAll(lab, [service('leak-too', app.spec.namespace, 'leak')]),
    says: /spec\.services: Service leak-too would send requests to canary pods at any weight: kubectl patch service/,
    at: 'Valid',
    async mend(_app, told) {
      const command = /kubectl (patch service \S+ -n \S+ -p) '([^']+)'/.exec(told);
      await kubectl(lab, ...(command?.[1] ?? '').split(' '), command?.[2] ?? '');
    },
  },
  {
    name: 'split',
    because: 'a rule that a person splits has no room for a canary',
    async spoil(app) {
      await applyAll(lab, [service('split-other', app.spec.namespace, 'split')]);
      const other = { name: 'split-other', port: 80, weight: 1 };
      await patch(app, 'httproute', [{ op: 'add', path: '/spec/rules/0/backendRefs/-', value: other }], 'json');
    },
    says: /spec\.traffic: HTTPRoute split: rules\[0\] already splits split with split-other; keep split alone/,
    at: 'Valid',
    async mend(app) {
      await patch(app, 'httproute', [{ op: 'remove', path: '/spec/rules/0/backendRefs/1' }], 'json');
      await kubectl(lab, 'delete', 'service', 'split-other', '-n', app.spec.namespace);
    },
  },
  {
    name: 'route',
    because: 'one of two routes is missing',
    spoil: (app) =>
      app.apply({ rollout: { ...small.rollout, traffic: [{ httpRoute: 'route' }, { httpRoute: 'route-too' }] } }),
    says: /spec\.traffic: HTTPRoute route-too does not exist: create it, or take it out of spec\.traffic/,
    at: 'Valid',
    async mend(app) {
      const [route = {}] = object(app, 'HTTPRoute');
      const spec = { ...(route['spec'] as object), hostnames: ['route-too.example'] };
      await applyAll(lab, [{ ...route, metadata: { name: 'route-too', namespace: app.spec.namespace }, spec }]);
    },
  },
  {
    name: 'service',
    because: 'without its Service nobody can reach the pods, and they stay',
    spoil: remove('service'),
    says: /spec\.service: Service service does not exist in namespace bad-\S+: create it/,
    at: 'Valid',
    mend: restore('Service'),
    unreachable: true,
  },
];

const validOf = ({ status }: RolloutObject) => status?.conditions?.find(({ type }) => type === 'Valid');

function saysAt({ at }: Row, rollout: RolloutObject): string {
  const valid = validOf(rollout);
  if (at === 'Valid') return valid?.status === 'False' ? valid.message : '';
  return rollout.status?.message ?? '';
}

describe.concurrent('a mistake is named with its fix while the running revision serves', () => {
  test.each(rows)('$name: $because', async (row) => {
    const app = await stage.open({ ...small, name: row.name });
    const before = identities(await podsOf(lab, app));
    let load = row.unreachable ? undefined : await app.load(40, { service: 20 });
    await row.spoil(app);
    if (row.at === 'Valid') await app.until('the condition', (rollout) => row.says.test(saysAt(row, rollout)));
    // The new image comes while it is broken: nothing of it may appear.
    if (row.name !== 'template') await app.apply({ image: v2 });
    const told = await app.until('the sentence', (rollout) => row.says.test(saysAt(row, rollout)));
    if (load !== undefined) await twoTicks(load);
    const held = await app.rollout();
    const during = identities(await podsOf(lab, app)).filter((pod) => before.includes(pod));
    await row.mend(app, saysAt(row, told));
    if (row.unreachable) await gatewayServes(lab, app.spec);
    load ??= await app.load(40, { service: 20 });
    const promoted = await app.until('promoted by itself', isPromoted, 120);
    const report = await load.stop();

    expect(row.says.test(saysAt(row, held)), row.because).toBe(true);
    expect(held.status?.state?.release?.weight ?? 0).toBe(0);
    expect(during).toEqual(before);
    expect(validOf(promoted)).toMatchObject({ status: 'True' });
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell(`bad input ${row.name}`, report, { says: saysAt(row, told) });
  });

  test('two Rollouts on one Service: the younger has no pods until the older one is gone', async () => {
    const app = await stage.open({ ...small, name: 'older' });
    const load = await app.load(40, { service: 20 });
    const rival: AppSpec = { ...small, name: 'younger', namespace: stage.namespace, image: 'lab/shop:v9-errors-100' };
    const shared = { selector: { matchLabels: { app: 'older' } }, service: 'older', traffic: [{ httpRoute: 'older' }] };
    const inputs = objectsOf(rival).filter(({ kind }) => kind === 'ServiceLevelObjective' || kind === 'ProbeSuite');
    const younger = (image: string) => {
      const made = rolloutOf({ ...rival, image, rollout: { ...small.rollout, ...shared } });
      const { template } = made['spec'] as { template: { metadata: { labels: Record<string, string> } } };
      template.metadata.labels['app'] = 'older';
      return made;
    };
    await applyAll(lab, [...inputs, younger(rival.image)]);
    const path = `/apis/headgate.dev/v1alpha1/namespaces/${stage.namespace}/rollouts/younger`;
    const get = async () => (await lab.api<RolloutObject>({ path })).body;
    const told = await waitFor('the condition', async () => {
      const rollout = await get();
      return validOf(rollout)?.status === 'False' ? rollout : undefined;
    });
    await twoTicks(load);
    const pods = await podsOf(lab, { spec: rival });
    const first = await app.rollout();
    // Its pods stay and serve; the younger one takes the Service over.
    await applyAll(lab, [younger(v2)]);
    await kubectl(lab, 'delete', 'rollout', 'older', '-n', stage.namespace, '--cascade=orphan');
    await waitFor('the younger to serve', async () => ((await get()).status?.phase === 'Healthy' ? true : undefined));
    await twoTicks(load);
    const report = await load.stop();

    expect(validOf(told)?.message).toMatch(
      /spec\.service: Service older is driven by Rollout older already: give this/,
    );
    expect(pods).toEqual([]);
    expect(validOf(first)).toMatchObject({ status: 'True' });
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('bad input two Rollouts', report, { says: validOf(told)?.message });
  });

  test('an SLI that cannot work holds the release before any traffic; mended, the next attempt passes', async () => {
    const app = await stage.open({ ...small, name: 'sli' });
    const load = await app.load(40, { service: 20 });
    const events = (bad: object) => patch(app, 'servicelevelobjective', { spec: { sli: { events: { bad } } } });
    await events({ matchers: [{ label: 'code', op: '=~', value: '5..(' }] });
    await app.apply({ image: v2 });
    const unparsed = await app.until('the broken query', ({ status }) =>
      /refuses the query/.test(status?.message ?? ''),
    );
    // What a release goes by is fixed when it begins: a mended objective counts from the next attempt on.
    await events({ metric: 'no_such_requests_total', matchers: [] });
    await patch(app, 'servicelevelobjective', {
      spec: { sli: { events: { total: { metric: 'no_such_requests_total' } } } },
    });
    await nextAttempt(app);
    const unknown = await app.until('the missing metric', ({ status }) =>
      /first raise: sli: .* by no_such_requests_total; if it serves, mend spec\.sli/.test(status?.message ?? ''),
    );
    await twoTicks(load);
    const held = await app.rollout();
    await applyAll(lab, object(app, 'ServiceLevelObjective'));
    await nextAttempt(app);
    await app.until('promoted', isPromoted, 120);
    const report = await load.stop();

    expect(unparsed.status?.message).toMatch(/sli: lab: refuses the query: .*missing closing \): `\^\(\?:5\.\.\(\)\$`/);
    expect([unparsed, unknown, held].map(({ status }) => status?.state?.release?.weight)).toEqual([0, 0, 0]);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('bad input sli', report, { says: [unparsed.status?.message, unknown.status?.message] });
  });

  test('unknown fields and falling weights never reach the cluster', async () => {
    const app = await stage.open({ ...small, name: 'refused' });
    const apply = async (change: object) => {
      const wish = rolloutOf({ ...app.spec, rollout: { ...small.rollout, ...change } });
      return lab.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(wish));
    };
    const before = await app.rollout();
    const unknown = await apply({ stepz: [] });
    const falling = await apply({ steps: [50, 20].map((weight) => ({ weight, hold: '1s' })) });
    const after = await app.rollout();

    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\.spec\.stepz: field not declared in schema/),
    });
    expect(falling).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/spec\.steps: Invalid value: .*weights must rise from step to step/),
    });
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(validOf(after)).toMatchObject({ status: 'True' });
  });
});

async function nextAttempt(app: App): Promise<void> {
  expect(await app.act('abort')).toMatch(/^Applied/);
  expect(await app.act('retry')).toMatch(/^Applied/);
}

/** Long enough for whatever would happen by itself, counted in requests. */
async function twoTicks(load: Load): Promise<void> {
  const { offered } = await load.report();
  await waitFor('two ticks of traffic', async () => {
    const now = await load.report();
    return now.offered.gateway - offered.gateway >= 80 ? true : undefined;
  });
}
