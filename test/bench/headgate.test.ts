import { expect, test } from 'vitest';
import { cellOf, medianOf, quantile, wilson } from '../../bench/decisions/cells.ts';
import { regressions } from '../../bench/decisions/check.ts';
import { headgate, planOf } from '../../bench/decisions/headgate.ts';
import { type Ending, play } from '../../bench/decisions/play.ts';
import { at, type Policy, stopped } from '../../bench/decisions/policy.ts';
import { scenarios } from '../../bench/decisions/scenarios.ts';
import type { Scenario } from '../../bench/decisions/traffic.ts';

const policy = headgate('headgate', 'Headgate');

function named(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

function playMany(name: string, runs = 8): Ending[] {
  return Array.from({ length: runs }, (_, index) => play(policy, named(name), index + 1));
}

test('the plan is the one of a Rollout without steps', () => {
  expect(planOf({}).steps.map(({ weight }) => weight)).toEqual([5000, 20_000, 50_000]);
  expect(planOf({ live: { rps: 100, base: 0.001 } }).steps.map(({ weight }) => weight)).toEqual([
    10_000, 30_000, 50_000,
  ]);
});

test('a wish holds from the tick after the next', () => {
  // kills: a policy whose decision moves the traffic at once.
  const hasty: Policy = { name: '', title: '', start: () => ({ shares: at(0.1).shares, tick: () => stopped }) };
  const { minutes, excess } = play(hasty, named('worse-1-100rps-p0.1'), 1);
  expect(minutes).toBe(0.5);
  expect(excess, '1 % of 10 rps for two ticks').toBeCloseTo(3);
});

test('the same seed gives the same release', () => {
  expect(play(policy, named('worse-0.5-100rps-p0.1'), 5)).toEqual(play(policy, named('worse-0.5-100rps-p0.1'), 5));
});

test('good releases climb the ladder and get all traffic', () => {
  // kills: evidence of the tick before a raise counted for the step, samples without pods, pods without labels.
  for (const { outcome, climbed, minutes } of playMany('good-100rps-p0.1', 6).filter(
    (one) => one.outcome !== 'stopped',
  )) {
    expect(outcome).toBe('promoted');
    expect(climbed).toBeLessThanOrEqual(5);
    expect(minutes).toBeLessThanOrEqual(8);
  }
});

test('bad releases are stopped, and users stop meeting them', () => {
  for (const { outcome, cause, minutes, excess } of playMany('worse-5-100rps-p0.1')) {
    expect([outcome, cause]).toEqual(['stopped', 'Worse']);
    expect(minutes).toBeLessThanOrEqual(1);
    // 5 % of 5 rps for at most four ticks.
    expect(excess).toBeLessThanOrEqual(15);
  }
});

test('neither a gap nor restarts of processes stop a good release or pass a bad one', () => {
  const stopped = (name: string) => playMany(name).filter(({ outcome }) => outcome === 'stopped').length;
  expect(stopped('gap-6')).toBeLessThanOrEqual(1);
  expect(stopped('restarts')).toBeLessThanOrEqual(1);
  expect(stopped('restarts-worse-1')).toBe(8);
});

test('a gap holds the release for as long as it lasts', () => {
  const [without, within] = ['good-100rps-p0.1', 'gap-6'].map((name) => play(policy, named(name), 2).minutes ?? 0);
  expect((within ?? 0) - (without ?? 0)).toBeGreaterThanOrEqual(4);
});

test('both arms bad takes the traffic back and blames nobody', () => {
  const { outcome, minutes } = play(policy, named('outage-2'), 2);
  expect(outcome).toBe('promoted');
  expect(minutes, 'five minutes of outage, and the ladder again').toBeGreaterThan(10);
});

test("Wilson's interval as in the textbook", () => {
  expect(wilson(0, 400)).toEqual({ value: 0, low: 0, high: 0.009512 });
  expect(wilson(5, 10)).toEqual({ value: 0.5, low: 0.2366, high: 0.7634 });
});

test('quantiles are values that were there', () => {
  expect(quantile([3, 1, 2], 0.5)).toBe(2);
  expect(quantile([1], 0.9)).toBe(1);
  expect(medianOf([1, 2, 3, 4, 5])).toEqual({ value: 3, low: 1, high: 5 });
});

const bad = named('late-20');
const stop = (minutes: number): Ending => ({ outcome: 'stopped', minutes, excess: 10, cause: 'Worse' });

test('a stop before the defect began catches nothing', () => {
  const { stopped, early, minutesToStop } = cellOf(bad, [stop(5), stop(22), stop(23), stop(24)], 0.995);
  expect([stopped.value, early?.value, minutesToStop?.value]).toEqual([0.75, 0.25, 3]);
});

test('the check finds what is worse beyond both intervals, and nothing else', () => {
  const good = named('good-100rps-p0.1');
  const promoted: Ending = { outcome: 'promoted', minutes: 5.5, excess: 0 };
  const cell = (stops: number, runs: number) =>
    cellOf(
      good,
      [...Array.from({ length: stops }, () => stop(1)), ...Array.from({ length: runs - stops }, () => promoted)],
      0.995,
    );
  expect(regressions('good', cell(4, 400), cell(1, 60)), 'luck of few seeds').toEqual([]);
  expect(regressions('good', cell(4, 400), cell(8, 60)).join()).toMatch(/^stopped .*,promoted /);
  expect(regressions('good', cell(40, 400), cell(0, 60)), 'better is no regression').toEqual([]);
  const slow = cellOf(
    good,
    Array.from({ length: 60 }, () => ({ ...promoted, minutes: 9 })),
    0.995,
  );
  expect(regressions('good', cell(0, 400), slow).join()).toMatch(/^minutes to all traffic 9/);
});
