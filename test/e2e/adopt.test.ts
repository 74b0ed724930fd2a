import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { ROLLOUT_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { type AppSpec, objectsOf } from './support/shop.ts';
import { applyAll, gatewayServes, openStage, type Stage, startLoad } from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/** A Deployment with users becomes a Rollout, is released, and is given back: nobody of them notices. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'adopt');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s'];
const RPS = 50;
const REPLICAS = 3;

interface Deployment {
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { replicas?: number; availableReplicas?: number; observedGeneration?: number };
  metadata: { generation: number };
}

interface ServiceObject {
  spec: { selector: Record<string, string> };
}

/** What its user has before Headgate is there. */
function deploymentOf({ name, namespace, image, replicas }: AppSpec): Record<string, unknown> {
  const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
  const containers = [{ name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }] }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name }, annotations }, spec: { containers } },
    },
  };
}

async function left(name: string): Promise<string[]> {
  const kinds = 'pods,replicasets,services,releases.headgate.dev,rollouts';
  const listed = await kubectl(lab, 'get', kinds, '-n', stage.namespace, '-o', 'json');
  const { items } = JSON.parse(listed) as {
    items: { kind: string; metadata: { name: string; labels?: Record<string, string> } }[];
  };
  return items
    .filter(({ kind, metadata }) => metadata.labels?.[ROLLOUT_LABEL] === name || /^(Release|Rollout)$/.test(kind))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

test('a running Deployment is taken over, released and given back without one lost request', async () => {
  const name = 'web';
  const pods = {
    workloadRef: { kind: 'Deployment', name },
    replicas: undefined,
    selector: undefined,
    template: undefined,
  };
  const given = { name, image: v1, replicas: REPLICAS, objective: '95', rollout: pods };
  const spec: AppSpec = { ...given, namespace: stage.namespace };
  const users = objectsOf(spec).filter(({ kind }) => kind !== 'Rollout');
  await applyAll(lab, [...users, deploymentOf(spec)]);
  await gatewayServes(lab, spec);
  await kubectl(lab, 'rollout', 'status', `deployment/${name}`, '-n', stage.namespace, '--timeout=90s');
  const load = await startLoad(lab, spec, RPS);
  const moreRequests = async (requests: number) => {
    const { offered } = await load.report();
    await waitFor(`${requests} more requests`, async () =>
      (await load.report()).offered.service - offered.service >= requests ? true : undefined,
    );
  };
  await moreRequests(RPS);

  const app = await stage.open(given);
  const taken = await app.get<Deployment>('deployment');
  const narrowed = await app.get<ServiceObject>('service');
  const { spec: filled } = await app.rollout();
  await moreRequests(RPS);
  const before = await load.report();
  await kubectl(lab, 'set', 'image', `deployment/${name}`, `app=${v2}`, '-n', stage.namespace);
  await app.until('promoted', isPromoted, 240);
  const released = await load.report();
  await kubectl(lab, 'delete', 'rollout', name, '-n', stage.namespace, '--timeout=120s');
  const back = await app.get<Deployment>('deployment');
  await waitFor('everything of ours to go', async () => ((await left(name)).length === 0 ? true : undefined));
  await moreRequests(2 * RPS);
  const report = await load.stop();
  const wide = await app.get<ServiceObject>('service');
  tell('adoption, release, give-back', report, { v2: met(report, v2) });

  // kills: the Service narrowed while pods of the Deployment serve; the Deployment to 0 before ours do.
  expect(before.failed, lost(before)).toEqual({ gateway: 0, service: 0 });
  expect(released.failed, lost(released)).toEqual({ gateway: 0, service: 0 });
  // kills: our pods taken down before the Deployment's serve.
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  expect(taken).toMatchObject({ spec: { replicas: 0 } });
  expect(taken.status.replicas ?? 0).toBe(0);
  expect(filled).toMatchObject({ replicas: REPLICAS });
  expect(narrowed.spec.selector).toEqual({ app: name, [STABLE_LABEL]: 'true' });
  expect(back).toMatchObject({ spec: { replicas: REPLICAS }, status: { availableReplicas: REPLICAS } });
  expect(back.spec.template.spec.containers[0]?.image).toBe(v2);
  expect(wide.spec.selector).toEqual({ app: name });
  expect(met(report, v2, 'service').total).toBeGreaterThan(0);
}, 180_000);
