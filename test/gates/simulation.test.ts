import { expect, test } from 'vitest';
import type { Counts, GateContext } from '#core/gate.ts';
import { advanceIncrement, advanceLimit, plugInRate } from '#gates/advance.ts';
import { foldStopTest, logEvidence, startStopTest, stopLimit } from '#gates/eprocess.ts';
import type { ArmCounts } from '#gates/samples.ts';
import { Drill, short } from './drill.ts';
import { binomial, poisson, seeded } from './random.ts';
import { context } from './service.ts';

/** Seeded worlds, few enough for every run; the bounds leave room for their number (binomial, three deviations). */

interface World {
  rps: number;
  weight: number;
  stableRate: number;
  canaryRate: number;
}

function draw(random: () => number, { rps, weight, stableRate, canaryRate }: World): ArmCounts {
  const arm = (share: number, rate: number): Counts => {
    const total = poisson(random, rps * share * 15);
    return { total, bad: binomial(random, total, rate) };
  };
  return { canary: arm(weight, canaryRate), stable: arm(1 - weight, stableRate) };
}

const day = [0.05, 0.1, 0.25, 0.5, 0.95, 0.2];

test.each([
  { rate: 0.001, because: 'rare failures come as Poisson counts: the bound is nearly reached' },
  { rate: 0.02, because: 'the binomial is conservative' },
  { rate: 0.3, because: 'much more so for frequent failures' },
])('a good release is stopped at most once in fifty at $rate failures', ({ rate, because }) => {
  // kills: α halved or doubled, evidence pooled over weights, r0 on the wrong side.
  const random = seeded(7);
  const runs = 600;
  let stopped = 0;
  for (let run = 0; run < runs; run += 1) {
    let state = startStopTest();
    let most = 0;
    for (let tick = 0; tick < 240; tick += 1) {
      // Load and failures swing together over the day, and the weight climbs and falls.
      const swing = 1 + 0.8 * Math.sin(tick / 40);
      const weight = day[Math.floor(tick / 40)] ?? 0.5;
      const world = { rps: 20 * swing, weight, stableRate: rate * swing, canaryRate: rate * swing };
      state = foldStopTest(state, draw(random, world), tick * 15_000, { toleratedRatio: 1 });
      most = Math.max(most, logEvidence(state));
    }
    if (most >= stopLimit(0.02)) stopped += 1;
  }
  expect(stopped / runs, because).toBeLessThanOrEqual(0.02 + 3 * Math.sqrt((0.02 * 0.98) / runs));
});

test('the evidence of a good canary expects at most 1', () => {
  const random = seeded(8);
  const runs = 4000;
  const ends: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    let state = startStopTest();
    for (let tick = 0; tick < 12; tick += 1) {
      const world = { rps: 10, weight: 0.3, stableRate: 0.01, canaryRate: 0.011 };
      state = foldStopTest(state, draw(random, world), tick * 100_000);
    }
    ends.push(Math.exp(logEvidence(state)));
  }
  const mean = ends.reduce((sum, end) => sum + end, 0) / runs;
  const deviation = Math.sqrt(ends.reduce((sum, end) => sum + (end - mean) ** 2, 0) / runs / runs);
  expect(mean).toBeLessThan(1 + 3 * deviation);
  expect(mean, 'and is no trivial 0').toBeGreaterThan(0.5);
});

test('a canary that is worse by just the excess passes at most once in twenty', () => {
  const random = seeded(9);
  const runs = 1500;
  let passed = 0;
  for (let run = 0; run < runs; run += 1) {
    let stable: Counts = { total: 20_000, bad: binomial(random, 20_000, 0.001) };
    let logP = 0;
    for (let tick = 0; tick < 80 && logP < advanceLimit(1); tick += 1) {
      const drawn = draw(random, { rps: 20, weight: 0.3, stableRate: 0.001, canaryRate: 0.006 });
      stable = { total: stable.total + drawn.stable.total, bad: stable.bad + drawn.stable.bad };
      logP += advanceIncrement(drawn.canary, { rate: plugInRate(stable), excess: 0.005 });
    }
    if (logP >= advanceLimit(1)) passed += 1;
  }
  // A plugged-in rate costs a little: 6.5 % were measured for it where the exact rate gives 5 %.
  expect(passed / runs).toBeLessThan(0.065 + 3 * Math.sqrt((0.065 * 0.935) / runs));
});

const { nextWeight: _, ...leavingLast } = context;

interface Ending {
  verdict: string;
  ticks: number;
  excess: number;
}

/** Runs the whole gate until it says Pass or Fail. */
function play(random: () => number, world: (tick: number) => World, gateContext: GateContext, ticks = 240): Ending {
  const drill = new Drill({}, gateContext);
  let excess = 0;
  for (let tick = 1; tick <= ticks; tick += 1) {
    const now = world(tick);
    const { canary, stable } = draw(random, now);
    excess += canary.bad - now.stableRate * canary.total;
    const reading = drill.tick({ canary: [canary.total, canary.bad], stable: [stable.total, stable.bad] });
    if (reading.verdict === 'Fail') return { verdict: short(reading), ticks: tick, excess };
    if (reading.verdict === 'Pass' && gateContext.nextWeight === undefined)
      return { verdict: 'Pass', ticks: tick, excess };
  }
  return { verdict: 'open', ticks, excess };
}

function playShort(random: () => number, world: World): Ending {
  const perTick = { ...world, rps: world.rps / 15 };
  return play(random, () => perTick, { ...context, tickMs: 1000, reactionMs: 3000 });
}

function many(runs: number, seed: number, run: (random: () => number) => Ending): Ending[] {
  const random = seeded(seed);
  return Array.from({ length: runs }, () => run(random)).sort((a, b) => a.ticks - b.ticks);
}

const at100 = { rps: 100, weight: 0.1, stableRate: 0.001 };

test('one percent more failures at 100 rps and 10 % is caught within the golden limits', () => {
  // An early step passes on little evidence, so the canary is watched on: only the stop ends this.
  const endings = many(120, 21, (random) => play(random, () => ({ ...at100, canaryRate: 0.011 }), context));
  expect(new Set(endings.map(({ verdict }) => verdict))).toEqual(new Set(['Fail/Worse']));
  expect(endings[60]?.ticks, 'median, in ticks of 15 s').toBeLessThanOrEqual(6);
  expect(endings.reduce((sum, { excess }) => sum + excess, 0) / 120, 'excess failures').toBeLessThanOrEqual(12);
});

test('one percent more at 300 rps is caught as soon when ticks are short', () => {
  // Ticks of a second: the same requests in fifteen times as many looks.
  const endings = many(60, 26, (random) => playShort(random, { ...at100, rps: 300, canaryRate: 0.011 }));
  expect(new Set(endings.map(({ verdict }) => verdict))).toEqual(new Set(['Fail/Worse']));
  // The golden table wants 381 canary requests at 5 %, 1,110 at 50 %: 13 to 37 s at 30 rps.
  expect(endings[30]?.ticks).toBeLessThanOrEqual(37);
});

test('five percent more is caught within two ticks', () => {
  const endings = many(120, 22, (random) => play(random, () => ({ ...at100, canaryRate: 0.051 }), context));
  expect(endings[60]?.ticks).toBeLessThanOrEqual(2);
  expect(endings.every(({ verdict }) => verdict === 'Fail/Worse')).toBe(true);
});

test('a good release passes its last question within minutes, and is not stopped', () => {
  const endings = many(200, 23, (random) =>
    play(random, () => ({ ...at100, weight: 0.5, canaryRate: 0.001 }), { ...leavingLast, weight: 50_000 }),
  );
  expect(endings.filter(({ verdict }) => verdict !== 'Pass').length).toBeLessThanOrEqual(4);
  expect(endings[100]?.ticks, 'median: 930 requests at 50 rps').toBeLessThanOrEqual(2);
});

test('a shared outage of five minutes stops nobody', () => {
  const outage = (tick: number) => (tick > 10 && tick <= 30 ? 0.05 : 0.001);
  const endings = many(100, 24, (random) =>
    play(random, (tick) => ({ ...at100, stableRate: outage(tick), canaryRate: outage(tick) }), context, 60),
  );
  expect(endings.filter(({ verdict }) => verdict !== 'open').length).toBeLessThanOrEqual(3);
});

test('a defect that begins after twenty minutes is caught within four', () => {
  // The excess grows by 0.5 points a minute, as a leak does.
  const defect = (tick: number) => 0.001 + Math.min(0.05, Math.max(0, ((tick - 80) * 0.005) / 4));
  const endings = many(60, 25, (random) =>
    play(random, (tick) => ({ ...at100, weight: 0.5, canaryRate: defect(tick) }), {
      ...context,
      weight: 50_000,
      nextWeight: 95_000,
    }),
  );
  expect(endings.filter(({ verdict }) => verdict === 'Fail/Worse').length).toBeGreaterThanOrEqual(59);
  expect(endings[30]?.ticks).toBeLessThanOrEqual(80 + 16);
});
