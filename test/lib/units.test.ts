import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDuration, formatPercent, parseDuration, parsePercent, WHOLE } from '#lib/units.ts';

test.each([
  { text: '90s', ms: 90_000, because: 'seconds may pass a minute, as in Go' },
  { text: '1h30m', ms: 5_400_000, because: 'units add up' },
  { text: '250ms', ms: 250, because: 'ms is not m followed by s' },
  { text: '1.5s', ms: 1500, because: 'fractions are Go grammar' },
  { text: '0s', ms: 0, because: 'zero switches a delay off' },
  { text: '3 days', ms: undefined, because: 'a lax parser would find a number here' },
  { text: '-5s', ms: undefined, because: 'time does not run backwards' },
  { text: '5', ms: undefined, because: 'a bare number has no unit' },
  { text: '1d', ms: undefined, because: 'Go has no days' },
  { text: '', ms: undefined, because: 'nothing is not zero' },
])('duration $text: $because', ({ text, ms }) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  { value: 5, weight: 5000, because: 'numbers are percent' },
  { value: '0.5%', weight: 500, because: 'strings carry decimals without floats' },
  { value: '100%', weight: WHOLE, because: 'the whole is allowed by the grammar' },
  { value: '0.001%', weight: 1, because: 'the finest share' },
  { value: '101%', weight: undefined, because: 'more than everything' },
  { value: '0.0001%', weight: undefined, because: 'finer than the grid would be rounded in silence' },
  { value: '5', weight: undefined, because: 'a string needs its unit' },
  { value: -1, weight: undefined, because: 'negative traffic' },
  { value: Number.NaN, weight: undefined, because: 'NaN is no share' },
])('percent $value: $because', ({ value, weight }) => {
  expect(parsePercent(value)).toBe(weight);
});

test('law: what is printed is parsed back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: WHOLE }), (weight) => parsePercent(formatPercent(weight)) === weight),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400_000 }),
      (seconds) => parseDuration(formatDuration(seconds * 1000)) === seconds * 1000,
    ),
  );
});
