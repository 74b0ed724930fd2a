import { expect, test } from 'vitest';
import { logEvidence, stopLimit } from '#gates/eprocess.ts';
import { foldBoundTest, startBoundTest } from '#gates/latency-stop.ts';
import type { ArmCounts } from '#gates/samples.ts';
import { short } from './drill.ts';
import { defaults, LatencyDrill, latencyContext } from './latency-drill.ts';
import { binomial, poisson, seeded } from './random.ts';

/** Seeded worlds of lognormal latencies whose p99 is 250 ms, read from the default classic buckets at 10 % canary. */

const SIGMA = 0.5;
const MEDIAN = 0.25 / Math.exp(2.326348 * SIGMA);

interface Change {
  /** Every request takes so many times as long. */
  scale?: number;
  /** This share of requests takes three times as long. */
  tail?: number;
}

/** Share of requests slower than each bound. */
function sharesOf({ scale = 1, tail = 0 }: Change): number[] {
  const slower = (bound: number) => upperNormal(Math.log(bound / scale / MEDIAN) / SIGMA);
  return defaults.map((bound) => (1 - tail) * slower(bound) + tail * slower(bound / 3));
}

/** 1 − Φ(z), to 1e-7 (Numerical Recipes' erfc). */
function upperNormal(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  const terms = [
    0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  ];
  const sum = terms.reduce((value, term) => term + t * value, 0);
  const tail = 0.5 * t * Math.exp(-x * x - 1.26551223 + t * sum);
  return z >= 0 ? tail : 1 - tail;
}

/** Requests by bucket, from the shares that are slower than its bounds. */
function draw(random: () => number, requests: number, shares: readonly number[]): number[] {
  let [left, before] = [requests, 1];
  const buckets = shares.map((share) => {
    const part = before > 0 ? share / before : 0;
    const slower = part > 0.5 ? left - binomial(random, left, 1 - part) : binomial(random, left, part);
    const inBucket = left - slower;
    [left, before] = [slower, share];
    return inBucket;
  });
  return [...buckets, left];
}

interface World {
  rps: number;
  change: Change;
  ticks: number;
}

/** Minutes until the gate stops the release; undefined when it does not. */
function minutesToStop(random: () => number, { rps, change, ticks }: World): number | undefined {
  const { nextWeight: _, ...leavingLast } = latencyContext;
  const drill = new LatencyDrill(leavingLast);
  const stable = sharesOf({});
  const canary = sharesOf(change);
  drill.serve('stable', draw(random, 50_000, stable));
  drill.tick();
  for (let tick = 1; tick <= ticks; tick += 1) {
    const reading = drill.tick({
      canary: draw(random, poisson(random, rps * 1.5), canary),
      stable: draw(random, poisson(random, rps * 13.5), stable),
    });
    if (reading.verdict === 'Fail') {
      expect(short(reading)).toBe('Fail/Worse');
      return tick / 4;
    }
  }
  return undefined;
}

function many(runs: number, seed: number, world: World): { median: number; found: number } {
  const random = seeded(seed);
  const times = Array.from({ length: runs }, () => minutesToStop(random, world) ?? Number.POSITIVE_INFINITY);
  const sorted = times.sort((a, b) => a - b);
  const found = sorted.filter(Number.isFinite).length;
  const median = sorted[Math.floor(runs / 2)] ?? Number.NaN;
  return { median, found };
}

test.each([
  { name: 'everything 1.2 times as long', rps: 100, change: { scale: 1.2 }, within: 1.5 },
  { name: 'everything 1.5 times as long', rps: 100, change: { scale: 1.5 }, within: 0.5 },
  { name: 'everything twice as long', rps: 100, change: { scale: 2 }, within: 0.25 },
  { name: '3 % of requests three times as long', rps: 100, change: { tail: 0.03 }, within: 4.5 },
  { name: '1.5 times as long at 10 rps', rps: 10, change: { scale: 1.5 }, within: 2.5 },
  { name: 'twice as long at 10 rps', rps: 10, change: { scale: 2 }, within: 1.25 },
])('found in time: $name', ({ rps, change, within }) => {
  // kills: only the bound of the threshold tested, the bounds' logs exchanged, a grid that starts at ratio 2.
  const { median, found } = many(40, 41, { rps, change, ticks: 80 });
  expect(median, 'minutes').toBeLessThanOrEqual(within);
  expect(found).toBe(40);
});

test.each([
  { name: 'at 100 rps', rps: 100 },
  { name: 'at 10 rps', rps: 10 },
])('a canary that is as fast is stopped at most once in fifty, $name', ({ rps }) => {
  // kills: the largest E over bounds instead of their mean.
  const { found } = many(100, 42, { rps, change: {}, ticks: 80 });
  expect(found).toBeLessThanOrEqual(2 + 4);
});

test('the evidence of an equal canary expects at most 1, whatever bounds depend on each other', () => {
  const random = seeded(43);
  const runs = 3000;
  const shares = sharesOf({});
  const chosen = [4, 5, 6];
  const ends: number[] = [];
  let stopped = 0;
  for (let run = 0; run < runs; run += 1) {
    let state = startBoundTest(chosen.length);
    let most = 0;
    for (let tick = 0; tick < 12; tick += 1) {
      const [canary, stable] = [poisson(random, 300), poisson(random, 700)];
      const [c, s] = [draw(random, canary, shares), draw(random, stable, shares)];
      const counts: ArmCounts[] = chosen.map((place) => ({
        canary: { total: canary, bad: above(c, place) },
        stable: { total: stable, bad: above(s, place) },
      }));
      state = foldBoundTest(state, { counts, elapsedMs: tick * 100_000, tickMs: 100_000, toleratedRatio: 1 });
      most = Math.max(most, logEvidence(state));
    }
    ends.push(Math.exp(logEvidence(state)));
    if (most >= stopLimit(0.02)) stopped += 1;
  }
  const mean = ends.reduce((sum, end) => sum + end, 0) / runs;
  const deviation = Math.sqrt(ends.reduce((sum, end) => sum + (end - mean) ** 2, 0) / runs / runs);
  expect(mean).toBeLessThan(1 + 3 * deviation);
  expect(mean, 'and is no trivial 0').toBeGreaterThan(0.5);
  expect(stopped / runs).toBeLessThanOrEqual(0.02 + 3 * Math.sqrt((0.02 * 0.98) / runs));
});

/** Requests in the buckets above the bound at `place`. */
function above(buckets: readonly number[], place: number): number {
  return buckets.slice(place + 1).reduce((sum, count) => sum + count, 0);
}
