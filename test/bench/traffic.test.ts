import fc from 'fast-check';
import { expect, test } from 'vitest';
import { binomial, poisson, stream } from '../../bench/decisions/random.ts';
import { scenarios } from '../../bench/decisions/scenarios.ts';
import { excessServed, type Scenario, serve, sum } from '../../bench/decisions/traffic.ts';

const plain: Scenario = { name: 'plain', title: 'plain', kind: 'good', rps: 100, base: 0.001 };
const tenth = { canary: 0.1, baseline: 0 };

test('every policy meets the same users', () => {
  // kills: a stream that goes on from tick to tick, so that what a policy asked for changes what comes later.
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e6 }),
      fc.nat(239),
      fc.constantFrom(...scenarios),
      (seed, tick, scenario) => {
        const once = serve(scenario, seed, tick, tenth);
        serve(scenario, seed, tick + 1, { canary: 0.5, baseline: 0.1 });
        expect(serve(scenario, seed, tick, tenth)).toEqual(once);
      },
    ),
    { numRuns: 200 },
  );
});

test('seeds, ticks and purposes give unrelated streams', () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 20; seed += 1)
    for (let tick = -20; tick < 20; tick += 1)
      for (let purpose = 100; purpose < 110; purpose += 1) firsts.add(stream(seed, tick, purpose)());
  expect(firsts.size).toBeGreaterThan(20 * 40 * 10 - 20);
});

test.each([
  { name: 'few', mean: 3, rate: 0.3 },
  { name: 'many', mean: 1500, rate: 0.001 },
])('draws of $name have their mean and variance', ({ mean, rate }) => {
  const random = stream(1, 1, 1);
  const runs = 4000;
  const totals = Array.from({ length: runs }, () => poisson(random, mean));
  const average = totals.reduce((all, one) => all + one, 0) / runs;
  const variance = totals.reduce((all, one) => all + (one - average) ** 2, 0) / runs;
  expect(Math.abs(average / mean - 1)).toBeLessThan(4 / Math.sqrt(runs * mean));
  expect(Math.abs(variance / mean - 1)).toBeLessThan(0.12);
  const bad = totals.reduce((all, total) => all + binomial(random, total, rate), 0) / runs;
  expect(Math.abs(bad / (mean * rate) - 1)).toBeLessThan(4 / Math.sqrt(runs * mean * rate));
});

function rateOf(scenario: Scenario, arm: 'canary' | 'stable', ticks: readonly number[]): number {
  const all = ticks.flatMap((tick) =>
    Array.from({ length: 40 }, (_, seed) => sum(serve(scenario, seed, tick, { canary: 0.5, baseline: 0 })[arm])),
  );
  const { total, bad } = sum(all);
  return bad / total;
}

function named(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found === undefined) throw new Error(`no scenario ${name}`);
  return found;
}

const ticksAt = (...minutes: number[]) => minutes.map((minute) => minute * 4);

test.each([
  {
    name: 'worse-1-100rps-p0.1',
    arm: 'canary' as const,
    at: ticksAt(0, 30),
    rate: 0.011,
    because: 'worse from the start',
  },
  {
    name: 'worse-1-100rps-p0.1',
    arm: 'stable' as const,
    at: ticksAt(0, 30),
    rate: 0.001,
    because: 'stable stays good',
  },
  { name: 'late-20', arm: 'canary' as const, at: ticksAt(0, 10, 19), rate: 0.001, because: 'good until its onset' },
  { name: 'late-20', arm: 'canary' as const, at: ticksAt(24), rate: 0.021, because: 'half a point a minute' },
  { name: 'late-20', arm: 'canary' as const, at: ticksAt(40, 50), rate: 0.051, because: 'up to five' },
  { name: 'outage-10', arm: 'canary' as const, at: ticksAt(10, 14), rate: 0.051, because: 'both arms fail' },
  { name: 'outage-10', arm: 'stable' as const, at: ticksAt(10, 14), rate: 0.051, because: 'both arms fail' },
  { name: 'outage-10', arm: 'stable' as const, at: ticksAt(9, 15), rate: 0.001, because: 'for five minutes' },
  { name: 'bad-pod', arm: 'canary' as const, at: ticksAt(5, 6), rate: 0.011, because: 'three points on a third' },
])('$name: $arm fails at $rate', ({ name, arm, at, rate, because }) => {
  const drawn = rateOf(named(name), arm, at);
  expect(Math.abs(drawn - rate), because).toBeLessThan(0.15 * rate + 0.0002);
});

test('noise makes nothing worse on average', () => {
  // kills: exp(sd·z) without the correction of its mean.
  const noisy = { ...plain, noise: { common: 0.5, arm: 0.2 }, base: 0.01 };
  const ticks = Array.from({ length: 60 }, (_, minute) => minute * 4);
  expect(Math.abs(rateOf(noisy, 'canary', ticks) / 0.01 - 1)).toBeLessThan(0.06);
});

test('a restart loses half of a tick, in one process', () => {
  const { canary, stable, restarted } = serve(named('restarts'), 3, 4, { canary: 0.5, baseline: 0 });
  expect(restarted).toEqual({ arm: 'canary', slot: 0 });
  const [first = 0, second = 0] = canary.map(({ total }) => total);
  expect(first / second).toBeCloseTo(0.5, 1);
  expect(Math.max(...stable.map(({ total }) => total)) - Math.min(...stable.map(({ total }) => total))).toBeLessThan(2);
});

test('retries count more failures than there were', () => {
  const once = rateOf({ ...plain, base: 0.01 }, 'stable', ticksAt(1, 2, 3));
  expect(rateOf({ ...plain, base: 0.01, retries: true }, 'stable', ticksAt(1, 2, 3)) / once).toBeGreaterThan(1.5);
});

test('a gap is no tick without traffic', () => {
  const gap = named('gap-2');
  expect(ticksAt(1.75, 2, 3.75, 4).map((tick) => serve(gap, 1, tick, tenth).scraped)).toEqual([
    true,
    false,
    false,
    true,
  ]);
  expect(sum(serve(gap, 1, 8, tenth).canary).total).toBeGreaterThan(0);
});

test('excess is counted by what users met', () => {
  expect(excessServed(named('worse-1-100rps-p0.1'), 0, 0.1)).toBeCloseTo(1.5);
  expect(excessServed(named('late-20'), 79, 1)).toBe(0);
  expect(excessServed(named('outage-10'), 44, 1)).toBe(0);
});
