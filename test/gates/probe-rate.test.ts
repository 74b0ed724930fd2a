import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Counts } from '#core/gate.ts';
import { burnLogE } from '#gates/burn.ts';
import {
  bet,
  firstBets,
  mostFailing,
  pairsToExclude,
  scaledToWeight,
  shortfallLogE,
  winnings,
  worseLogE,
} from '#gates/probe-rate.ts';
import { requestsToExclude } from '#gates/ramp.ts';
import { binomial, seeded } from './random.ts';

const ALPHA_LINE = Math.log(50);
const BETA_LINE = Math.log(20);
const never: Counts = { total: 0, bad: 0 };
const since = (all: Counts) => ({ all, starts: 0, late: [] });

test.each([
  { bad: 1, total: 1, p0: 0.01, e: '53' },
  { bad: 2, total: 2, p0: 0.01, e: '4010' },
  { bad: 1, total: 10, p0: 0.01, e: '1.1' },
  { bad: 3, total: 31, p0: 0.01, e: '10' },
  { bad: 1, total: 1, p0: 0.05, e: '11.6' },
  { bad: 2, total: 2, p0: 0.05, e: '175' },
])('evidence of $bad of $total failures against p0 $p0: $e', ({ p0, e, ...canary }) => {
  // kills: another prior, no cut below p0, the wrong tail.
  const digits = e === '4010' ? 3 : e.replace('.', '').length;
  expect(Number(Math.exp(burnLogE(canary, p0)).toPrecision(digits))).toBe(Number(e));
  // Stable has been clean so long that p0 is all that is left of its rate; a twentieth of the test starts later.
  const stable = { total: 100_000, bad: 0 };
  const all = Math.exp(worseLogE({ canary: since(canary), stable }, p0));
  expect(Number(((all - 0.05) / 0.95).toPrecision(digits))).toBe(Number(e));
});

test.each([
  { name: 'a clean suite: the first failure stops', stable: { total: 100, bad: 0 }, looks: 1 },
  { name: 'stable was hardly asked: a second look', stable: { total: 20, bad: 0 }, looks: 2 },
  { name: 'flaky on stable too, 1 of 20: more looks', stable: { total: 20, bad: 1 }, looks: 3 },
  { name: 'fails half of the time everywhere', stable: { total: 40, bad: 20 }, looks: 12 },
  { name: 'without a stable pod nobody is blamed', stable: never, looks: Number.POSITIVE_INFINITY },
])('$name', ({ stable, looks }) => {
  const needed = Array.from({ length: 60 }, (_, index) => index + 1).find(
    (bad) => worseLogE({ canary: since({ total: bad, bad }), stable }, 0.01) >= ALPHA_LINE,
  );
  expect(needed ?? Number.POSITIVE_INFINITY).toBe(looks);
});

/** One pass over answers of both arms in turn: does the evidence ever reach the line? */
function everStops(random: () => number, rates: { canary: number; stable: number; n: number }): boolean {
  let [canary, stable] = [never, never];
  for (let round = 0; round < rates.n; round += 1) {
    canary = { total: canary.total + 1, bad: canary.bad + binomial(random, 1, rates.canary) };
    stable = { total: stable.total + 1, bad: stable.bad + binomial(random, 1, rates.stable) };
    // It is never highest after a right answer.
    if (canary.bad > 0 && worseLogE({ canary: since(canary), stable }, 0.01) >= ALPHA_LINE) return true;
  }
  return false;
}

test.each([
  { canary: 0.01, stable: 0.0, n: 150, most: 3 },
  { canary: 0.2, stable: 0.2, n: 80, most: 3 },
  { canary: 0.05, stable: 0.05, n: 100, most: 3 },
])('good canaries are stopped at most once in fifty: $canary against $stable', ({ most, ...rates }) => {
  // kills: stable's rate taken as known (plug-in), the least product taken on one point alone.
  const random = seeded(7);
  const stops = Array.from({ length: 60 }, () => everStops(random, rates)).filter(Boolean).length;
  expect(stops).toBeLessThanOrEqual(most);
});

test('answers that fail 20 % of the time are found', () => {
  const random = seeded(8);
  const stops = Array.from({ length: 40 }, () => everStops(random, { canary: 0.2, stable: 0, n: 110 }));
  expect(stops.filter(Boolean).length).toBeGreaterThanOrEqual(39);
});

test.each([
  { minutes: 15, late: 3 },
  { minutes: 60, late: 3 },
  { minutes: 240, late: 4 },
])('after $minutes clean minutes $late failures in a row stop', ({ minutes, late }) => {
  // kills: a test that knows one start only: after an hour of 720 right answers it needs 14 wrong ones.
  const stable = { total: 12 * minutes, bad: 0 };
  const looks = (starts: number) =>
    Array.from({ length: 40 }, (_, index) => index + 1).find((bad) => {
      const all = { total: 12 * minutes + bad, bad };
      const canary = {
        all,
        starts,
        late: [
          { total: bad, bad },
          { total: 60 + bad, bad },
        ],
      };
      return worseLogE({ canary, stable }, 0.01) >= ALPHA_LINE;
    });
  expect(looks(minutes / 5)).toBe(late);
  expect(looks(0) ?? Number.POSITIVE_INFINITY).toBeGreaterThan(late);
});

const counts = fc
  .tuple(fc.integer({ min: 0, max: 3000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([total, share]) => ({ total, bad: Math.round(total * share * share) }));

test('no stable rate has less evidence than what is said', () => {
  // kills: a search that stops beside the least product, which would blame more often than α allows.
  fc.assert(
    fc.property(counts, counts, (canary, stable) => {
      const said = worseLogE({ canary: since(canary), stable }, 0.01);
      // Without any evidence it is not looked for.
      if (said <= 0) return;
      for (let logit = -4.59; logit < 7; logit += 0.02) {
        const p = 1 / (1 + Math.exp(-logit));
        const whole = Math.log(0.95) + burnLogE(canary, p);
        const sum = Math.max(whole, Math.log(0.05)) + Math.log1p(Math.exp(-Math.abs(whole - Math.log(0.05))));
        expect(said).toBeLessThanOrEqual(sum + shortfallLogE(stable, p) + 0.01);
      }
    }),
    { numRuns: 60, seed: 11 },
  );
});

test('tails far below the smallest number keep their logarithm', () => {
  // kills: −∞ for a tail that underflows, which would be the least product and clear every canary.
  const rates = [0.5, 0.9, 0.99, 0.999, 0.99999];
  const logs = rates.map((rate) => burnLogE({ total: 5000, bad: 50 }, rate));
  for (const log of logs) expect(log).toBeGreaterThan(-20);
  for (const rate of [1e-6, 0.001, 0.01]) expect(shortfallLogE({ total: 5000, bad: 2500 }, rate)).toBeGreaterThan(-20);
  const stable = { total: 2000, bad: 0 };
  expect(worseLogE({ canary: since({ total: 2000, bad: 400 }), stable }, 0.01)).toBeGreaterThan(100);
});

test('under H0 the expectation of either test is at most 1, also for means of clusters', () => {
  // kills: clusters that count for more than one answer. Exact: all outcomes of four answers, means in steps of ½.
  const values = [0, 0.5, 1];
  for (const rate of [0.05, 0.3]) {
    // A mean of ½ half of the time that would be 0 or 1: what two samples of one prompt give that always agree, or never.
    for (const spread of [0, 0.5, 1]) {
      const half = spread * 2 * Math.min(rate, 1 - rate);
      const chance = new Map([
        [0, 1 - rate - half / 2],
        [0.5, half],
        [1, rate - half / 2],
      ]);
      let [above, below] = [0, 0];
      const walk = (left: number, counts: Counts, weight: number): void => {
        if (left === 0) {
          above += weight * Math.exp(burnLogE(counts, rate));
          below += weight * Math.exp(shortfallLogE(counts, rate));
          return;
        }
        for (const value of values)
          walk(left - 1, { total: counts.total + 1, bad: counts.bad + value }, weight * (chance.get(value) ?? 0));
      };
      walk(4, never, 1);
      expect(above).toBeLessThanOrEqual(1 + 1e-9);
      expect(below).toBeLessThanOrEqual(1 + 1e-9);
      if (spread === 0) expect(above).toBeCloseTo(1, 6);
    }
  }
});

test.each([
  { truth: 0.98, least: 0.95, samples: 247 },
  { truth: 0.99, least: 0.95, samples: 121 },
  { truth: 0.95, least: 0.9, samples: 179 },
  { truth: 0.9, least: 0.85, samples: 275 },
])('a pass rate of $truth excludes less than $least after about $samples answers', ({ truth, least, samples }) => {
  // A test that knows the truth needs that many in the mean; not to know it costs up to a third more.
  const line = requestsToExclude({ base: 1 - truth, excess: truth - least, beta: 0.05 });
  expect(Math.round(line)).toBe(samples);
  const random = seeded(9);
  const needed = Array.from({ length: 200 }, () => {
    let counts = never;
    while (counts.total < 3000 && shortfallLogE(counts, 1 - least) < BETA_LINE)
      counts = { total: counts.total + 1, bad: counts.bad + binomial(random, 1, 1 - truth) };
    return counts.total;
  });
  const mean = needed.reduce((sum, n) => sum + n) / needed.length;
  expect(mean).toBeGreaterThan(samples * 0.95);
  expect(mean).toBeLessThan(samples * 1.4);
});

test.each([0.05, 0.1, 0.15])('a pass rate that is too low by nothing passes at most once in twenty: 1 − %d', (rate) => {
  // kills: a bound for one look, at which a release that waits long enough always passes. Exact, over 600 looks.
  let open = new Map([[0, 1]]);
  let passed = 0;
  for (let total = 1; total <= 600; total += 1) {
    const next = new Map<number, number>();
    for (const [bad, chance] of open) {
      next.set(bad, (next.get(bad) ?? 0) + chance * (1 - rate));
      next.set(bad + 1, (next.get(bad + 1) ?? 0) + chance * rate);
    }
    open = new Map();
    for (const [bad, chance] of next) {
      if (chance < 1e-12) continue;
      if (bad < rate * total && shortfallLogE({ total, bad }, rate) >= BETA_LINE) passed += chance;
      else open.set(bad, chance);
    }
  }
  expect(passed).toBeLessThanOrEqual(0.05);
  expect(passed).toBeGreaterThan(0.03);
});

test('the bound that is shown is the one that decides', () => {
  const counts = { total: 300, bad: 5 };
  const most = mostFailing(counts, BETA_LINE);
  expect(shortfallLogE(counts, most + 1e-6)).toBeGreaterThanOrEqual(BETA_LINE);
  expect(shortfallLogE(counts, most - 1e-6)).toBeLessThan(BETA_LINE);
  expect(mostFailing(never, BETA_LINE)).toBe(1);
  expect(mostFailing({ total: 3, bad: 3 }, BETA_LINE)).toBe(1);
});

const differences = fc.array(fc.constantFrom(-1, -0.5, 0, 0, 0, 0.5, 1), { maxLength: 30 });

test('bets never go bankrupt, begin with 1, and fall with every answer that the canary alone gets wrong', () => {
  expect(winnings(firstBets)).toBeCloseTo(0, 12);
  fc.assert(
    fc.property(differences, fc.constantFrom(0.05, 0.25, 0.5), (pairs, excess) => {
      const after = pairs.reduce<readonly number[]>((bets, pair) => bet(bets, pair, excess), firstBets);
      expect(after.every(Number.isFinite)).toBe(true);
      expect(winnings(bet(after, 1, excess))).toBeLessThan(winnings(after));
      expect(winnings(bet(after, 0, excess))).toBeGreaterThan(winnings(after));
    }),
  );
});

test('no bet is expected to win while the canary is worse by the excess', () => {
  // kills: a stake that does not know the excess. Exact for every mix of wins, losses and ties with that mean.
  for (const excess of [0.05, 0.25]) {
    for (const better of [0, 0.1, 0.3]) {
      const worse = better + excess;
      const expected = firstBets.map((_, index) =>
        [
          { difference: 1, chance: worse },
          { difference: -1, chance: better },
          { difference: 0, chance: 1 - worse - better },
        ].reduce((sum, { difference, chance }) => {
          const [after = 0, before = 0] = [bet(firstBets, difference, excess)[index], firstBets[index]];
          return sum + chance * Math.exp(after - before);
        }, 0),
      );
      for (const capital of expected) expect(capital).toBeCloseTo(1, 9);
    }
  }
});

test('clean pairs until an excess is excluded', () => {
  expect([0.5, 0.25, 0.05, 0.01].map((excess) => pairsToExclude(excess, BETA_LINE))).toEqual([6, 14, 77, 390]);
});

test.each([
  { share: 0.05, next: undefined, want: 0.05 },
  { share: 0.05, next: 0.5, want: 0.1 },
  { share: 0.05, next: 0.2, want: 0.25 },
  { share: 0.05, next: 0.05, want: 0.5 },
  { share: 0.05, next: 0, want: 0.05 },
])('of $share before a step to $next: $want', ({ share, next, want }) => {
  expect(scaledToWeight(share, next)).toBeCloseTo(want, 12);
});
