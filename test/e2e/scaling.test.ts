import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { type MetricsStub, startMetrics } from '../lab/metrics/start.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { podsOf } from './support/pods.ts';
import { type App, applyAll, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { createTrail, isEnding, isPromoted } from './support/story.ts';

/**
 * Somebody else decides how many pods there are: a HorizontalPodAutoscaler on load, and a quota. And a stable that
 * gives pods back while the canary serves.
 */

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

describe('with shrinkStable', { concurrent: true }, () => {
  const shared = { replicas: 5, objective: '95', rollout: { shrinkStable: true, settle: '1s', scaleDownDelay: '3s' } };
  const sizesOf = async (app: App) => {
    const { from, revision } = (await app.rollout()).status?.state?.release ?? {};
    return sizes(app, [from, revision]);
  };
  const have = (app: App, wanted: string) =>
    waitFor(`pods ${wanted}`, async () => ((await sizesOf(app)).join() === wanted ? true : undefined), {
      withinMs: 120_000,
    });

  test('good: stable goes down with the weight to N(1 - w/2), and no request is lost', async () => {
    const steps = [40, 80].map((weight) => ({ weight, hold: '1s', pause: {} }));
    const app = await stage.open({ ...shared, name: 'slim', image: v1, steps });
    const load = await app.load(40);
    await release(app, v2);
    await app.until('40 %', stoppedAt('40%'), 180);
    await have(app, '4,3');
    await app.act('promote', 'forty is well');
    await app.until('80 %', stoppedAt('80%'), 180);
    await have(app, '3,5');
    await app.act('promote', 'eighty is well');
    await app.until('promoted', isPromoted, 240);
    const report = await load.stop();

    // kills: pods of stable that go before the gateway has the weight; that have not come back when clients move.
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('a stable that shrinks, promoted', report, { canary: met(report, v2) });
  });

  test('bad: stable takes back what its ready pods carry, the rest as pods come, and only the bad answers failed', async () => {
    const steps = [{ weight: 80, hold: '10m' }];
    const slow = 'lab/shop:v1-slowstop-3s-slowstart-4s';
    const app = await stage.open({ ...shared, name: 'slimbad', image: slow, steps });
    const load = await app.load(40);
    await release(app, v2);
    const at80 = await app.until('80 %', ({ status }) => status?.state?.release?.arrivedAt !== undefined, 180);
    await have(app, '3,5');
    const { from, revision = '' } = at80.status?.state?.release ?? {};
    const trail = createTrail();
    const words = new Set<string>();
    await app.fault(revision, 'errors-50');
    await app.until('taken back', (rollout) => {
      trail.note(rollout);
      words.add(rollout.status?.message ?? '');
      return isEnding(rollout);
    });
    await waitFor('stable to be whole', async () => ((await podsOf(lab, app, from)).length === 5 ? true : undefined));
    const report = await load.stop();

    const { bad } = met(report, v2, 'gateway');
    tell('a stable that shrinks, taken back', report, { canary: met(report, v2), weights: trail.weights });
    // kills: everything at once on too few pods; nothing until all are there.
    expect(trail.weights.slice(0, 2)).toEqual([80_000, 40_000]);
    expect([...words].join('\n')).toContain("as stable's pods come: 3 of 5 are ready, the canary keeps 40%");
    expect(bad).toBeGreaterThan(0);
    expect(report.failed, lost(report)).toEqual({ gateway: bad, service: 0 });
  });
});
