import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { met, tell } from './support/figures.ts';
import { scraped } from './support/replay.ts';
import { type App, calmLease, openStage, type Stage, TICK_MS } from './support/stage.ts';

/**
 * Fifty good releases in a row: a gate that cries wolf is switched off by its users. In `make long` alone: four
 * applications with their loads are more than two cores should carry beside everything else.
 */

const lab = connectLab(inject('lab'));
/** Applications side by side, each with its share of the releases. */
const LANES = 4;
const RELEASES = 50;
/** Requests a second through the gateway, of each application. */
const RATE = 60;

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(lab, 'good');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => stage.close());

interface Ended {
  promoted: boolean;
  why: string;
  ticks: number;
}

/** One release of an application whose pods fail one request in a thousand, whatever the revision. */
async function release(app: App, number: number): Promise<Ended> {
  const began = Date.now();
  await app.apply({ image: `lab/shop:v${number}-errors-0.1` });
  const { status } = await app.until(
    `release ${number} to end`,
    ({ status: now }) =>
      now?.state?.releases === number && now.state.release === undefined ? true : now?.phase === 'Paused',
    240,
  );
  const promoted = status?.phase === 'Healthy';
  if (!promoted) await app.act('abort');
  return { promoted, why: status?.message ?? '', ticks: Math.round((Date.now() - began) / TICK_MS) };
}

// kills: a stop limit of 1/2 instead of 1/α.
test.runIf(process.env['HEADGATE_LONG'] === '1')(
  'good releases in a row are promoted',
  async () => {
    const lanes = Array.from({ length: LANES }, async (_, lane): Promise<Ended[]> => {
      const app = await stage.open({
        name: `good-${lane}`,
        image: 'lab/shop:v0-errors-0.1',
        replicas: 2,
        objective: '99',
      });
      const load = await app.load(5, { gateway: RATE });
      await scraped(lab, app.spec, 2);
      const ends: Ended[] = [];
      for (let number = 1; number <= Math.ceil((RELEASES - lane) / LANES); number++)
        ends.push(await release(app, number));
      const report = await load.stop();
      tell(`good releases of ${app.spec.name}`, report, { requests: met(report) });
      return ends;
    });
    const all = (await Promise.all(lanes)).flat();
    const stopped = all.filter(({ promoted }) => !promoted);
    const ticks = all.map((one) => one.ticks).sort((a, b) => a - b);
    console.log(
      'good releases',
      JSON.stringify({
        releases: all.length,
        stopped: stopped.length,
        medianTicks: ticks[Math.floor(ticks.length / 2)],
        most: ticks.at(-1),
      }),
      stopped.map(({ why }) => why),
    );
    expect(all).toHaveLength(RELEASES);
    expect(stopped.length).toBeLessThanOrEqual(1);
  },
  1_800_000,
);
