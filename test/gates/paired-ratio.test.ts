import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  foldPair,
  foldScale,
  halfWidth,
  logNormalEvidence,
  logPairEvidence,
  noPairs,
  noScale,
  ratioInterval,
  ratioVariance,
  winsorise,
} from '#gates/paired-ratio.ts';
import oracle from './fixtures/paired-ratio.json' with { type: 'json' };
import { seeded } from './random.ts';

test.each(oracle.intervals)('interval of growthbook, $units units, tuned for $best', (golden) => {
  const { stable, canary, units, best, alpha, lift, low, high, p } = golden;
  const variance = ratioVariance(canary, stable);
  const half = halfWidth(variance, units, { alpha, best });
  // kills: natural instead of square root in the logarithm, α/2, variance of one unit for that of the mean.
  expect(canary.mean / stable.mean - 1).toBeCloseTo(lift, 9);
  expect(lift - half).toBeCloseTo(low, 9);
  expect(lift + half).toBeCloseTo(high, 9);
  const logE = logNormalEvidence((lift ** 2 * units) / variance, units, { alpha, best });
  expect(Math.min(1, Math.exp(-logE)) / p).toBeCloseTo(1, 6);
});

test('golden values of the study', () => {
  const [means, proportions] = oracle.intervals;
  expect([means?.lift, means?.low, means?.high].map((value) => Number(value?.toFixed(5)))).toEqual([
    0.50336, -0.55844, 1.56516,
  ]);
  expect([proportions?.lift, proportions?.low, proportions?.high].map((value) => Number(value?.toFixed(5)))).toEqual([
    0.50386, 0.40098, 0.60675,
  ]);
});

test('ratio of sums and its variance, as growthbook has them', () => {
  let sums = noPairs;
  // Equal exposures of 2 make A and B half of what was earned.
  for (const [a = 0, b = 0] of oracle.ratio.ticks) {
    sums = foldPair(sums, { canary: { total: 2, bad: 2 * a }, stable: { total: 2, bad: 2 * b } });
  }
  const interval = ratioInterval(sums, { alpha: 0.05, best: 120 });
  expect(interval?.ratio).toBeCloseTo(oracle.ratio.mean, 9);
  expect(interval?.variance).toBeCloseTo(oracle.ratio.variance, 9);
});

test('law: evidence reaches the line exactly where the interval of the score excludes the claim', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 })), {
        minLength: 30,
        maxLength: 60,
      }),
      (ticks) => {
        let sums = noPairs;
        for (const [a, b] of ticks)
          sums = foldPair(sums, { canary: { total: 1, bad: a }, stable: { total: 1, bad: b } });
        const tuning = { alpha: 0.02, best: 120 };
        const scores = ticks.map(([a, b]) => (a - 0.8 * b) / 2);
        const mean = scores.reduce((x, y) => x + y, 0) / scores.length;
        const variance = scores.reduce((x, y) => x + (y - mean) ** 2, 0) / (scores.length - 1);
        const half = halfWidth(variance / scores.length, scores.length, tuning);
        const { below, above } = logPairEvidence(sums, 0.8, tuning);
        expect(below >= Math.log(50)).toBe(mean + half <= 0);
        expect(above >= Math.log(50)).toBe(mean - half >= 0);
      },
    ),
    { numRuns: 300, seed: 6 },
  );
});

test('a weight that moves and a day that swings change no ratio', () => {
  // kills: sums over ticks of different weights (Simpson's paradox).
  let sums = noPairs;
  for (let tick = 0; tick < 40; tick += 1) {
    const share = tick < 20 ? 100 : 900;
    const worth = tick < 20 ? 1 : 3;
    sums = foldPair(sums, {
      canary: { total: share, bad: share * worth },
      stable: { total: 1000 - share, bad: (1000 - share) * worth },
    });
  }
  expect(ratioInterval(sums, { alpha: 0.02, best: 120 })?.ratio).toBeCloseTo(1, 12);
});

test('nothing earned, nobody exposed: no evidence', () => {
  const empty = { canary: { total: 0, bad: 0 }, stable: { total: 9, bad: 3 } };
  expect(foldPair(noPairs, empty)).toBe(noPairs);
  expect(foldPair(noPairs, { canary: { total: 9, bad: 0 }, stable: { total: 9, bad: 0 } })).toBe(noPairs);
  expect(logPairEvidence(noPairs, 0.8, { alpha: 0.02, best: 120 })).toEqual({ below: 0, above: 0 });
  expect(ratioInterval(noPairs, { alpha: 0.02, best: 120 })).toBeUndefined();
});

test('one order of stable and none of the canary is no proof of collapse', () => {
  // kills: the variance of the ratio, which is 0 where the canary earned nothing.
  let sums = noPairs;
  for (let tick = 0; tick < 60; tick += 1) {
    sums = foldPair(sums, { canary: { total: 10, bad: 0 }, stable: { total: 90, bad: tick === 7 ? 50 : 0 } });
  }
  expect(logPairEvidence(sums, 0.8, { alpha: 0.02, best: 120 }).below).toBeLessThan(Math.log(50));
});

test('one giant order is cut in either arm, and small ones never', () => {
  const random = seeded(3);
  let scale = noScale;
  for (let tick = 0; tick < 50; tick += 1) scale = foldScale(scale, { total: 900, bad: 900 + 60 * (random() - 0.5) });
  const giant = winsorise({ canary: { total: 100, bad: 5000 }, stable: { total: 900, bad: 910 } }, scale);
  expect(giant.stable.bad).toBe(910);
  expect(giant.canary.bad).toBeGreaterThan(100);
  expect(giant.canary.bad).toBeLessThan(150);
  // kills: a cap before anything is known.
  expect(winsorise({ canary: { total: 1, bad: 1e9 }, stable: { total: 1, bad: 1 } }, noScale).canary.bad).toBe(1e9);
});
