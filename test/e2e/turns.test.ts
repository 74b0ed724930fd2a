import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { STABLE_LABEL } from '#core/labels.ts';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { connectLab } from '../lab/connect.ts';
import { kubectl } from '../lab/install.ts';
import type { LoadReport } from '../lab/load/recorder.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { podsOf } from './support/pods.ts';
import type { AppSpec } from './support/shop.ts';
import { type App, type Load, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { isEnding, isPromoted, type ReleaseObject, releaseOf } from './support/story.ts';

/** A release that turns: before the commit point everything falls back to the old revision, after it to the new. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'turns');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const image = (version: number) => `lab/shop:v${version}-slowstop-3s`;
const [v1, v2, v3] = [image(1), image(2), image(3)];
const RPS = 50;

interface Scene {
  app: App;
  load: Load;
}

async function scene(name: string, change: Partial<AppSpec> = {}): Promise<Scene> {
  const steps = [{ weight: 50, hold: '3s' }];
  const rollout = { settle: '2s', scaleDownDelay: '3s', rollbackWindow: 0 };
  const app = await stage.open({ name, image: v1, replicas: 2, objective: '90', steps, rollout, ...change });
  return { app, load: await app.load(RPS) };
}

const joins = ({ status }: RolloutObject) => (status?.state?.release?.joined ?? 0) > 0;
const commits = ({ status }: RolloutObject) => status?.state?.release?.committed === true;
const holds = ({ status }: RolloutObject) => status?.state?.release?.stage === 'Holding';
const revisionOf = ({ status }: RolloutObject) => status?.state?.release?.revision ?? '';

/** At rest on one image: nothing else has pods, the route is the user's own and unfenced. */
async function restsOn({ app }: Scene, wanted: string): Promise<RolloutObject> {
  const rested = await app.until(
    `to rest on ${wanted}`,
    ({ status }) => status?.phase === 'Healthy' && status.state?.release === undefined && imageOf(status) === wanted,
    180,
  );
  await waitFor('the other pods and the fence to go', async () => {
    const pods = await podsOf(lab, app);
    const others = pods.filter(({ metadata }) => metadata.labels[STABLE_LABEL] !== 'true');
    return others.length === 0 && pods.length === 2 && !(await isFenced(app)) ? true : undefined;
  });
  return rested;
}

function imageOf(status: unknown): string | undefined {
  return (status as { stable?: { image?: string } }).stable?.image;
}

async function isFenced(app: App): Promise<boolean> {
  const route = await app.get<{ metadata: { annotations?: Record<string, string> } }>('httproute');
  return route.metadata.annotations?.[FENCE_ANNOTATION] !== undefined;
}

/** Clients of the Service that met an image in requests sent at that second or later. */
function inClusterSince({ seconds }: LoadReport, wanted: string, since: number): number {
  const rows = seconds.filter(
    ({ client, second, image: seen }) => client === 'service' && seen === wanted && second >= since,
  );
  return rows.reduce((sum, { count }) => sum + count, 0);
}

async function moreRequests(load: Load, requests: number): Promise<void> {
  const { offered } = await load.report();
  await waitFor(`${requests} more requests`, async () => {
    const now = await load.report();
    return now.offered.service - offered.service >= requests ? true : undefined;
  });
}

const none = { gateway: 0, service: 0 };

describe.concurrent('a breach of the promotion', () => {
  test('before the commit point: everything back on the old revision, in-cluster clients too', async () => {
    // The hold also stands between the joins and the commit: the fault must come first, however slow the machine is.
    const { app, load } = await scene('breach-before', { steps: [{ weight: 50, hold: '15s' }] });
    await app.apply({ image: v2 });
    const joined = await app.until('in-cluster clients to join', joins, 120);
    await waitFor('them to meet it', async () =>
      met(await load.report(), v2, 'service').total > 0 ? true : undefined,
    );
    const faulty = await app.fault(revisionOf(joined), 'errors-50');
    const ended = await app.until('the way back', isEnding);
    await waitFor('the canary pods to go', async () =>
      (await podsOf(lab, app, revisionOf(joined))).length === 0 ? true : undefined,
    );
    const goneAt = Math.ceil(Date.now() / 1000) + 1;
    await moreRequests(load, 3 * RPS);
    const report = await load.stop();

    expect(faulty).toBe(2);
    expect(ended.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
    expect(imageOf(ended.status)).toBe(v1);
    // kills: a stable label that stays on pods of a canary that went back.
    expect(inClusterSince(report, v2, goneAt)).toBe(0);
    expect(inClusterSince(report, v1, goneAt)).toBeGreaterThan(0);
    expect(met(report, v1).bad).toBe(0);
    expect(met(report, 'unknown').total, lost(report)).toBe(0);
    expect(await app.weight()).toBe(0);
    tell('breach before the commit', report, { canary: met(report, v2), says: ended.status?.message });
  });

  test('after the commit point: the new revision stays', async () => {
    const { app, load } = await scene('breach-after');
    await app.apply({ image: v2 });
    const committed = await app.until('the commit', commits, 120);
    await app.fault(revisionOf(committed), 'errors-50');
    await app.until('promoted', isPromoted, 120);
    await moreRequests(load, 3 * RPS);
    const still = await app.rollout();
    const report = await load.stop();

    expect(imageOf(still.status)).toBe(v2);
    expect(still.status?.phase).toBe('Healthy');
    expect(met(report, v1).bad).toBe(0);
    expect(met(report, 'unknown').total, lost(report)).toBe(0);
    tell('breach after the commit', report, { fresh: met(report, v2) });
  });
});

interface Turn {
  name: string;
  because: string;
  /** When the template changes once more. */
  at: 'joined' | 'committed';
  to: string;
  outcomes: (string | undefined)[];
}

const turns: Turn[] = [
  {
    name: 'third-before',
    because: 'a third revision before the commit point starts from the old one',
    ...{ at: 'joined', to: v3, outcomes: ['Superseded', 'Promoted'] },
  },
  {
    name: 'third-after',
    because: 'a third revision after the commit point starts from the new one',
    ...{ at: 'committed', to: v3, outcomes: ['Promoted', 'Promoted'] },
  },
  {
    name: 'back-before',
    because: 'the template of stable before the commit point ends the release',
    ...{ at: 'joined', to: v1, outcomes: ['Returned'] },
  },
  {
    name: 'back-after',
    because: 'after the commit point the old template is a new release',
    ...{ at: 'committed', to: v1, outcomes: ['Promoted', 'Promoted'] },
  },
];

describe.concurrent('another template in the middle of the promotion', () => {
  test.each(turns)('$name: $because', async ({ name, because, at, to, outcomes }) => {
    const it = await scene(name);
    const { app, load } = it;
    await app.apply({ image: v2 });
    const turned = await app.until(at, at === 'joined' ? joins : commits, 120);
    await app.apply({ image: to });
    if (to !== v1 || at === 'committed')
      await app.until('the next release', ({ status }) => status?.state?.releases === 2, 120);
    await restsOn(it, to);
    const report = await load.stop();
    const ends = await Promise.all(outcomes.map((_, index) => outcomeOf(app, index + 1)));

    expect(imageOf(turned.status), because).toBe(at === 'joined' ? v1 : v2);
    expect(ends).toEqual(outcomes);
    expect(await app.weight()).toBe(0);
    expect(report.failed, lost(report)).toEqual(none);
    tell(name, report, { outcomes: ends, second: met(report, v2).total, third: met(report, v3).total });
  });
});

async function outcomeOf(app: App, number: number): Promise<string | undefined> {
  return waitFor(`the outcome of release ${number}`, async () => (await releaseOf(app, number)).status.outcome);
}

describe.concurrent('a person', () => {
  test('pauses and resumes, promotes a step that asks for it, and skips one', async () => {
    const steps = [
      { weight: 20, hold: '1s', pause: {} },
      { weight: 50, hold: '10m' },
    ];
    const it = await scene('steer', { steps });
    const { app, load } = it;
    await app.apply({ image: v2 });
    await app.until('the first step', holds, 120);
    const paused = await app.act('pause', 'lunch');
    const atLunch = await app.rollout();
    const resumed = await app.act('resume');
    const atStep = await app.until('the pause of the plan', ({ status }) => status?.reason === 'Step', 60);
    const tooFew = await app.act('resume');
    const promoted = await app.act('promote', 'looks good');
    await app.until('the second step', (rollout) => holds(rollout) && rollout.status?.state?.release?.step === 1, 60);
    const skipped = await app.act('skip-step', 'no time');
    // The whole moves as long as the last step: nobody waits ten minutes here.
    const joined = await app.until('the promotion', joins, 60);
    const back = await app.act('retreat', 'enough seen');
    await app.apply({ image: v1 });
    await restsOn(it, v1);
    const report = await load.stop();

    expect(paused).toBe('Applied: pause by admin');
    expect(atLunch.status).toMatchObject({ phase: 'Paused', reason: 'User', message: 'paused by admin: lunch' });
    expect(resumed).toBe('Applied: resume by admin');
    expect(atStep.status).toMatchObject({ phase: 'Paused', message: expect.stringContaining('promote goes on') });
    expect(tooFew).toMatch(/^Refused: this pause is a step of the plan: promote goes on/);
    expect([promoted, skipped, back].map((answer) => answer.split(':')[0])).toEqual(Array(3).fill('Applied'));
    expect(joined.status?.state?.release?.step).toBe(1);
    expect(report.failed, lost(report)).toEqual(none);
    tell('actions of a release', report, { canary: met(report, v2).total });
  });

  test('retreats and resumes, aborts and retries: each return is a new attempt', async () => {
    const it = await scene('again', { steps: [{ weight: 50, hold: '5s' }] });
    const { app, load } = it;
    await app.apply({ image: v2 });
    await app.until('the step', holds, 120);
    await app.act('retreat', 'a bad feeling');
    const retreated = await app.until('the retreat', isEnding);
    const resumed = await anew(app, 'resume', 2);
    await app.until('the step again', holds, 120);
    await app.act('abort', 'another bad feeling');
    const aborted = await app.until('the abort', isEnding);
    const retried = await anew(app, 'retry', 3);
    await restsOn(it, v2);
    const report = await load.stop();
    const releases = await Promise.all([1, 2, 3].map((number) => releaseOf(app, number)));

    expect(retreated.status).toMatchObject({ phase: 'Paused', reason: 'User', weight: '0%' });
    expect(aborted.status).toMatchObject({ phase: 'Degraded', reason: 'Aborted', weight: '0%' });
    expect([resumed, retried].map(attemptOf)).toEqual([2, 3]);
    expect(releases.map((one: ReleaseObject) => one.status.outcome)).toEqual(['Retreated', 'Aborted', 'Promoted']);
    expect(report.failed, lost(report)).toEqual(none);
    tell('attempts', report, { outcomes: releases.map(({ status }) => status.outcome), canary: met(report, v2).total });
  });

  test('cannot act under the name of another, nor without the right', async () => {
    const { app, load } = await scene('forged');
    const { namespace } = stage;
    const forge = (by: string, token: string) =>
      lab.api<{ message: string }>({
        ...{ method: 'POST', token, path: `/apis/headgate.dev/v1alpha1/namespaces/${namespace}/rolloutactions` },
        body: {
          ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'RolloutAction', metadata: { generateName: 'forged-' } },
          spec: { rollout: 'forged', verb: 'abort', reason: 'a forgery', by },
        },
      });
    // Bob may write actions, and has no verb on any Rollout.
    await kubectl(
      lab,
      'create',
      'role',
      'acts',
      '--verb=create',
      '--resource=rolloutactions.headgate.dev',
      '-n',
      namespace,
    );
    await kubectl(lab, 'create', 'rolebinding', 'bob', '--role=acts', '--user=bob', '-n', namespace);
    await app.apply({ image: v2 });
    await app.until('the step', holds, 120);
    const asAdmin = await forge('alice', lab.adminToken);
    const asBob = await waitFor('the right to write actions', async () => {
      const answer = await forge('bob', lab.personTokens.bob);
      return answer.body.message.includes('cannot create resource') ? undefined : answer;
    });
    await app.until('promoted', isPromoted, 120);
    const report = await load.stop();

    expect(asAdmin).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('spec.by must be your own user name, admin, and not alice') },
    });
    expect(asBob).toMatchObject({
      status: 403,
      body: { message: expect.stringContaining('bob has no right to abort on rollouts.headgate.dev forged') },
    });
    expect(report.failed, lost(report)).toEqual(none);
    tell('forged actions', report, { refused: [asAdmin.body.message, asBob.body.message] });
  });
});

function attemptOf({ status }: RolloutObject): number | undefined {
  return status?.state?.release?.attempt;
}

/** The word that begins another attempt, said until the one before is recorded. */
async function anew(app: App, verb: string, attempt: number): Promise<RolloutObject> {
  await waitFor(`${verb} to be taken`, async () => ((await app.act(verb)).startsWith('Applied') ? true : undefined));
  return app.until(`attempt ${attempt}`, (rollout) => attemptOf(rollout) === attempt);
}

interface ServiceObject {
  spec: { selector: Record<string, string> };
}

describe.concurrent('the deletion of a Rollout in the middle of a release', () => {
  test('gives the traffic back, and nothing of it is left behind', async () => {
    const { app, load } = await scene('deleted');
    const route = await app.get<{ spec: unknown }>('httproute');
    await app.apply({ image: v2 });
    await app.until('the step', holds, 120);
    const narrowed = await app.get<ServiceObject>('service');
    // Only when the traffic is back does the API server let it go: then its pods go too.
    await kubectl(lab, 'delete', 'rollout', 'deleted', '-n', stage.namespace, '--timeout=60s');
    const goneAt = Math.floor(Date.now() / 1000);
    const report = await load.stop();
    await waitFor('everything of ours to go', async () => ((await leftOf('deleted')).length === 0 ? true : undefined));
    const service = await app.get<ServiceObject>('service');
    const after = await app.get<{ spec: unknown }>('httproute');
    const early = report.seconds.filter(({ result, second }) => result !== '2xx' && second < goneAt - 1);

    expect(narrowed.spec.selector).toEqual({ app: 'deleted', [STABLE_LABEL]: 'true' });
    expect(service.spec.selector).toEqual({ app: 'deleted' });
    expect(after.spec).toEqual(route.spec);
    expect(await isFenced(app)).toBe(false);
    expect(early, lost(report)).toEqual([]);
    tell('deletion', report, { canary: met(report, v2) });
  });

  test('with its pods orphaned loses no request at all', async () => {
    const { app, load } = await scene('orphaned');
    await app.apply({ image: v2 });
    await app.until('the step', holds, 120);
    await kubectl(lab, 'delete', 'rollout', 'orphaned', '-n', stage.namespace, '--cascade=orphan', '--timeout=60s');
    await moreRequests(load, 3 * RPS);
    const report = await load.stop();
    const pods = await podsOf(lab, app);
    const service = await app.get<ServiceObject>('service');

    expect(pods.map(({ metadata }) => metadata.labels[STABLE_LABEL])).toEqual(['true', 'true']);
    expect(service.spec.selector).toEqual({ app: 'orphaned' });
    expect(await isFenced(app)).toBe(false);
    expect(report.failed, lost(report)).toEqual(none);
    tell('deletion with orphans', report, { canary: met(report, v2) });
    await kubectl(lab, 'delete', 'replicasets,pods', '-l', 'headgate.dev/rollout=orphaned', '-n', stage.namespace);
  });
});

/** Names of what Headgate made for a Rollout, whatever its kind. */
async function leftOf(name: string): Promise<string[]> {
  const kinds = 'replicasets,pods,services,releases.headgate.dev';
  const found = await kubectl(lab, 'get', kinds, '-n', stage.namespace, '-o', 'name');
  return found.split('\n').filter((line) => new RegExp(`/${name}-`).test(line));
}
