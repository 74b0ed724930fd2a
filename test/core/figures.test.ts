import { expect, test } from 'vitest';
import { printAge, printBad, printCount, printShare, shortImage } from '#core/figures.ts';

test.each([
  { name: 'nothing', share: 0, want: '0%' },
  { name: 'below what people can tell from nothing', share: 0.00001, want: '<0.01%' },
  { name: 'small', share: 0.00123, want: '0.12%' },
  { name: 'half', share: 0.5, want: '50%' },
  { name: 'all', share: 1, want: '100%' },
])('a share: $name', ({ share, want }) => expect(printShare(share)).toBe(want));

test.each([
  { ageMs: 400, want: '0s' },
  { ageMs: 59_000, want: '59s' },
  { ageMs: 192_000, want: '3m12s' },
  { ageMs: 900_000, want: '15m' },
  { ageMs: 7_260_000, want: '2h1m' },
  { ageMs: 300_000_000, want: '3d11h' },
])('an age: $want', ({ ageMs, want }) => expect(printAge(ageMs)).toBe(want));

test('counts and images are short', () => {
  expect(printCount(1_234_567)).toBe('1,234,567');
  expect(printBad({ bad: 0, total: 0 })).toBe('0 of 0');
  expect(printBad({ bad: 12, total: 3456 })).toBe('12 of 3,456 (0.35%)');
  expect(shortImage(`registry.example/team/web@sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('web@0123456');
});
