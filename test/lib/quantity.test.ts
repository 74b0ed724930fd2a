import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatQuantity, parseQuantity } from '#lib/quantity.ts';

test.each([
  { text: '250m', want: 0.25 },
  { text: '1.5', want: 1.5 },
  { text: '.5', want: 0.5 },
  { text: '2', want: 2 },
  { text: '512Mi', want: 512 * 2 ** 20 },
  { text: '1G', want: 1e9 },
  { text: '1e3', want: 1000 },
  { text: '12E', want: 12e18 },
  { text: '1500000n', want: 0.0015 },
  { text: 3, want: 3 },
  { text: '', want: undefined },
  { text: '5 Gi', want: undefined },
  { text: '5gb', want: undefined },
  { text: undefined, want: undefined },
])('$text is $want', ({ text, want }) => {
  if (want === undefined) expect(parseQuantity(text)).toBeUndefined();
  else expect(parseQuantity(text)).toBeCloseTo(want, 9);
});

test.each([
  { amount: 0, want: '0' },
  { amount: 3, want: '3' },
  { amount: 1.5, want: '1500m' },
  { amount: 384 * 2 ** 20, want: '384Mi' },
  { amount: 2 ** 31, want: '2Gi' },
  { amount: 1000, want: '1000' },
])('$amount reads $want', ({ amount, want }) => {
  expect(formatQuantity(amount)).toBe(want);
});

test('law: what is printed is read as what it was', () => {
  const amount = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 1e6 }).map((milli) => milli / 1000),
    fc.integer({ min: 1, max: 1000 }).map((mebis) => mebis * 2 ** 20),
  );
  fc.assert(
    fc.property(amount, (given) => {
      expect(parseQuantity(formatQuantity(given))).toBeCloseTo(given, 6);
    }),
  );
});
