import { expect, test } from 'vitest';
import { type Cell, cellOf, headOf, medianOf, quantile, wilson } from '../../bench/decisions/cells.ts';
import { regressions } from '../../bench/decisions/check.ts';
import type { Ending } from '../../bench/decisions/play.ts';
import { scenarioNamed as named } from '../../bench/decisions/scenarios.ts';

test("Wilson's interval as in the textbook", () => {
  expect(wilson(0, 400)).toEqual({ value: 0, low: 0, high: 0.009512 });
  expect(wilson(5, 10)).toEqual({ value: 0.5, low: 0.2366, high: 0.7634 });
});

test('quantiles are values that were there', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1], 0.9)).toBe(1);
  expect(medianOf([1, 2, 3, 4, 5])).toEqual({ value: 3, low: 1, high: 5 });
});

const good = named('good-100rps-p0.1');
const bad = named('late-20');
const stop = (minutes: number, excess = 10): Ending => ({ outcome: 'stopped', minutes, excess, cause: 'Worse' });
const pass = (most: number): Ending => ({ outcome: 'promoted', minutes: most + 30, most, excess: 0 });
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test('a stop before the defect began catches nothing', () => {
  const { stopped, early, minutesToStop } = cellOf(bad, [stop(5), stop(22), stop(23), stop(24)]);
  expect([stopped.value, early?.value, minutesToStop?.value]).toEqual([0.75, 0.25, 3]);
});

/** Stops among the first 20 of 400 seeds. */
function committed(first: number, all: number): Cell {
  const head = [...times(first, stop(1)), ...times(20 - first, pass(4))];
  return cellOf(good, [...head, ...times(all - first, stop(1)), ...times(380 - all + first, pass(4))], [20]);
}

test.each([
  { name: 'unchanged', stops: 0, minutes: 4, because: 'the same seeds meet the same users', want: '' },
  { name: 'one more stop', stops: 1, minutes: 4, because: 'one release is luck', want: '' },
  { name: 'two more stops', stops: 2, minutes: 4, because: 'two of twenty are not', want: 'stopped 0.1' },
  { name: 'a tick longer', stops: 0, minutes: 4.25, because: 'a tick is luck', want: '' },
  { name: 'a minute longer', stops: 0, minutes: 5, because: 'slower is worse', want: 'minutesTo95 5' },
  { name: 'quicker', stops: 0, minutes: 2, because: 'better is no regression', want: '' },
])('a good cell that is $name: $want', ({ stops, minutes, because, want }) => {
  const now = headOf(good, [...times(stops, stop(1)), ...times(20 - stops, pass(minutes))]);
  expect(regressions('good', committed(0, 4), now).join(), because).toMatch(new RegExp(`^${want}`));
});

test.each([
  { name: 'later', now: times(20, stop(24, 10)), want: 'minutesToStop 4' },
  { name: 'dearer', now: times(20, stop(22, 12)), want: 'excess 12' },
  { name: 'shipped', now: [...times(18, stop(22)), ...times(2, pass(4))], want: 'stopped 0.9' },
  { name: 'the same', now: times(20, stop(22)), want: '' },
])('a bad cell that is $name is found: $want', ({ now, want }) => {
  const was = cellOf(bad, times(400, stop(22)), [20]);
  expect(regressions('bad', was, headOf(bad, now)).join()).toMatch(new RegExp(`^${want}`));
});

test('a cell that was never committed is no pass', () => {
  expect(regressions('good', cellOf(good, times(400, pass(4))), headOf(good, times(20, pass(4))))).toHaveLength(1);
});
