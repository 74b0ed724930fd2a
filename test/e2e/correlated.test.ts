import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { tell } from './support/figures.ts';
import { scraped } from './support/replay.ts';
import { calmLease, openStage, type RolloutObject, type Stage } from './support/stage.ts';
import { releaseOf } from './support/story.ts';

/** An outage of both arms right after a raise: once nobody is blamed, the second time it is no coincidence. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'correlated');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

// Two minutes pass until stable's newest counts are good again: too long for every run.
const inTheLongRun = test.skipIf(process.env['HEADGATE_LONG'] !== '1');

const holds = ({ status }: RolloutObject) => {
  const { stage: at, weight } = status?.state?.release ?? {};
  return at === 'Holding' && weight === 50_000;
};

inTheLongRun('both arms bad after a raise: one return by itself, then a breach that is called Correlated', async () => {
  const steps = [{ weight: 50, hold: '60s' }];
  const app = await stage.open({ name: 'both', image: 'lab/shop:v1', replicas: 1, objective: '99', steps });
  const load = await app.load(40);
  await scraped(lab, app.spec, 1);
  await app.apply({ image: 'lab/shop:v2' });
  const first = await app.until('the step to hold', holds, 120);
  const { revision = '', from = '' } = first.status?.state?.release ?? {};
  const both = (behaviour: string) => Promise.all([revision, from].map((each) => app.fault(each, behaviour)));

  await both('errors-50');
  const back = await app.until('no blame', ({ status }) => status?.state?.release?.autoResumed === true, 60);
  expect(back.status).toMatchObject({ phase: 'Progressing', state: { release: { weight: 0, attempt: 1 } } });
  await both('ok');
  // Stable must have met its objective again for some minutes' worth of counts before the canary returns.
  await app.until('the return', holds, 300);
  await both('errors-50');
  const ended = await app.until('the breach', ({ status }) => status?.state?.release?.ending !== undefined, 60);
  const report = await load.stop();
  const { status } = await releaseOf(app);
  tell('both arms bad twice', report, {
    says: ended.status?.message,
    breach: status.breach,
    found: status.timeToDetect,
  });

  expect(ended.status).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(status).toMatchObject({ reason: 'Correlated', breach: { cause: 'Correlated', gate: 'both' } });
});
