import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  deriveMaxWait,
  deriveWeights,
  expectedBase,
  forecastSteps,
  requestsToDetect,
  requestsToExclude,
} from '#gates/ramp.ts';

const MONTH = 2_592_000_000;

test.each([
  { base: 0.001, excess: 0.001, few: 14_963, half: 31_854, exclude: 9747 },
  { base: 0.001, excess: 0.005, few: 1046, half: 2732, exclude: 930 },
  { base: 0.001, excess: 0.01, few: 381, half: 1110, exclude: 391 },
  { base: 0.001, excess: 0.05, few: 48, half: 174, exclude: 63 },
  { base: 0.005, excess: 0.005, few: 2993, half: 6371, exclude: 1937 },
  { base: 0.005, excess: 0.01, few: 903, half: 2069, exclude: 657 },
  { base: 0.01, excess: 0.01, few: 1496, half: 3185, exclude: 960 },
  { base: 0.01, excess: 0.05, few: 105, half: 273, exclude: 90 },
])('requests for $base + $excess', ({ base, excess, few, half, exclude }) => {
  expect(Math.round(requestsToDetect({ base, excess, share: 0.05 }))).toBe(few);
  expect(Math.round(requestsToDetect({ base, excess, share: 0.5 }))).toBe(half);
  expect(Math.round(requestsToExclude({ base, excess }))).toBe(exclude);
});

const MINUTE = 60_000;

test.each([
  {
    name: '99.9',
    because: '4.3 % is what a total failure may have',
    objectives: [0.999],
    rps: 100,
    reactionMs: MINUTE,
    want: [4000, 10_000, 30_000, 50_000],
  },
  {
    name: '99.5',
    because: 'never more than 7 % at first',
    objectives: [0.995],
    rps: 100,
    reactionMs: MINUTE,
    want: [7000, 20_000, 50_000],
  },
  {
    name: '99.99',
    because: 'below one percent by tenths',
    objectives: [0.9999],
    rps: 100,
    reactionMs: MINUTE,
    want: [400, 1000, 3000, 9000, 25_000, 50_000],
  },
  {
    name: 'two objectives',
    because: 'the tightest decides',
    objectives: [0.99, 0.999],
    rps: 1,
    reactionMs: MINUTE,
    want: [4000, 10_000, 30_000, 50_000],
  },
  {
    name: 'a quick reaction',
    because: 'a fault that is gone in 3 s burns less',
    objectives: [0.999],
    rps: 1,
    reactionMs: 3000,
    want: [7000, 20_000, 50_000],
  },
  {
    name: 'no traffic',
    because: 'nothing can be derived',
    objectives: [0.999],
    rps: 0,
    reactionMs: MINUTE,
    want: [5000, 20_000, 50_000],
  },
  {
    name: 'no guardrail',
    because: 'nothing can be derived',
    objectives: [],
    rps: 100,
    reactionMs: MINUTE,
    want: [5000, 20_000, 50_000],
  },
  {
    name: 'an objective of 100',
    because: 'some weight must be tried',
    objectives: [1],
    rps: 100,
    reactionMs: MINUTE,
    want: [100, 300, 900, 2000, 6000, 15_000, 50_000],
  },
])('derived weights: $name', ({ objectives, rps, reactionMs, want, because }) => {
  const slos = objectives.map((objective) => ({ objective, windowMs: MONTH }));
  expect(deriveWeights({ slos, rps, reactionMs, targetSpend: 0.001 }), because).toEqual(want);
});

test('law: derived weights rise, at most about threefold, from at most 7 % to 50 %', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.5, max: 0.99999, noNaN: true }),
      fc.integer({ min: 1000, max: 300_000 }),
      (objective, reactionMs) => {
        const weights = deriveWeights({
          slos: [{ objective, windowMs: MONTH }],
          rps: 10,
          reactionMs,
          targetSpend: 0.001,
        });
        expect(weights[0]).toBeLessThanOrEqual(7000);
        expect(weights.at(-1)).toBe(50_000);
        expect(weights.length).toBeLessThanOrEqual(12);
        for (const [index, weight] of weights.slice(1).entries()) {
          const before = weights[index] ?? 0;
          expect(weight).toBeGreaterThan(before);
          expect(weight).toBeLessThanOrEqual(before * 3.45);
          expect(Number.isInteger(weight)).toBe(true);
        }
      },
    ),
    { seed: 1 },
  );
});

test.each([
  { name: 'no failure among sixty', rps: 1, base: 0, want: 0.2 / 260, because: 'nothing seen is not nothing there' },
  { name: 'one among sixty', rps: 1, base: 1 / 60, want: 1.2 / 260, because: 'one failure is no rate' },
  { name: 'much traffic', rps: 1000, base: 0.001, want: 60.2 / 60_200, because: 'what is seen is what is there' },
  { name: 'no traffic', rps: 0, base: 0, want: 0.001, because: 'a fifth of the budget' },
])('the base to expect: $name', ({ rps, base, want, because }) => {
  expect(expectedBase({ rps, base, objective: 0.995 }), because).toBeCloseTo(want, 12);
});

test('every step but the last needs seconds, the last what the objective needs', () => {
  const slo = { objective: 0.999, windowMs: MONTH, tolerate: 0.001, targetSpend: 0.001, reactionMs: MINUTE };
  const forecast = forecastSteps({ ...slo, weights: [4000, 10_000, 30_000, 50_000], rps: 100, base: 0.0001 });
  expect(forecast.map((ms) => Math.round(ms / 1000))).toEqual([1, 2, 1, 81]);
  expect(forecastSteps({ ...slo, weights: [4000], rps: 0, base: 0.0001 })).toEqual([Number.POSITIVE_INFINITY]);
  expect(deriveMaxWait([Number.POSITIVE_INFINITY])).toBe(1_800_000);
  expect(deriveMaxWait([1000, 3_600_000])).toBe(10_800_000);
});
