import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { waitFor } from '../lab/wait.ts';
import { met, tell } from './support/figures.ts';
import { patientLease } from './support/lease.ts';
import { lost } from './support/lost.ts';
import { podsOf } from './support/pods.ts';
import { type App, type Load, openStage, type Stage } from './support/stage.ts';
import { isEnding, isPromoted, releaseOf } from './support/story.ts';

/** A Rollout without routes: the arms share the Service by their pods, whoever the client is. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'by-pods');
  await stage.startOperator({ environment: patientLease });
});
afterAll(() => stage.close());

const v1 = 'lab/shop:v1-slowstop-3s';
const rollout = { traffic: [], settle: '2s', scaleDownDelay: '3s' };
const steps = [
  { weight: 10, hold: '3s' },
  { weight: 20, hold: '5s' },
  { weight: 50, hold: '3s' },
];

function open(name: string): Promise<App> {
  return stage.open({ name, image: v1, replicas: 3, objective: '95', steps, rollout });
}

async function moreRequests(load: Load, requests: number): Promise<void> {
  const { offered } = await load.report();
  await waitFor(`${requests} more requests`, async () =>
    (await load.report()).offered.service - offered.service >= requests ? true : undefined,
  );
}

describe.concurrent('a release without routes', () => {
  test('climbs pod by pod and loses no request', async () => {
    const v2 = 'lab/shop:v2-slowstop-3s';
    const app = await open('good');
    const route = await app.get<{ spec: unknown }>('httproute');
    const load = await app.load(50);
    await app.apply({ image: v2 });
    const first = await app.until('one pod of four', ({ status }) => status?.state?.release?.joined === 1, 120);
    await waitFor('both kinds of clients to meet it', async () => {
      const report = await load.report();
      return met(report, v2, 'service').total > 0 && met(report, v2, 'gateway').total > 0 ? true : undefined;
    });
    const during = await app.rollout();
    await app.until('promoted', isPromoted, 240);
    const report = await load.stop();
    const release = await releaseOf(app);

    expect(first.status?.state?.release).toMatchObject({ weight: 25_000 });
    // kills: the whole of the canary behind the Service at the first step.
    expect(during.status?.state?.release?.committed).toBeUndefined();
    expect(release.spec.plan.steps.map(({ weight }) => weight)).toEqual(['25%', '50%']);
    expect((await app.get<{ spec: unknown }>('httproute')).spec).toEqual(route.spec);
    expect(report.failed, lost(report)).toEqual({ gateway: 0, service: 0 });
    tell('by pods, good', report, { steps: release.spec.plan.steps, canary: met(report, v2).total });
  });

  test('comes back from errors, and nobody meets the canary afterwards', async () => {
    const v2 = 'lab/shop:v2-errors-30-slowstop-3s';
    const app = await open('bad');
    const load = await app.load(50);
    await app.apply({ image: v2 });
    const ended = await app.until('the way back', isEnding, 240);
    const { revision = '' } = ended.status?.state?.release ?? {};
    await waitFor('the canary pods to go', async () =>
      (await podsOf(lab, app, revision)).length === 0 ? true : undefined,
    );
    // What they answered last is counted by then.
    await moreRequests(load, 50);
    const gone = await load.report();
    await moreRequests(load, 200);
    const report = await load.stop();
    const release = await releaseOf(app);

    expect(ended.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
    expect(release.status).toMatchObject({ reason: 'Worse' });
    expect(met(report, v2).total).toBe(met(gone, v2).total);
    expect(met(report, v1).bad).toBe(0);
    expect(met(report, 'unknown').total, lost(report)).toBe(0);
    tell('by pods, bad', report, { canary: met(report, v2), says: ended.status?.message });
  });
});
