import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateContext } from '#core/gate.ts';
import { burnAt, excessBound, forecastSpend, type SpendQuestion, type Stay, worstBurn } from '#gates/forecast.ts';
import { requestsToDetect } from '#gates/ramp.ts';
import { Drill } from './drill.ts';
import { binomial, seeded } from './random.ts';

const DAY = 86_400_000;

/** 99.9 % of 100 rps: 259,200 failures in 30 days. */
const question: SpendQuestion = {
  next: { weight: 20_000, holdMs: 60_000 },
  rps: 100,
  base: 0.001,
  objective: 0.999,
  windowMs: 30 * DAY,
  reactionMs: 45_000,
  alpha: 0.02,
  temper: 1,
};
const stay: Stay = {
  canary: { total: 600, bad: 0 },
  rate: 0.001,
  rateRequests: 10_000,
  limit: Math.log(20),
  temper: 1,
};
const fresh = { charged: 0, spend: 0, maxSpend: 0.01 };

test('the bound is where the advance test passes: its golden values', () => {
  // p = 0.001, d = 0.005: 0 of 600 gives 3.010543, 1 of 930 gives 2.869565; the line is ln 20 = 2.995732.
  expect(excessBound(stay)).toBeGreaterThan(0.0049);
  expect(excessBound(stay)).toBeLessThan(0.005);
  expect(excessBound({ ...stay, canary: { total: 930, bad: 1 } })).toBeGreaterThan(0.005);
});

test.each([
  { name: 'no request', because: 'nothing is known', more: { canary: { total: 0, bad: 0 } }, want: 1 },
  { name: 'a rate from few requests', because: 'it is not that exact', more: { rateRequests: 3 }, want: 1 / 3 },
  { name: 'only failures', because: 'nothing speaks against it', more: { canary: { total: 9, bad: 9 } }, want: 0.999 },
])('bound of $name: $because', ({ more, want }) => {
  expect(excessBound({ ...stay, ...more })).toBeCloseTo(want, 5);
});

test('a total failure burns what one reaction and its detection take', () => {
  // Three or four requests show it at once: 0.2 · 45 s of 2,592 s of total failure, and a little for finding it.
  const burnt = burnAt(0.99, question);
  expect(burnt).toBeGreaterThan((0.99 * 0.2 * 45) / 2592);
  expect(burnt).toBeLessThan((0.99 * 0.2 * 47) / 2592);
});

test('what nothing finds burns for the whole hold', () => {
  const quiet = { ...question, rps: 0.01 };
  expect(burnAt(0.05, quiet)).toBeCloseTo((0.05 * 0.2 * 105) / 2592, 9);
});

const bounds = fc.double({ min: 0.0001, max: 0.9, noNaN: true });
const questions = fc.record({
  next: fc.record({ weight: fc.integer({ min: 100, max: 95_000 }), holdMs: fc.integer({ min: 0, max: 7_200_000 }) }),
  rps: fc.double({ min: 0.01, max: 2000, noNaN: true }),
  base: fc.double({ min: 0.00001, max: 0.05, noNaN: true }),
  objective: fc.constantFrom(0.99, 0.995, 0.999, 0.9999),
  windowMs: fc.constant(30 * DAY),
  reactionMs: fc.integer({ min: 5000, max: 120_000 }),
  alpha: fc.constantFrom(0.02, 0.004),
  temper: fc.constantFrom(1, 3),
});

test('law: no excess up to the bound burns more than the worst', () => {
  fc.assert(
    fc.property(bounds, questions, fc.double({ min: 0, max: 1, noNaN: true }), (bound, asked, part) => {
      expect(burnAt(bound * part, asked)).toBeLessThanOrEqual(worstBurn(bound, asked) * 1.001 + 1e-12);
    }),
    { numRuns: 500, seed: 11 },
  );
});

// kills: the bound alone, without the largest excess that goes unseen
test('law: more evidence makes the figure no worse, and expected is never above pessimistic', () => {
  const counts = fc.record({ total: fc.integer({ min: 1, max: 50_000 }), bad: fc.integer({ min: 0, max: 40 }) });
  fc.assert(
    fc.property(counts, questions, fc.integer({ min: 1, max: 50_000 }), ({ total, bad }, asked, more) => {
      const canary = { total: total + bad, bad };
      const few = forecastSpend({ ...stay, canary }, asked, fresh);
      const many = forecastSpend({ ...stay, canary: { total: canary.total + more, bad } }, asked, fresh);
      expect(many.pessimistic).toBeLessThanOrEqual(few.pessimistic * 1.001 + 1e-9);
      expect(few.expected).toBeLessThanOrEqual(few.pessimistic);
    }),
    { numRuns: 300, seed: 12 },
  );
});

test('law: the bound holds for all looks together, at the confidence of the advance test', () => {
  // Canary worse by exactly 0.5 points, looked at after every ten requests. kills: a bound for one look, ln 20 as ln 2
  const random = seeded(7);
  const truth = 0.005;
  let missed = 0;
  for (let run = 0; run < 400; run++) {
    const canary = { total: 0, bad: 0 };
    for (let look = 0; look < 150; look++) {
      canary.total += 10;
      canary.bad += binomial(random, 10, 0.001 + truth);
      if (excessBound({ ...stay, canary }) < truth) {
        missed += 1;
        break;
      }
    }
  }
  expect(missed / 400).toBeLessThanOrEqual(0.05);
});

test.each([
  { name: 'early', because: 'much is open yet', total: 40, holds: true },
  { name: 'later', because: 'evidence has come', total: 6000, holds: false },
])('a long hold at a dear objective waits $name: $because', ({ total, holds }) => {
  const dear = { ...question, next: { weight: 20_000, holdMs: 600_000 }, rps: 5, objective: 0.9999 };
  const said = forecastSpend({ ...stay, canary: { total, bad: 0 } }, dear, { ...fresh, spend: 0.005 });
  expect(said.holds).toBe(holds);
});

test('what is spent already leaves less, and a handful of failures is no reason', () => {
  const canary = { total: 100, bad: 0 };
  const spent = { charged: 2000, spend: 0.0099, maxSpend: 0.01 };
  expect(forecastSpend({ ...stay, canary }, question, spent)).toMatchObject({ left: 0.01 - 0.0099, holds: true });
  // One request in ten seconds at 99.99 %: the whole budget is 26 failures, one hundredth of it less than one.
  const tiny = { ...question, rps: 0.1, objective: 0.9999 };
  expect(forecastSpend({ ...stay, canary: { total: 30, bad: 0 } }, tiny, fresh).holds).toBe(false);
});

test('a fault is found within twice the average of the planner nine times in ten', () => {
  // What the constant FORECAST.late claims, by the stop test itself: stable 0.1 %, canary +5 points at 20 %.
  const needed = requestsToDetect({ base: 0.001, excess: 0.05, share: 0.2 });
  const found = Array.from({ length: 60 }, (_, seed) => {
    const random = seeded(1000 + seed);
    const drill = new Drill({ weight: 20_000, arrived: true, raisedAt: 0 });
    drill.ticks(1, { canary: [10, 0], stable: [40, 0] });
    let served = 0;
    while (served < 2 * needed) {
      served += 10;
      const load = { canary: [10, binomial(random, 10, 0.051)], stable: [40, binomial(random, 40, 0.001)] } as const;
      if (drill.tick({ canary: [...load.canary], stable: [...load.stable] }).verdict === 'Fail') return true;
    }
    return false;
  });
  expect(found.filter(Boolean).length).toBeGreaterThanOrEqual(54);
});

test('the gate says it while something follows, and not before it has evidence', () => {
  const next: Partial<GateContext> = { weight: 5000, arrived: true, next: { weight: 20_000, holdMs: 60_000 } };
  const drill = new Drill({ ...next, raisedAt: 0 });
  expect(drill.tick({ stable: [300, 0] }).evidence.forecast).toBeUndefined();
  const few = drill.tick({ canary: [20, 0], stable: [300, 0] }).evidence.forecast;
  const many = drill.ticks(20, { canary: [20, 0], stable: [300, 0] }).at(-1)?.evidence.forecast;
  expect(few).toMatchObject({ weight: 20_000, expected: 0 });
  expect(many?.pessimistic).toBeLessThan((few?.pessimistic ?? 0) / 5);
  const last = new Drill({ weight: 95_000, arrived: true, raisedAt: 0 });
  expect(last.tick({ canary: [300, 0], stable: [20, 0] }).evidence.forecast).toBeUndefined();
});
