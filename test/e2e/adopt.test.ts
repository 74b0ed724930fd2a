import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { STABLE_LABEL } from '#core/labels.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import { waitFor } from '../lab/wait.ts';
import { adopt, adopting, type Deployment, deploymentOf, servedByDeployment, setImage } from './support/adopted.ts';
import { serverSide, startApplier } from './support/applier.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { objectsOf, rolloutOf } from './support/shop.ts';
import { type Load, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { releaseOf } from './support/story.ts';
import { differences, leavesNoTrace, tracesOf } from './support/traces.ts';

/** A Deployment with users becomes a Rollout, is released five times, and is given back: nobody of them notices. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'adopt');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const image = (version: number) => `lab/shop:v${version}-slowstop-3s`;
const RELEASES = [1, 2, 3, 4, 5];
const LAST = image(6);
const RPS = 50;
const REPLICAS = 2;
const RPS_OF_LABEL = 20;

interface ServiceObject {
  spec: { selector: Record<string, string> };
}

async function moreRequests(load: Load, requests: number): Promise<void> {
  const { offered } = await load.report();
  await waitFor(`${requests} more requests`, async () =>
    (await load.report()).offered.service - offered.service >= requests ? true : undefined,
  );
}

const rests =
  (releases: number) =>
  ({ status }: RolloutObject) =>
    status?.phase === 'Healthy' && status.state?.releases === releases && status.state.release === undefined;

describe('a Deployment', { concurrent: true }, () => {
  test('a running Deployment is taken over, released five times and given back without one lost request', async () => {
    const steps = [
      { weight: 20, hold: '1s' },
      { weight: 50, hold: '1s' },
    ];
    const rollout = { settle: '1s', scaleDownDelay: '1s' };
    const name = 'web';
    const given = adopting({ name, image: image(1), replicas: REPLICAS, objective: '90', steps, rollout });
    const load = await servedByDeployment(lab, { ...given, namespace: stage.namespace }, RPS);
    await moreRequests(load, RPS);

    const app = await stage.open(given);
    const taken = await app.get<Deployment>('deployment');
    const narrowed = await app.get<ServiceObject>('service');
    const { spec: filled } = await app.rollout();
    await moreRequests(load, RPS);
    const before = await load.report();
    for (const number of RELEASES) {
      await setImage(lab, app, image(number + 1));
      await app.until(`release ${number}`, rests(number), 240);
    }
    const released = await load.report();
    const inGit = [...objectsOf(app.spec), deploymentOf({ ...app.spec, image: LAST })];
    const drift = await differences(lab, inGit, ['--server-side', '--force-conflicts', '--field-manager=somebody']);
    const releases = await Promise.all(RELEASES.map((number) => releaseOf(app, number)));
    await kubectl(lab, 'delete', 'rollout', name, '-n', stage.namespace, '--timeout=120s');
    const back = await app.get<Deployment>('deployment');
    await leavesNoTrace(lab, app);
    await moreRequests(load, 2 * RPS);
    const report = await load.stop();
    const wide = await app.get<ServiceObject>('service');
    const clients = RELEASES.map((number) => met(report, image(number + 1), 'service').total);
    tell('adoption, five releases, give-back', report, { clients, drift });

    // kills: the Service narrowed while pods of the Deployment serve; the Deployment to 0 before ours do.
    expect(before.failed, lost(before)).toEqual({ gateway: 0, service: 0 });
    expect(released.failed, lost(released)).toEqual({ gateway: 0, service: 0 });
    // kills: our pods taken down before the Deployment's serve.
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    expect(releases.map(({ status }) => status.outcome)).toEqual(RELEASES.map(() => 'Promoted'));
    expect(Math.min(...clients)).toBeGreaterThan(0);
    expect(taken).toMatchObject({ spec: { replicas: 0 } });
    expect(taken.status.replicas ?? 0).toBe(0);
    expect(filled).toMatchObject({ replicas: REPLICAS });
    expect(narrowed.spec.selector).toEqual({ app: name, [STABLE_LABEL]: 'true' });
    // kills: another field of what Git has that we keep.
    expect(drift.sort()).toEqual(['+  replicas: 2', `-    ${STABLE_LABEL}: "true"`, '-  replicas: 0']);
    expect(back).toMatchObject({ spec: { replicas: REPLICAS }, status: { availableReplicas: REPLICAS } });
    expect(back.spec.template.spec.containers[0]?.image).toBe(LAST);
    expect(wide.spec.selector).toEqual({ app: name });
  }, 300_000);

  test('where Git declares the stable label it is given back by labelling its pods, without one lost request', async () => {
    const rollout = { gates: [], settle: '1s', scaleDownDelay: '1s' };
    const name = 'declared';
    const given = { name, image: image(1), replicas: REPLICAS, objective: '90', probe: false, rollout };
    const { app, load } = await adopt(lab, stage, given, RPS_OF_LABEL);
    const selector = { app: name, [STABLE_LABEL]: 'true' };
    const objects = objectsOf(app.spec);
    const [service] = objects.filter(({ kind }) => kind === 'Service');
    const declared = { ...service, spec: { ...(service?.['spec'] as object), selector } };
    const others = objects.filter(({ kind }) => kind !== 'Service' && kind !== 'Rollout');
    const inGit = [...others, declared, deploymentOf(app.spec)];
    // Replicas are left to the Rollout, as docs/adopting.md asks.
    const { replicas: _, ...spec } = deploymentOf(app.spec).spec;
    const applied = [...others, declared, { ...deploymentOf(app.spec), spec }];
    const applier = startApplier(lab, serverSide.args, () => applied);
    const appliedAgain = async () => {
      const before = applier.count();
      await waitFor('Git to be applied once more', async () => (applier.count() >= before + 2 ? true : undefined));
    };
    await appliedAgain();
    const drift = await differences(lab, [...inGit, rolloutOf(app.spec)], serverSide.args);
    await kubectl(lab, 'delete', 'rollout', name, '-n', stage.namespace, '--timeout=120s');
    const back = await app.get<Deployment>('deployment');
    await appliedAgain();
    await moreRequests(load, 2 * RPS_OF_LABEL);
    const report = await load.stop();
    await applier.stop();
    const found = await app.get<ServiceObject>('service');
    const { items: pods } = await app.get<{ items: { metadata: { labels: object } }[] }>('pods', `-l=app=${name}`);
    const left = await differences(lab, inGit, serverSide.args);
    const traces = await tracesOf(lab, app);
    tell('give-back under a declared label', report, { drift, traces });

    expect(drift.sort()).toEqual(['+  replicas: 2', '-  replicas: 0']);
    // kills: our pods taken down before the Service finds those of the Deployment, whose pods get no label.
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    expect(back).toMatchObject({ spec: { replicas: REPLICAS }, status: { availableReplicas: REPLICAS } });
    expect(found.spec.selector).toEqual(selector);
    expect(pods.map(({ metadata: { labels } }) => labels)).toEqual(
      pods.map(() => expect.objectContaining({ [STABLE_LABEL]: 'true' })),
    );
    expect(left).toEqual([]);
    // What Git wants, and the pods that it is for.
    expect(traces.filter((trace) => !/^pods\/declared-|^services\/declared$|^endpointslices\//.test(trace))).toEqual(
      [],
    );
  });
});
