import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { installHeadgate, startKubelet } from '../lab/install.ts';
import { type OwnLab, startLab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { inTicks, met, tell } from './support/figures.ts';
import { scraped } from './support/replay.ts';
import { type App, calmLease, openStage, type RolloutObject, type Stage, TICK_MS } from './support/stage.ts';
import { isPromoted, releaseOf } from './support/story.ts';

/** Prometheus goes away in the middle of a release. In a lab of its own, because every other release needs it. */

/** Two minutes are what has to be survived; a third of it tells the same in `make test`. */
const OUTAGE_TICKS = process.env['HEADGATE_LONG'] === '1' ? 120 : 40;

let own: OwnLab;
let stage: Stage;

beforeAll(async () => {
  own = await startLab();
  const { stop: _, ...coordinates } = own;
  const lab = connectLab(coordinates);
  await installHeadgate(lab);
  await startKubelet(lab);
  stage = await openStage(lab, 'outage');
  await stage.startOperator({ environment: calmLease });
});
afterAll(() => own.stop());

interface Moment {
  at: number;
  weight: number;
  step: number | undefined;
  phase: string | undefined;
  said: string;
  counted: number;
}

describe('an outage of Prometheus while a step is held', () => {
  test(`of ${OUTAGE_TICKS} ticks holds the weight, counts nothing twice, and the release ends well`, async () => {
    const [v1, v2] = ['lab/shop:v1', 'lab/shop:v2'];
    const steps = [
      { weight: 20, hold: '10s' },
      { weight: 50, hold: '3s', pause: {} },
    ];
    const app = await stage.open({ name: 'shop', image: v1, replicas: 3, objective: '99', steps });
    await scraped(stage.lab, app.spec, 3);
    await app.apply({ image: v2 });
    await app.until('a first tick', ({ status }) => status?.gates?.[0]?.cause === 'NoTraffic');
    // From here on every request there is is a request that the gate must count.
    const load = await app.load(100);
    await app.until('the first step to hold', isHolding, 60);

    const stoppedAt = Date.now();
    await stage.lab.stopPrometheus();
    const outage = await follow(app, ({ at }) => at - stoppedAt > OUTAGE_TICKS * TICK_MS, OUTAGE_TICKS + 60);
    await stage.lab.startPrometheus();
    const startedAt = Date.now();
    const recovery = await follow(app, ({ phase }) => phase === 'Paused', 120);
    const recoveredAt = Date.now();
    const report = await load.stop();
    const offered = met(report).total;
    const last = await waitFor(
      'everything to be counted',
      async () => {
        const moment = momentOf(await app.rollout());
        return moment.counted >= offered ? moment : undefined;
      },
      { withinMs: 10 * TICK_MS },
    ).catch(async () => momentOf(await app.rollout()));
    const canary = (await app.rollout()).status?.gates?.[0]?.canary;
    const again = await app.load(100);
    await app.act('promote');
    await app.until('promoted', isPromoted, 120);
    const second = await again.stop();
    const release = await releaseOf(app);
    tell(`outage of ${OUTAGE_TICKS} ticks`, report, {
      said: [...new Set([...outage, ...recovery].map(({ said }) => said))],
      counted: last.counted,
      canaryCounted: canary,
      canary: met(report, v2),
      largestJump: Math.max(...jumps([...outage, ...recovery])),
      ticksToNextStepAfter: inTicks(recoveredAt - startedAt),
      failedAfter: second.failed,
      spend: release.status.spend,
    });

    expect(new Set(outage.map(({ weight }) => weight))).toEqual(new Set([20_000]));
    expect(new Set(outage.map(({ step }) => step))).toEqual(new Set([0]));
    expect(outage.at(-1)?.said).toBe('Error SourceDown');
    expect(recovery.at(-1)).toMatchObject({ phase: 'Paused', weight: 50_000, step: 1 });
    // What was missed arrives in one piece, not again and again.
    const missed = (OUTAGE_TICKS * TICK_MS * report.offered.gateway) / (recoveredAt - stoppedAt);
    expect(jumps([...outage, ...recovery]).filter((jump) => jump > missed)).toHaveLength(1);
    // Not one request is missing, and not one was counted twice. Kills: counting a process from 0 after a gap.
    expect(last.counted).toBe(offered);
    expect(canary?.total).toBe(met(report, v2).total);
    expect(report.failed).toEqual({ gateway: 0, service: 0 });
    expect(release.status).toMatchObject({ outcome: 'Promoted' });
  });
});

function isHolding({ status }: RolloutObject): boolean {
  return status?.state?.release?.stage === 'Holding' && (status.gates?.[0]?.canary.total ?? 0) > 0;
}

function momentOf({ status }: RolloutObject): Moment {
  const gate = status?.gates?.[0];
  return {
    at: Date.now(),
    weight: status?.state?.release?.weight ?? 0,
    step: status?.state?.release?.step,
    phase: status?.phase,
    said: [gate?.verdict, gate?.cause].filter((word) => word !== undefined).join(' '),
    counted: (gate?.canary.total ?? 0) + (gate?.stable.total ?? 0),
  };
}

/** Every status on the way to the end. */
async function follow(app: App, done: (moment: Moment) => boolean, ticks: number): Promise<Moment[]> {
  const moments: Moment[] = [];
  await app.until(
    'the end of the outage',
    (rollout) => {
      const moment = momentOf(rollout);
      moments.push(moment);
      return done(moment);
    },
    ticks,
  );
  return moments;
}

/** How much the counts grew from one status to the next. */
function jumps(moments: readonly Moment[]): number[] {
  return moments.map(({ counted }, index) => counted - (moments[index - 1]?.counted ?? counted));
}
