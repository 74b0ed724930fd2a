import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { type MetricsStub, startMetrics } from '../lab/metrics/start.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { podsOf } from './support/pods.ts';
import { type App, applyAll, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isPromoted } from './support/story.ts';

/** Somebody else decides how many pods there are: a HorizontalPodAutoscaler on load, and a quota. */

const lab = connectLab(inject('lab'));
const v1 = 'lab/shop:v1-slowstop-3s';
const v2 = 'lab/shop:v2-slowstop-3s';
let stage: Stage;
let metrics: MetricsStub | undefined;

beforeAll(async () => {
  stage = await openStage(lab, 'scaling');
  await stage.startOperator({ environment: patientLease });
});
afterAll(async () => {
  await metrics?.end();
  await stage.close();
});

/** Each pod shall use 300 thousandths of a core; a lower wish is not waited for. */
function autoscaler({ name, namespace }: App['spec']) {
  return {
    ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name, namespace } },
    spec: {
      scaleTargetRef: { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', name },
      ...{ minReplicas: 2, maxReplicas: 6 },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'AverageValue', averageValue: '300m' } } },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 }, scaleUp: { stabilizationWindowSeconds: 0 } },
    },
  };
}

/** As whoever owns the template alone would: replicas are the autoscaler's. */
async function release({ spec: { name, namespace } }: App, image: string): Promise<void> {
  const containers = [{ name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }] }];
  const patch = JSON.stringify({ spec: { template: { spec: { containers } } } });
  await kubectl(lab, 'patch', 'rollout', name, '-n', namespace, '--type=merge', '-p', patch);
}

async function sizes(app: App, revisions: (string | undefined)[]): Promise<number[]> {
  return Promise.all(revisions.map(async (revision) => (await podsOf(lab, app, revision)).length));
}

const wishes = (replicas: number) => (rollout: RolloutObject) => rollout.spec['replicas'] === replicas;
const stoppedAt = (weight: string) => (rollout: RolloutObject) =>
  rollout.status?.reason === 'Step' && rollout.status.weight === weight;

test('an autoscaler moves both arms up at once and down at the end, and acts on the arm that has the traffic', async () => {
  metrics = await startMetrics(lab);
  metrics.use(900);
  const steps = [
    { weight: 20, hold: '2s', pause: {} },
    { weight: 50, hold: '2s', pause: {} },
  ];
  const app = await stage.open({ name: 'hpa', image: v1, replicas: 3, objective: '95', steps });
  await applyAll(lab, [autoscaler(app.spec)]);
  await waitFor(
    'the autoscaler to work',
    async () => {
      const { status } = await app.get<{ status?: { desiredReplicas?: number } }>('hpa');
      return status?.desiredReplicas === 3 ? true : undefined;
    },
    { withinMs: 120_000 },
  );
  const load = await app.load(50);
  await release(app, v2);
  const early = await app.until('20 %', stoppedAt('20%'), 180);
  const { from, revision } = early.status?.state?.release ?? {};
  metrics.use(1500);
  await app.until('a higher wish', wishes(5), 120);
  await waitFor(
    'both arms to grow',
    async () => {
      const [stable = 0, canary = 0] = await sizes(app, [from, revision]);
      return stable === 5 && canary >= 2 ? true : undefined;
    },
    { withinMs: 60_000 },
  );
  metrics.use(600);
  await app.until('a lower wish', wishes(2), 120);
  await app.act('promote', 'twenty is well');
  const half = await app.until('50 %', stoppedAt('50%'), 180);
  // From here on the autoscaler sees the canary: four of its five pods would do.
  metrics.use(1200);
  await app.until('a wish by the canary', wishes(4), 120);
  const held = await sizes(app, [from, revision]);
  await app.act('promote', 'the half is well');
  await app.until('promoted', isPromoted, 240);
  await waitFor('the size of the newest wish', async () =>
    (await sizes(app, [from, revision])).join() === '0,4' ? true : undefined,
  );
  const report = await load.stop();

  const selector = ({ status }: RolloutObject) => (status as { selector?: string } | undefined)?.selector;
  expect(selector(early)).toContain(`revision=${from}`);
  expect(selector(half)).toContain(`revision=${revision}`);
  // kills: a lower wish that takes pods away in the middle of a release.
  expect(held).toEqual([5, 5]);
  expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  tell('autoscaler during a release', report, { canary: met(report, v2).total, held });
});

test('a quota without room is named before any canary pod exists, and the release begins once it has', async () => {
  // What else there is in a namespace counts too.
  const alone = await openStage(lab, 'quota');
  try {
    await alone.startOperator({ environment: patientLease });
    const app = await alone.open({ name: 'quota', image: v1, replicas: 2, objective: '95' });
    const { namespace } = alone;
    const metadata = { name: 'team', namespace };
    const allow = (pods: number) =>
      applyAll(lab, [{ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard: { pods } } }]);
    await allow(3);
    await waitFor('the quota to be counted', async () => {
      const { status } = await app.get<{ status?: { used?: { pods?: string } } }>('resourcequota', 'team');
      return status?.used?.pods === '2' ? true : undefined;
    });
    const load = await app.load(20);
    await release(app, v2);
    const refused = await app.until('the quota', ({ status }) => /ResourceQuota/.test(status?.message ?? ''), 120);
    const answer = await app.get<{ items: unknown[] }>('replicasets', '-l=headgate.dev/rollout=quota');
    await allow(6);
    await app.until('promoted', isPromoted, 240);
    const report = await load.stop();

    expect(refused.status).toMatchObject({
      phase: 'Degraded',
      message:
        'spec.replicas: ResourceQuota team has no room for the 2 pods that the release adds: pods needs 2, free 1 of 3: raise the quota, or lower spec.replicas',
    });
    // kills: a canary that is made as far as the quota lets it.
    expect(answer.items).toHaveLength(1);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
  } finally {
    await alone.close();
  }
});
