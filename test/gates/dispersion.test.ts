import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Counts } from '#core/gate.ts';
import { armNoise, type Dispersion, foldDispersion, noDispersion, temperOf } from '#gates/dispersion.ts';
import { foldStopTest, logEvidence, startStopTest, stopLimit } from '#gates/eprocess.ts';
import { historyOf, pastContext } from '#gates/history.ts';
import type { ArmCounts } from '#gates/samples.ts';
import { binomial, poisson, seeded } from './random.ts';
import { context } from './service.ts';

type Draw = (random: () => number, total: number, rate: number) => Counts;

const oneByOne: Draw = (random, total, rate) => ({ total, bad: binomial(random, total, rate) });

/** A failed request is tried up to twice again, and fails again half the time: variance over mean is 15/7. */
const retried: Draw = (random, total, rate) => {
  const first = binomial(random, total, rate);
  let bad = first;
  for (let failed = 0; failed < first; failed += 1) if (random() < 0.5) bad += random() < 0.5 ? 2 : 1;
  return { total: total + bad, bad };
};

function minutesOf(random: () => number, draw: Draw, { minutes, rate = 0.001 }: { minutes: number; rate?: number }) {
  let dispersion: Dispersion = noDispersion;
  for (let tick = 1; tick <= minutes * 4; tick += 1) {
    const pods = ['a', 'b', 'c'].map((pod) => [pod, draw(random, poisson(random, 500), rate)] as const);
    dispersion = foldDispersion(dispersion, new Map(pods), tick * 15_000);
  }
  return dispersion;
}

test('one minute by hand', () => {
  // X = 6 on shares ½, ¼, ¼: squares (4−3)² + (0−1.5)² + (2−1.5)² = 3.5, expected 6·(¼ + 2·3/16) = 3.75.
  const tick = new Map([
    ['a', { total: 50, bad: 2 }],
    ['b', { total: 25, bad: 0 }],
    ['c', { total: 25, bad: 1 }],
  ]);
  let dispersion = noDispersion;
  for (const at of [15_000, 60_000, 75_000]) dispersion = foldDispersion(dispersion, tick, at);
  // kills: ticks judged singly, an open minute that counts, shares by the number of pods.
  expect(dispersion).toMatchObject({ ticks: 2, squares: 3.5, expected: 3.75, freedom: 2 });
});

test.each([
  { name: 'failures one by one', draw: oneByOne, from: 0.85, to: 1.15 },
  { name: 'retries', draw: retried, from: 1.8, to: 2.5 },
])('φ of $name', ({ draw, from, to }) => {
  const { squares, expected } = minutesOf(seeded(11), draw, { minutes: 400 });
  expect(squares / expected).toBeGreaterThan(from);
  expect(squares / expected).toBeLessThan(to);
});

test('rare clusters are seen as well as frequent ones', () => {
  // kills: a mean of ratios, in which minutes with one failure say 1.
  const { squares, expected } = minutesOf(seeded(12), retried, { minutes: 3000, rate: 0.0002 });
  expect(squares / expected).toBeGreaterThan(1.7);
});

test('a calm stable tempers nothing', () => {
  const random = seeded(13);
  const tempers = Array.from({ length: 200 }, () => temperOf(minutesOf(random, oneByOne, { minutes: 60 })));
  // kills: φ taken as it is measured, which delays every stop by a tenth.
  expect(tempers.filter((temper) => temper > 1).length).toBeLessThanOrEqual(14);
});

test.each([
  { name: 'too few ticks', ticks: 29, squares: 90, expected: 30, freedom: 60, want: 1 },
  { name: 'enough', ticks: 30, squares: 90, expected: 30, freedom: 60, want: 3 },
  { name: 'within two standard errors', ticks: 90, squares: 38, expected: 30, freedom: 60, want: 1 },
  {
    name: 'one broken pod of stable does not blind the gates',
    ticks: 90,
    squares: 9000,
    expected: 30,
    freedom: 60,
    want: 10,
  },
  { name: 'nothing failed', ticks: 90, squares: 0, expected: 0, freedom: 0, want: 1 },
])('φ: $name', ({ want, ...dispersion }) => {
  expect(temperOf(dispersion)).toBe(want);
});

test('one pod alone, and a minute of silence, say nothing', () => {
  let dispersion = foldDispersion(noDispersion, new Map([['a', { total: 900, bad: 30 }]]), 60_000);
  dispersion = foldDispersion(dispersion, new Map(), 120_000);
  dispersion = foldDispersion(
    dispersion,
    new Map([
      ['a', { total: 0, bad: 0 }],
      ['b', { total: 9, bad: 9 }],
    ]),
    180_000,
  );
  expect(foldDispersion(dispersion, new Map(), 240_000)).toMatchObject({ ticks: 0, squares: 0, freedom: 0 });
});

test('noise of an arm as a whole counts where there is much to see', () => {
  const at = (scale: number): ArmCounts => ({
    canary: { total: 15_000 * scale, bad: 15 * scale },
    stable: { total: 15_000 * scale, bad: 15 * scale },
  });
  // V of a minute is 4 · 30 · ¼ = 30 at scale 1, and φ = 1 + 2 · 0.01 · 30.
  expect(armNoise(at(1), 15_000)).toBeCloseTo(1.6, 12);
  expect(armNoise(at(0.01), 15_000)).toBeCloseTo(1.006, 12);
  // kills: the length of the tick left out.
  expect(armNoise(at(1), 60_000)).toBeCloseTo(1.15, 12);
  // kills: the canary's own failures, which would make a bad one harder to stop.
  const worse = { canary: { total: 15_000, bad: 600 }, stable: { total: 15_000, bad: 15 } };
  expect(armNoise(worse, 15_000, { total: 90_000, bad: 90 })).toBeCloseTo(1.6, 12);
  expect(armNoise(at(1), 15_000, { total: 0, bad: 0 }), 'nothing known before').toBeCloseTo(1.6, 12);
  expect(armNoise({ canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } }, 15_000)).toBe(1);
});

const counts = fc.tuple(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: 900 }),
  fc.integer({ min: 0, max: 8 }),
);

test('law: tempered evidence expects at most 1, exactly summed', () => {
  // Given the tick's sums the failures of the canary are binomial under H0, whatever φ a look at the past gave.
  fc.assert(
    fc.property(counts, fc.double({ min: 1, max: 10, noNaN: true }), ([canary, stable, bad], phi) => {
      const theta = (1.1 * canary) / (1.1 * canary + stable);
      let expectation = 0;
      for (let own = 0, chance = (1 - theta) ** bad; own <= bad; own += 1) {
        const tick = { canary: { total: canary, bad: own }, stable: { total: stable, bad: bad - own } };
        const temper = phi * armNoise(tick, 15_000);
        expectation += chance * Math.exp(logEvidence(foldStopTest(startStopTest(), tick, 0, { temper })));
        chance *= ((bad - own) / (own + 1)) * (theta / (1 - theta));
      }
      // kills: increments multiplied by φ, or a φ below 1.
      expect(expectation).toBeLessThanOrEqual(1 + 1e-9);
    }),
    { numRuns: 200, seed: 5 },
  );
});

interface World {
  draw: Draw;
  rps: number;
  rate: number;
  noise: number;
}

/** An hour of stable, then half an hour of a good canary whose weight climbs. True when it is stopped. */
function stops(random: () => number, { draw, rps, rate, noise }: World, tempered: boolean): boolean {
  let dispersion = noDispersion;
  let test = startStopTest();
  for (let tick = -240; tick < 120; tick += 1) {
    const share = tick < 0 ? 0 : ([0.1, 0.3, 0.5][Math.floor(tick / 8)] ?? 0.5);
    const factors = noiseAt(random, tick, noise);
    const stable = ['a', 'b', 'c'].map((pod) => {
      const total = poisson(random, (rps * 15 * (1 - share)) / 3);
      return [pod, draw(random, total, rate * factors.stable)] as const;
    });
    const temper = temperOf(dispersion);
    const canary = draw(random, poisson(random, rps * 15 * share), rate * factors.canary);
    const both = { canary, stable: sum(stable.map(([, counted]) => counted)) };
    dispersion = foldDispersion(dispersion, new Map(stable), (tick + 241) * 15_000);
    if (tick < 0) continue;
    const options = tempered ? { temper: temper * armNoise(both, 15_000) } : {};
    test = foldStopTest(test, both, tick * 15_000, options);
    if (logEvidence(test) >= stopLimit(0.02)) return true;
  }
  return false;
}

let factors = { canary: 1, stable: 1 };

/** Each arm has its own factor, which stays for a minute. */
function noiseAt(random: () => number, tick: number, noise: number) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  if (tick % 4 === 0 || tick === -240) {
    const factor = () => Math.exp(noise * normal() - noise ** 2 / 2);
    factors = { canary: factor(), stable: factor() };
  }
  return factors;
}

function sum(all: readonly Counts[]): Counts {
  return all.reduce((a, b) => ({ total: a.total + b.total, bad: a.bad + b.bad }), { total: 0, bad: 0 });
}

test.each([
  { name: 'retries', world: { draw: retried, rps: 100, rate: 0.001, noise: 0 }, raw: 6 },
  { name: 'a noisy service at 1,000 rps', world: { draw: oneByOne, rps: 1000, rate: 0.002, noise: 0.2 }, raw: 6 },
])('good releases with $name are not stopped', ({ world, raw }) => {
  const play = (tempered: boolean) => {
    const random = seeded(14);
    return Array.from({ length: 200 }, () => stops(random, world, tempered)).filter(Boolean).length;
  };
  expect(play(false), 'without tempering the bound of 2 % is broken').toBeGreaterThanOrEqual(raw);
  // kills: no tempering, dispersion of single ticks, no noise of whole arms.
  expect(play(true), '1.5 % of 200').toBeLessThanOrEqual(3);
});

test('the past is an hour in minutes on the grid of the ticks, and belongs to no attempt', () => {
  expect(historyOf({ tickMs: 15_000 }, 7_200_000)).toEqual({ from: 3_600_000, stepMs: 60_000 });
  expect(historyOf({ tickMs: 45_000 }, 9_000_000)).toEqual({ from: 3_600_000, stepMs: 90_000 });
  expect(pastContext(context)).toMatchObject({ epoch: '', stepEpoch: '', weight: 0, arrived: false });
});
