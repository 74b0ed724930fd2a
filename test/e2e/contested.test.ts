import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { adopt, type Deployment, setImage } from './support/adopted.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { type PodObject, podsOf } from './support/pods.ts';
import { type App, applyAll, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isPromoted, releaseOf } from './support/story.ts';

/** Others who decide about the same pods. Whoever fights for the route: route.test.ts; for the selector: appliers.test.ts. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'contested');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const [v1, v2] = ['lab/shop:v1-slowstop-3s', 'lab/shop:v2-slowstop-3s'];
const none = { gateway: 0, service: 0 };
const quick = { gates: [], settle: '1s', scaleDownDelay: '1s' };
const half = (hold: string, pause?: object) => [{ weight: 50, hold, ...(pause === undefined ? {} : { pause }) }];

const conditionOf = ({ status }: RolloutObject, wanted: string) =>
  status?.conditions?.find(({ type, status: is }) => type === wanted && is === 'True');

describe.concurrent('others', () => {
  test('drain the node of every canary pod, one after the other as their budget has it: the release goes on', async () => {
    const given = { name: 'drained', image: v1, replicas: 2, objective: '90', probe: false };
    const app = await stage.open({ ...given, steps: half('1s', {}), rollout: quick });
    await applyAll(lab, [budget(app)]);
    const load = await app.load(20);
    await app.apply({ image: v2 });
    const paused = await app.until('its step', ({ status }) => status?.reason === 'Step');
    const revision = paused.status?.state?.release?.revision;
    const before = await podsOf(lab, app, revision);
    const refusals: number[] = [];
    for (const pod of before) refusals.push(await evict(app, pod));
    const after = await waitFor('two others to be ready', async () => {
      const pods = await podsOf(lab, app, revision);
      const names = new Set(before.map(({ metadata }) => metadata.name));
      return pods.length === 2 && pods.every(({ metadata }) => !names.has(metadata.name)) ? pods : undefined;
    });
    const still = await app.rollout();
    await app.act('promote', 'the drain is over');
    await app.until('promoted', isPromoted, 180);
    const report = await load.stop();
    const release = await releaseOf(app);

    expect(before).toHaveLength(2);
    expect(after).toHaveLength(2);
    // kills: evicted pods that count as the canary's fault.
    expect(still.status).toMatchObject({ phase: 'Paused', reason: 'Step', weight: '50%' });
    expect(release.status).toMatchObject({ outcome: 'Promoted' });
    expect(report.failed, lost(report)).toEqual(none);
    tell('drained canary', report, { canary: met(report, v2).total, refusals });
  });

  test('set the replicas of an adopted Deployment up again: the third time it is let be, and who does it is named', async () => {
    const given = { name: 'fought', image: v1, replicas: 1, objective: '90', probe: false };
    const { app, load } = await adopt(lab, stage, { ...given, steps: half('1s'), rollout: quick }, 20);
    const deployment = () => app.get<Deployment>('deployment');
    const up = [
      'patch',
      'deployment',
      'fought',
      '-n',
      stage.namespace,
      '--type=merge',
      '-p',
      '{"spec":{"replicas":2}}',
    ];
    for (const _ of [1, 2]) {
      await kubectl(lab, ...up, '--field-manager=zealot');
      await waitFor('it to be taken back', async () => ((await deployment()).spec.replicas === 0 ? true : undefined));
    }
    const early = conditionOf(await app.rollout(), 'ReplicasContested');
    await kubectl(lab, ...up, '--field-manager=zealot');
    const told = await app.until('the condition', (rollout) => conditionOf(rollout, 'ReplicasContested') !== undefined);
    const { offered } = await load.report();
    await waitFor('its pods to run, for a while', async () => {
      const { status } = await deployment();
      const now = await load.report();
      return status.availableReplicas === 2 && now.offered.service - offered.service > 60 ? true : undefined;
    });
    const left = await deployment();
    // A release is nobody's business but ours: those pods meet no user.
    await setImage(lab, app, v2);
    await app.until('promoted', isPromoted, 180);
    await kubectl(lab, 'scale', 'deployment/fought', '--replicas=0', '-n', stage.namespace);
    await app.until('peace', (rollout) => conditionOf(rollout, 'ReplicasContested') === undefined);
    const report = await load.stop();

    const condition = conditionOf(told, 'ReplicasContested');
    expect(early).toBeUndefined();
    expect(condition?.message).toContain('zealot');
    // kills: a fight that never ends.
    expect(left.spec.replicas).toBe(2);
    expect(report.failed, lost(report)).toEqual(none);
    tell('contested replicas', report, { says: condition?.message });
  });
});

/** Of both arms together one pod may be away. */
function budget({ spec: { name, namespace } }: App): Record<string, unknown> {
  const spec = { maxUnavailable: 1, selector: { matchLabels: { app: name } } };
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name, namespace }, spec };
}

/** As `kubectl drain` does: asked again for as long as the budget refuses. Answers how often it did. */
async function evict({ spec: { namespace } }: App, { metadata: { name } }: PodObject): Promise<number> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  let refused = 0;
  await waitFor(
    `the eviction of ${name}`,
    async () => {
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
      const { status, body: answer } = await lab.api({ method: 'POST', path, body });
      if (status === 429) refused += 1;
      else if (status !== 201) throw new Error(JSON.stringify(answer));
      return status === 201 ? true : undefined;
    },
    { everyMs: 250 },
  );
  return refused;
}
