import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BOUNDS,
  histogramQuantile,
  normalBelow,
  shareWithin,
  slower,
  THRESHOLD,
} from '../../bench/decisions/latency.ts';
import { binomial, draws, poisson, stream } from '../../bench/decisions/random.ts';
import { scenarioNamed as named, scenarios } from '../../bench/decisions/scenarios.ts';
import { serveTogether } from '../../bench/decisions/together.ts';
import { excessServed, type Scenario, serve, sum } from '../../bench/decisions/traffic.ts';

const plain: Scenario = { name: 'plain', title: 'plain', kind: 'good', rps: 100, base: 0.001, objective: 0.995 };
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
  { name: 'most', mean: 1500, rate: 0.9 },
])('draws of $name have their mean and variance', ({ mean, rate }) => {
  const random = stream(1, 1, 1);
  const runs = 4000;
  const totals = Array.from({ length: runs }, () => poisson(random, mean));
  const average = totals.reduce((all, one) => all + one, 0) / runs;
  const variance = totals.reduce((all, one) => all + (one - average) ** 2, 0) / runs;
  expect(Math.abs(average / mean - 1)).toBeLessThan(4 / Math.sqrt(runs * mean));
  expect(Math.abs(variance / mean - 1)).toBeLessThan(0.12);
  for (const take of [binomial, draws]) {
    const bad = totals.reduce((all, total) => all + take(random, total, rate), 0) / runs;
    expect(Math.abs(bad / (mean * rate) - 1)).toBeLessThan(4 / Math.sqrt(runs * mean * rate));
  }
});

function rateOf(scenario: Scenario, arm: 'canary' | 'stable', ticks: readonly number[]): number {
  const all = ticks.flatMap((tick) =>
    Array.from({ length: 40 }, (_, seed) => sum(serve(scenario, seed, tick, { canary: 0.5, baseline: 0 })[arm])),
  );
  const { total, bad } = sum(all);
  return bad / total;
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

test('orders come from the requests of their own tick, by the share of then', () => {
  const late = named('business-lag');
  const full = { canary: 0.5, baseline: 0 };
  const before = sum(serve(late, 1, 20, full, { canary: 0, baseline: 0 }).canary);
  expect(before.total - before.bad, 'no request reached the canary two minutes ago').toBe(0);
  const { total, bad } = sum(serve(late, 1, 20, full).canary);
  expect((total - bad) / total).toBeCloseTo(0.05, 1);
});

test('a dip loses its part of the orders, on the canary alone', () => {
  const rate = (arm: 'canary' | 'stable') => 1 - rateOf(named('business-30-100rps'), arm, ticksAt(1, 2, 3, 4));
  expect(rate('stable')).toBeCloseTo(0.05, 2);
  expect(rate('canary') / rate('stable')).toBeCloseTo(0.7, 1);
});

test('durations fall into buckets by their distribution', () => {
  expect(shareWithin(0.25), '99 % within a quarter of a second').toBeCloseTo(0.99, 6);
  expect(normalBelow(1.959963984540054)).toBeCloseTo(0.975, 6);
  expect(slower({ factor: 1, part: 0 })).toBe(0);
  const { canary, stable } = serve(named('latency-2-100rps'), 1, 1, { canary: 0.5, baseline: 0 });
  for (const tally of [sum(canary), sum(stable)]) {
    const { within = [], total, bad } = tally;
    expect(within).toHaveLength(BOUNDS.length);
    expect(within).toEqual([...within].sort((a, b) => a - b));
    expect(within.at(-1)).toBeLessThanOrEqual(total);
    expect(bad).toBe(total - (within[BOUNDS.indexOf(THRESHOLD)] ?? 0));
  }
  const [slow = 0, quick = 0] = [canary, stable].map((arm) => (sum(arm).within?.[4] ?? 0) / sum(arm).total);
  expect(quick - slow, 'half as many within 100 ms').toBeGreaterThan(0.2);
});

test('quantiles interpolate within a bucket, and end at the last bound', () => {
  const within = BOUNDS.map((bound) => (bound < 0.5 ? 980 : 1000));
  expect(histogramQuantile(0.99, { total: 1000, within })).toBeCloseTo(0.375);
  expect(histogramQuantile(0.99, { total: 0, within })).toBeNaN();
  expect(histogramQuantile(0.99, { total: 1e6, within })).toBe(10);
});

test('releases beside each other share the failures of the edge', () => {
  const shares = [0.1, 0.3, 0.5].map((canary) => ({ canary, baseline: 0 }));
  const served = serveTogether({ ...named('together-8'), excess: () => 0.2 }, 3, 5, shares);
  const whole = served.map(({ canary, stable }) => sum([...canary, ...stable]));
  expect(new Set(whole.map(({ total, bad }) => `${total} ${bad}`)).size, 'the same requests for all').toBe(1);
  const rates = served.map(({ canary, stable }) => [sum(canary), sum(stable)].map(({ total, bad }) => bad / total));
  const [guilty = [], ...others] = rates;
  expect(guilty[0]).toBeGreaterThan(0.15);
  expect(guilty[1]).toBeLessThan(0.01);
  for (const [canary = 0, stable = 0] of others) expect(Math.abs(canary - stable), 'no contrast').toBeLessThan(0.02);
});
