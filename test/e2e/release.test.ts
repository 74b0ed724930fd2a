import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { openStage, type Stage } from './support/stage.ts';

/** The main road: real requests move to the new revision step by step, or come back. */

const lab = connectLab(inject('lab'));
let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'release');
  await stage.startOperator();
});
afterAll(() => stage.close());

describe('a release', () => {
  test('that is good is promoted without one failed request of either kind of client', async () => {
    const app = await stage.open({ name: 'good', image: 'lab/shop:v1-slowstop-3s', replicas: 3, objective: '99' });
    const load = await app.load(100);
    await app.apply({ image: 'lab/shop:v2-slowstop-3s' });
    const ended = await app.until(
      'promoted',
      ({ status }) => status?.phase === 'Healthy' && status.state?.ended?.outcome === 'Promoted',
      180,
    );
    const report = await load.stop();
    expect(ended.status?.state?.releases).toBe(1);
    expect(report.failed, JSON.stringify(report.results)).toEqual({ gateway: 0, service: 0 });
    expect(await app.weight()).toBe(0);
    console.log(
      'good release',
      JSON.stringify({ offered: report.offered, retried: report.retried, images: report.images }),
    );
  });
});
