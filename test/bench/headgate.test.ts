import { expect, test } from 'vitest';
import { lookAt, planOf, headgate as policy } from '../../bench/decisions/headgate.ts';
import { type Ending, play } from '../../bench/decisions/play.ts';
import { at, type Policy, stopped } from '../../bench/decisions/policy.ts';
import { scenarioNamed as named } from '../../bench/decisions/scenarios.ts';
import { playTogether } from '../../bench/decisions/together.ts';

function playMany(name: string, runs = 8): Ending[] {
  return Array.from({ length: runs }, (_, index) => play(policy, named(name), index + 1));
}

test('the plan is the one of a Rollout without steps', () => {
  const weights = (live: Parameters<typeof planOf>[1]) =>
    planOf(named('good-100rps-p0.1'), live).plan.steps.map(({ weight }) => weight);
  expect(weights(undefined)).toEqual([5000, 20_000, 50_000]);
  expect(weights({ rps: 100, base: 0.001 }).at(-1)).toBe(50_000);
});

test('the planner sees a minute of stable, and no more', () => {
  const { rps, base } = lookAt(named('good-100rps-p0.4'), 1);
  expect(Math.abs(rps - 100)).toBeLessThan(5);
  expect(Math.abs(base - 0.004)).toBeLessThan(0.003);
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
  for (const { outcome, climbed, most } of playMany('good-100rps-p0.1', 4).filter((one) => one.outcome !== 'stopped')) {
    expect(outcome).toBe('promoted');
    expect(climbed).toBeLessThanOrEqual(5);
    expect(most).toBeLessThanOrEqual(8);
  }
});

test('bad releases are stopped, and users stop meeting them', () => {
  for (const { outcome, cause, minutes, excess } of playMany('worse-5-100rps-p0.1')) {
    expect([outcome, cause]).toEqual(['stopped', 'Worse']);
    expect(minutes).toBeLessThanOrEqual(1);
    // 5 % of 10 rps for at most four ticks.
    expect(excess).toBeLessThanOrEqual(30);
  }
});

test('restarts of processes neither stop a good release nor pass a bad one', () => {
  const stops = (name: string) => playMany(name, 6).filter(({ outcome }) => outcome === 'stopped').length;
  expect(stops('restarts')).toBeLessThanOrEqual(1);
  expect(stops('restarts-worse-1')).toBe(6);
});

test('a gap holds the release for as long as it lasts', () => {
  const [without, within] = ['good-100rps-p0.1', 'gap-6'].map((name) => play(policy, named(name), 2).most ?? 0);
  expect((within ?? 0) - (without ?? 0)).toBeGreaterThanOrEqual(4);
});

test('both arms bad takes the traffic back and blames nobody', () => {
  const { outcome, most } = play(policy, named('outage-2'), 2);
  expect(outcome).not.toBe('stopped');
  expect(most, 'five minutes of outage, and the ladder again').toBeGreaterThan(10);
});

test('of two releases at once the guilty one is stopped first', () => {
  const endings = [1, 2, 3].map((seed) => playTogether(policy, named('together-2'), seed));
  expect(endings.map(({ outcome }) => outcome)).toEqual(['stopped', 'stopped', 'stopped']);
  expect(endings.filter(({ accused }) => accused?.before === true)).toEqual([]);
});

test('the one bad pod is replaced, its users meet its successor, and the release goes on', () => {
  // kills: harm that goes on after the pod has gone; a new process that inherits the fault; a replacement that is a stop.
  const played = playMany('bad-pod', 12).filter(({ outcome }) => outcome !== 'stopped');
  expect(played.length).toBeGreaterThanOrEqual(9);
  for (const { outcome, excess } of played) {
    expect(outcome).toBe('promoted');
    // 1 % of 7 rps for a few minutes; the whole ladder and the bake would have cost 2,600.
    expect(excess).toBeLessThanOrEqual(60);
  }
});
