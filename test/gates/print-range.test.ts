import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printShare } from '#core/figures.ts';
import { printBadRange, printCountRange } from '#gates/print-range.ts';
import { countRange, rateRange } from '#gates/sequences.ts';
import { Drill } from './drill.ts';

test.each([
  { counts: { total: 1000, bad: 15 }, want: '15 of 1,000 (1.5%, between 0.58% and 2.9%)' },
  { counts: { total: 300, bad: 0 }, want: '0 of 300 (0%, between 0% and 2%)' },
  { counts: { total: 0, bad: 0 }, want: '0 of 0 (0%, between 0% and 100%)' },
])('a rate with its range: $want', ({ counts, want }) => {
  expect(printBadRange(counts)).toBe(want);
});

test.each([
  { counts: { total: 2000, bad: 40 }, want: '0.02 (0.0112 to 0.0324)' },
  { counts: { total: 100, bad: 150 }, want: '1.5 (1.16 to 1.92)' },
])('events per exposure with their range: $want', ({ counts, want }) => {
  expect(printCountRange(counts)).toBe(want);
});

test('a breach says how sure its rates are', () => {
  const drill = new Drill();
  const readings = drill.ticks(6, { canary: [150, 6], stable: [1350, 2] });
  expect(readings.at(-1)?.message).toMatch(
    /^the canary is worse than stable: 36 of 900 \(4%, between 2\.3% and 6\.3%\) against 12 of 8,100 \(0\.15%, between 0\.042% and 0\.33%\); log evidence/,
  );
});

// kills: halving that ends once the ends are near, whatever they show
test('law: what is shown is what all digits would show', () => {
  const counts = fc
    .record({ total: fc.integer({ min: 1, max: 2_000_000 }), share: fc.double({ min: 0, max: 1, noNaN: true }) })
    .map(({ total, share }) => ({ total, bad: Math.round(total * share ** 3) }));
  fc.assert(
    fc.property(counts, (some) => {
      const [rates, events] = [rateRange(some), countRange(some)];
      expect(printBadRange(some)).toContain(`between ${printShare(rates.low)} and ${printShare(rates.high)})`);
      const text = (rate: number) => String(Number(rate.toPrecision(3)));
      expect(printCountRange(some)).toContain(`(${text(events.low)} to ${text(events.high)})`);
    }),
  );
});
