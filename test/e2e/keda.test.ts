import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { installKedaKinds, type Keda, startKeda } from '../lab/keda.ts';
import { type MetricsStub, startMetrics } from '../lab/metrics/start.ts';
import { waitFor } from '../lab/wait.ts';
import { adopting, type Deployment, deploymentOf, servedByDeployment } from './support/adopted.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { podsOf } from './support/pods.ts';
import { type AppSpec, objectsOf } from './support/shop.ts';
import { type App, applyAll, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/**
 * KEDA's own operator over a Rollout: it makes the autoscaler, which the real controller works by. In `make long` alone,
 * which builds it.
 */

const LONG = process.env['HEADGATE_LONG'] === '1';
const lab = connectLab(inject('lab'));
const v1 = 'lab/shop:v1-slowstop-3s';
const v2 = 'lab/shop:v2-slowstop-3s';
let stage: Stage;
let keda: Keda | undefined;
let metrics: MetricsStub | undefined;

beforeAll(async () => {
  if (!LONG) return;
  await installKedaKinds(lab);
  metrics = await startMetrics(lab);
  stage = await openStage(lab, 'keda');
  keda = startKeda(lab, stage.namespace);
  await stage.startOperator({ environment: patientLease });
});
afterAll(async () => {
  await keda?.stop();
  await metrics?.end();
  await stage?.close();
});

interface ScaledObject {
  status?: { conditions?: { type: string; status: string; message?: string }[]; scaleTargetKind?: string };
}
interface Autoscaler {
  metadata: { ownerReferences?: { kind: string; name: string }[] };
  spec: { scaleTargetRef: { apiVersion: string; kind: string; name: string } };
  status?: { desiredReplicas?: number };
}

/** Each pod shall use half of the 600 thousandths of a core that it asks for; a lower wish is not waited for. */
function scaledObject({ name, namespace }: Pick<AppSpec, 'name' | 'namespace'>, scaleTargetRef: object) {
  const atOnce = { scaleDown: { stabilizationWindowSeconds: 0 }, scaleUp: { stabilizationWindowSeconds: 0 } };
  return {
    ...{ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name, namespace } },
    spec: {
      scaleTargetRef,
      ...{ minReplicaCount: 2, maxReplicaCount: 6 },
      triggers: [{ type: 'cpu', metricType: 'Utilization', metadata: { value: '50' } }],
      advanced: { horizontalPodAutoscalerConfig: { behavior: atOnce } },
    },
  };
}

const scraped = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' };
const podSpec = (image: string) => ({
  containers: [
    { name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }], resources: { requests: { cpu: '600m' } } },
  ],
});

/** A merge patch, as whoever owns the template alone would write it: replicas are the autoscaler's. */
async function patchTemplate(kind: string, { name, namespace }: Pick<AppSpec, 'name' | 'namespace'>, image: string) {
  const patch = JSON.stringify({ spec: { template: { spec: podSpec(image) } } });
  await kubectl(lab, 'patch', kind, name, '-n', namespace, '--type=merge', '-p', patch);
}

async function object<T>(kind: string, name: string): Promise<T> {
  return JSON.parse(await kubectl(lab, 'get', kind, name, '-n', stage.namespace, '-o', 'json'));
}

/** Until KEDA has made its autoscaler, and that asks for so many. */
async function asksFor(name: string, replicas: number): Promise<Autoscaler> {
  const given = () => keda?.death();
  await waitFor(
    `KEDA to be ready for ${name}`,
    async () => {
      const { status } = await object<ScaledObject>('scaledobject', name);
      const ready = status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True');
      return ready === true ? true : undefined;
    },
    { withinMs: 120_000, given },
  );
  return waitFor(
    `keda-hpa-${name} to ask for ${replicas}`,
    async () => {
      const found = await object<Autoscaler>('hpa', `keda-hpa-${name}`);
      return found.status?.desiredReplicas === replicas ? found : undefined;
    },
    { withinMs: 120_000, given },
  );
}

async function sizes(app: App, revisions: (string | undefined)[]): Promise<number[]> {
  return Promise.all(revisions.map(async (revision) => (await podsOf(lab, app, revision)).length));
}

const wishes = (replicas: number) => (rollout: RolloutObject) => rollout.spec['replicas'] === replicas;
const stoppedAt = (weight: string) => (rollout: RolloutObject) =>
  rollout.status?.reason === 'Step' && rollout.status.weight === weight;

describe.runIf(LONG)('a ScaledObject', () => {
  test('moves both arms up at once and down at the end of a release, and no request is lost', async () => {
    metrics?.use(900);
    const steps = [20, 50].map((weight) => ({ weight, hold: '2s', pause: {} }));
    const name = 'shop';
    const target = { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', name };
    const rollout = { template: { metadata: { labels: { app: name }, annotations: scraped }, spec: podSpec(v1) } };
    const app = await stage.open({ name, image: v1, replicas: 3, objective: '95', steps, rollout });
    await applyAll(lab, [scaledObject(app.spec, target)]);
    const made = await asksFor(name, 3);
    const load = await app.load(50);
    await patchTemplate('rollout', app.spec, v2);
    const early = await app.until('20 %', stoppedAt('20%'), 180);
    const { from, revision } = early.status?.state?.release ?? {};
    metrics?.use(1500);
    await app.until('a higher wish', wishes(5), 120);
    const grown = await waitFor(
      'both arms to grow',
      async () => {
        const found = await sizes(app, [from, revision]);
        return found[0] === 5 && (found[1] ?? 0) >= 2 ? found : undefined;
      },
      { withinMs: 120_000 },
    );
    metrics?.use(600);
    await app.until('a lower wish', wishes(2), 120);
    await app.act('promote', 'twenty is well');
    await app.until('50 %', stoppedAt('50%'), 180);
    // From here on the autoscaler sees the canary: four of its five pods would do.
    metrics?.use(1200);
    await app.until('a wish by the canary', wishes(4), 120);
    const held = await sizes(app, [from, revision]);
    await app.act('promote', 'the half is well');
    await app.until('promoted', isPromoted, 240);
    await waitFor('the size of the newest wish', async () =>
      (await sizes(app, [from, revision])).join() === '0,4' ? true : undefined,
    );
    const report = await load.stop();
    const { status } = await object<ScaledObject>('scaledobject', name);
    tell('a ScaledObject during a release', report, { canary: met(report, v2).total, grown, held });

    expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'ScaledObject', name }]);
    expect(made.spec.scaleTargetRef).toEqual(target);
    expect(status?.scaleTargetKind).toBe('headgate.dev/v1alpha1.Rollout');
    // kills: a lower wish that takes pods away in the middle of a release.
    expect(held).toEqual([5, 5]);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  });

  test('of an adopted Deployment is named with the patch that points it at the Rollout, and then scales that', async () => {
    metrics?.use(900);
    const name = 'adopted';
    const rollout = { gates: [], settle: '1s', scaleDownDelay: '1s' };
    const app = adopting({ name, image: v1, replicas: 3, objective: '95', probe: false, rollout });
    const spec: AppSpec = { ...app, namespace: stage.namespace };
    await applyAll(lab, [deploymentOf(spec)]);
    await patchTemplate('deployment', spec, v1);
    await applyAll(lab, [scaledObject(spec, { name })]);
    await asksFor(name, 3);
    const load = await servedByDeployment(lab, spec, 20);
    await applyAll(lab, objectsOf(spec));
    const told = await waitFor(
      'the patch',
      async () => {
        const { status } = await object<RolloutObject>('rollout', name);
        const message = status?.message ?? '';
        return message.includes(`scales Deployment ${name}`) ? message : undefined;
      },
      { withinMs: 120_000 },
    );
    // kills: KEDA's own autoscaler named in its place, whose target KEDA alone can change.
    expect(told).toContain(`ScaledObject ${name} scales`);
    const untouched = await object<Deployment>('deployment', name);
    const [, words = '', patch = ''] = /kubectl (patch scaledobject .*) -p '(.*)'/.exec(told) ?? [];
    await kubectl(lab, ...words.split(' '), '-p', patch);
    const open = await stage.open(app);
    metrics?.use(1200);
    await open.until('a wish of KEDA', wishes(4), 120);
    await waitFor('four pods of the Rollout', async () => ((await podsOf(lab, open)).length === 4 ? true : undefined));
    const made = await object<Autoscaler>('hpa', `keda-hpa-${name}`);
    const after = await object<Deployment>('deployment', name);
    const report = await load.stop();
    tell('a ScaledObject of an adopted Deployment', report, { told });

    expect(untouched.spec.replicas).toBe(3);
    expect(made.spec.scaleTargetRef).toMatchObject({ kind: 'Rollout', name });
    expect(after.spec.replicas).toBe(0);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  });
});
