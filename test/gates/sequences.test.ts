import fc from 'fast-check';
import { expect, test } from 'vitest';
import { halfWidth, logNormalEvidence } from '#gates/paired-ratio.ts';
import {
  countRange,
  type Latencies,
  logDeficit,
  logExcess,
  logMisfit,
  mixturePrecision,
  quantileMargin,
  quantilePValue,
  quantileRange,
  rateRange,
} from '#gates/sequences.ts';
import oracle from './fixtures/sequences.json' with { type: 'json' };
import { binomial, poisson, seeded } from './random.ts';

// Published values: the unit tests of confseq by Howard, Ramdas and Waudby-Smith, to the digits that they give.

test('the precision of a mixture has its published value', () => {
  expect(mixturePrecision(100, 0.05)).toBeCloseTo(12.60056, 5);
});

test('the beta-binomial mixture has its published values', () => {
  // g = 0.2 and h = 0.8: a rate of 0.2 at the intrinsic time 100, which is 625 events, 10 more than expected of them bad.
  const tuned = { tunedFor: 625 };
  const misfit = (excess: number) => logMisfit({ total: 625, bad: 125 + excess }, 0.2, tuned);
  expect(misfit(10)).toBeCloseTo(-0.6941012, 7);
  // Its bound for α = 0.05 is where it reaches ln 20.
  expect(misfit(31.4308)).toBeCloseTo(Math.log(20), 4);
});

test('mixtures for sums have their published values', () => {
  // Two-sided normal, as values per exposure are compared: bound and logarithm at the variance 100.
  const tuning = { alpha: 0.05, best: 100 };
  expect(100 * halfWidth(1 / 100, 100, tuning)).toBeCloseTo(30.35209, 5);
  expect(logNormalEvidence(10 ** 2, 100, tuning)).toBeCloseTo(-0.6510052, 7);
  expect(logDeficit({ by: 10, variance: 100 })).toBeCloseTo(-0.06502391, 8);
  expect(logDeficit({ by: 27.66071, variance: 100 })).toBeCloseTo(Math.log(20), 5);
  expect(logExcess({ by: 10, variance: 100, size: 2 })).toBeCloseTo(-0.06991219, 8);
  expect(logExcess({ by: 30.1949, variance: 100, size: 2 })).toBeCloseTo(Math.log(20), 5);
});

test.each([
  { bad: 700, total: 1000, tunedFor: 100, low: 0.651629, high: 0.745949 },
  { bad: 15, total: 50, tunedFor: 50, low: 0.129556, high: 0.511896 },
  { bad: 5, total: 50, tunedFor: 50, low: 0.013021, high: 0.269264 },
  { bad: 1, total: 50, tunedFor: 50, low: 0, high: 0.13489 },
  { bad: 1, total: 2, tunedFor: 50, low: 0, high: 1 },
  { bad: 100, total: 200, tunedFor: 1, low: 0.328923, high: 0.671076 },
  { bad: 0, total: 1, tunedFor: 50, low: 0, high: 1 },
])('the range of a rate: $bad of $total', ({ low, high, tunedFor, ...counts }) => {
  const range = rateRange(counts, { tunedFor });
  expect(Math.abs(range.low - low)).toBeLessThan(1e-6 + 5e-6 * Number(low === 0 || tunedFor === 1));
  expect(Math.abs(range.high - high)).toBeLessThan(1e-6 + 5e-6 * Number(high === 1 || high === 0.13489));
});

/** 1 to 1,000 plus `shift`, in buckets of one. */
function ladder(shift: number): Latencies {
  const bounds = Array.from({ length: 1200 }, (_, index) => index + 1);
  return { total: 1000, bounds, upTo: bounds.map((bound) => Math.min(1000, Math.max(0, bound - shift))) };
}

test.each([
  { p: 0.5, shift: 70, want: 0.814704 },
  { p: 0.5, shift: 85, want: 0.0838055 },
  { p: 0.5, shift: 100, want: 0.0054947 },
  { p: 0.9, shift: 55, want: 0.0340463 },
])('the p-value of two quantiles $p that are $shift apart', ({ p, shift, want }) => {
  // kills: the counts of one end of a bucket for both arms, misfits that are not minimised within a bucket.
  const value = quantilePValue(ladder(0), ladder(shift), p, { tunedFor: 100 });
  expect(Math.abs(value - want)).toBeLessThan(1e-6);
  expect(quantilePValue(ladder(shift), ladder(0), p, { tunedFor: 100 }), 'whichever comes first').toBeCloseTo(value, 9);
});

test('ranges, misfits and p-values agree with SciPy', () => {
  for (const { want, rate, tunedFor, ...counts } of oracle.logMisfit)
    expect(Math.abs(logMisfit(counts, rate, { tunedFor }) - want), JSON.stringify(counts)).toBeLessThan(1e-6);
  for (const { low, high, tunedFor, ...counts } of oracle.rateRange) {
    const range = rateRange(counts, { tunedFor });
    expect(Math.abs(range.low - low) + Math.abs(range.high - high), JSON.stringify(counts)).toBeLessThan(1e-6);
  }
});

test.each([
  { p: 0.5, want: 68.62803 },
  { p: 0.9, want: 43.72119 },
  { p: 0.1, want: 59.96521 },
])('the margin of the quantile $p has its published value', ({ p, want }) => {
  expect(quantileMargin(p, 1000, { tunedFor: 100 })).toBeCloseTo(want, 5);
});

test('events per exposure: a range holds at every look, and several events may be one exposure’s', () => {
  for (const { low, high, ...counts } of oracle.countRange) {
    const range = countRange(counts);
    expect(Math.abs(range.low - low) + Math.abs(range.high - high), JSON.stringify(counts)).toBeLessThan(1e-6);
  }
  expect(countRange({ total: 0, bad: 0 })).toEqual({ low: 0, high: Number.POSITIVE_INFINITY });
  const random = seeded(33);
  let missed = 0;
  for (let run = 0; run < 300; run += 1) {
    const counts = { total: 0, bad: 0 };
    let wrong = false;
    for (let look = 0; look < 200; look += 1) {
      counts.total += 1;
      counts.bad += poisson(random, 1.5);
      const expected = 1.5 * counts.total;
      const by = counts.bad - expected;
      // kills: either side's line at α instead of half of it.
      wrong ||=
        Math.max(logExcess({ by, variance: expected }), logDeficit({ by: -by, variance: expected })) >= Math.log(40);
    }
    if (wrong) missed += 1;
  }
  expect(missed).toBeLessThanOrEqual(0.05 * 300 + 3 * Math.sqrt(0.05 * 0.95 * 300));
});

/**
 * The other bound for all quantiles at once (Howard and Ramdas 2022, theorem 3): of n looks from m on, the share up to any
 * point is off by at most A·√((ln(1 + ln(n/m)) + C)/n), and C is the least for which its chance is α.
 */
function empiricalProcess(n: number, m: number, alpha: number): { bound: number; c: number } {
  const A = 0.85;
  const chance = (c: number) => {
    const etas = Array.from({ length: 4000 }, (_, i) => 1 + ((2 * A * A - 1) * (i + 1)) / 4001);
    const chances = etas.flatMap((eta) => {
      const gamma2 = (2 / eta) * (A - Math.sqrt((2 * (eta - 1)) / c)) ** 2;
      const positive = A > Math.sqrt((2 * (eta - 1)) / c);
      return positive && gamma2 > 1 ? [4 * Math.exp(-gamma2 * c) * (1 + 1 / ((gamma2 - 1) * Math.log(eta)))] : [];
    });
    return Math.min(1, ...chances);
  };
  let [low, high] = [1, 40];
  for (let halving = 0; halving < 50; halving += 1) {
    const middle = (low + high) / 2;
    if (chance(middle) > alpha) low = middle;
    else high = middle;
  }
  return { c: high, bound: A * Math.sqrt((Math.log(1 + Math.log(n / m)) + high) / n) };
}

test('the bound that is shown is narrower than that of the empirical process at every quantile', () => {
  const published = empiricalProcess(1000, 100, 0.05);
  expect(published.bound).toBeCloseTo(0.08204769, 6);
  expect(published.c).toBeCloseTo(8.12272, 5);
  // So nothing shows the other one: it has no code beside this test.
  for (const n of [100, 1000, 30_000, 1e6])
    for (const p of [0.5, 0.75, 0.9, 0.99, 0.999]) {
      const other = n * empiricalProcess(n, 100, 0.05).bound;
      expect(
        Math.max(quantileMargin(p, n, { tunedFor: 100 }), quantileMargin(1 - p, n, { tunedFor: 100 })),
      ).toBeLessThan(other);
    }
});

const bounds = [0.1, 0.25, 0.5, 1];

test.each([
  { name: 'nothing seen', because: 'no counts, no range', upTo: [0, 0, 0, 0], total: 0, want: {} },
  {
    name: 'between two bounds',
    because: '98 % are under 250 ms and 99.9 % under 500 ms',
    upTo: [5000, 9800, 9990, 10_000],
    total: 10_000,
    want: { over: 0.25, upTo: 0.5 },
  },
  {
    name: 'wider where a share is too near',
    because: '98.9 % is not known to be under 99 %',
    upTo: [5000, 9890, 9990, 10_000],
    total: 10_000,
    want: { over: 0.1, upTo: 0.5 },
  },
  { name: 'above all bounds', because: 'a tenth is over 1 s', upTo: [1, 2, 3, 900], total: 1000, want: { over: 1 } },
  { name: 'few requests', because: 'ten say little of one in a hundred', upTo: [9, 10, 10, 10], total: 10, want: {} },
])('the range of p99: $name', ({ because, want, ...latencies }) => {
  expect(quantileRange({ bounds, ...latencies }, 0.99), because).toEqual(want);
});

test('looked at every minute for any quantile, a range misses at most once in twenty', () => {
  // kills: the margin of p taken for that of 1 − p, which is too small below a high quantile.
  const random = seeded(32);
  const quantiles = [0.01, 0.1, 0.5, 0.9, 0.99, 0.999];
  let missed = 0;
  for (let run = 0; run < 300; run += 1) {
    const upTo = quantiles.map(() => 0);
    let wrong = false;
    for (let total = 50; total <= 5000; total += 50) {
      let [left, before] = [50, 1];
      // Those above each quantile are a part of those above the one before.
      for (const [index, p] of quantiles.entries()) {
        left = left - binomial(random, left, 1 - (1 - p) / before);
        before = 1 - p;
        upTo[index] = (upTo[index] ?? 0) + 50 - left;
      }
      wrong ||= quantiles.some((p, index) => {
        const range = quantileRange({ total, bounds: [p], upTo: [upTo[index] ?? 0] }, p);
        return range.over !== undefined;
      });
    }
    if (wrong) missed += 1;
  }
  expect(missed).toBeLessThanOrEqual(0.05 * 300 + 3 * Math.sqrt(0.05 * 0.95 * 300));
});

test('law: ranges hold the rate seen, and more counts of the same kind narrow them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (total, part) => {
      const bad = Math.round(total * part);
      const range = rateRange({ total, bad });
      expect(range.low).toBeLessThanOrEqual(bad / total);
      expect(range.high).toBeGreaterThanOrEqual(bad / total);
      const more = rateRange({ total: 16 * total, bad: 16 * bad });
      expect(more.high - more.low).toBeLessThanOrEqual(range.high - range.low + 1e-9);
    }),
    { numRuns: 200, seed: 5 },
  );
});

test('law: no counts are too many or too few', () => {
  const size = fc.oneof(
    fc.nat(50),
    fc.nat(100_000),
    fc.integer({ min: 0, max: 2 ** 40 }).map((count) => (count > 2 ** 26 ? 2 ** 40 : count)),
  );
  fc.assert(
    fc.property(size, size, fc.constantFrom(0.0001, 0.05), (a, b, alpha) => {
      // kills: a search that reaches a rate of exactly 0 or 1, for which the special functions throw.
      const [total, bad] = [Math.max(a, b), Math.min(a, b)];
      const rates = rateRange({ total, bad }, { alpha });
      expect(rates.low <= bad / Math.max(1, total) && rates.high >= bad / Math.max(1, total)).toBe(true);
      const events = countRange({ total: a, bad: b }, { alpha });
      if (a > 0) expect(events.low <= b / a && events.high >= b / a).toBe(true);
      const ends = [Math.floor(bad / 2), bad];
      const value = quantilePValue(
        { total, bounds: [1, 2], upTo: ends },
        { total: bad, bounds: [1, 2], upTo: ends },
        0.9999,
      );
      expect(value).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 100, seed: 6 },
  );
});

test('looked at after every request, a range misses the truth at most once in twenty', () => {
  // kills: a fixed-sample interval, which misses 1 in 3 under so many looks; α of the log misfit halved.
  const random = seeded(31);
  const runs = 400;
  let missed = 0;
  for (let run = 0; run < runs; run += 1) {
    const counts = { total: 0, bad: 0 };
    let worst = 0;
    for (let look = 0; look < 300; look += 1) {
      counts.total += 10;
      counts.bad += binomial(random, 10, 0.05);
      worst = Math.max(worst, logMisfit(counts, 0.05));
    }
    if (worst >= Math.log(20)) missed += 1;
  }
  expect(missed / runs).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / runs));
  expect(missed, 'and is no trivial bound').toBeGreaterThan(0);
});
