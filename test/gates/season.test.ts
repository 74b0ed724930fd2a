import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateReading } from '#core/gate.ts';
import { seasonOf, withSeason } from '#gates/season.ts';

const asked = { metric: 'orders_total', weeks: 4, overMs: 600_000 };

test.each([
  {
    name: 'less than usual',
    because: 'the median of an even number lies between the middle two',
    figures: { now: 880, before: [1100, 900, 5000, 10] },
    want: {
      ratio: 0.88,
      message: 'orders_total is 12% below the median of the last 4 weeks at this hour: 88 a minute, usually 100',
    },
  },
  {
    name: 'more than usual',
    because: 'a campaign is no fault, and is told all the same',
    figures: { now: 2500, before: [1000, 1000, 1000, 1000] },
    want: {
      ratio: 2.5,
      message: 'orders_total is 150% above the median of the last 4 weeks at this hour: 250 a minute, usually 100',
    },
  },
  {
    name: 'as usual',
    because: 'nobody reads of 0% below',
    figures: { now: 1004, before: [1000, 1000, 1000, 1000] },
    want: {
      ratio: 1.004,
      message: 'orders_total is at the median of the last 4 weeks at this hour: 100 a minute, usually 100',
    },
  },
  {
    name: 'nothing at all now',
    because: 'a counter that stands still is a figure',
    figures: { now: 0, before: [1000, 1000, 1000, 1000] },
    want: {
      ratio: 0,
      message: 'orders_total is 100% below the median of the last 4 weeks at this hour: 0 a minute, usually 100',
    },
  },
  {
    name: 'weeks that the source has not kept',
    because: 'a median of fewer is less, and says so',
    figures: { now: 500, before: [1000, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY] },
    want: {
      ratio: 0.5,
      message: 'orders_total is 50% below the median of 1 of the last 4 weeks at this hour: 50 a minute, usually 100',
    },
  },
  {
    name: 'no week at all',
    because: 'nothing to compare with is said, not hidden',
    figures: { now: 500, before: [] },
    want: {
      message: 'orders_total has no figure of this hour in the last 4 weeks to compare with: the source may keep less',
    },
  },
  {
    name: 'no figure of now',
    because: 'what is missing is not zero',
    figures: { now: undefined, before: [1000] },
    want: { message: 'orders_total has no figure of now to compare with the last 4 weeks' },
  },
  {
    name: 'an hour in which nobody buys',
    because: 'nothing has no parts',
    figures: { now: 20, before: [0, 0, 0, 0] },
    want: {
      message: 'orders_total: 2 a minute, usually 0 at this hour by the median of the last 4 weeks',
    },
  },
])('$name: $because', ({ figures, want }) => {
  // kills: a mean instead of the median, missing weeks as zeros, a division by nothing.
  expect(seasonOf(figures, asked)).toEqual(want);
});

test('law: every figure gives a sentence, and a ratio that is a number or none', () => {
  const figure = fc.oneof(fc.double(), fc.nat(10_000), fc.constant(0));
  fc.assert(
    fc.property(fc.option(figure, { nil: undefined }), fc.array(figure, { maxLength: 12 }), (now, before) => {
      const { message, ratio = 1 } = seasonOf({ now, before }, { ...asked, weeks: 12 });
      expect(message).not.toMatch(/NaN|Infinity|undefined/);
      expect(ratio).toBeGreaterThanOrEqual(0);
      expect(ratio).not.toBeNaN();
    }),
    { numRuns: 500, seed: 31 },
  );
});

test.each(['Pass', 'Fail', 'Inconclusive', 'NoData', 'Error'] as const)('%s stays what it is', (verdict) => {
  // kills: a season that has a say.
  const reading = { gate: 'orders', verdict, message: 'said', stable: 'Meets' } as GateReading;
  const season = { message: 'orders_total is 99% below', ratio: 0.01 };
  expect(withSeason(reading, season)).toEqual({ ...reading, season, message: 'said; orders_total is 99% below' });
  expect(withSeason(reading, undefined)).toBe(reading);
});
