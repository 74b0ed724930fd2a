import type { Counts } from '#core/gate.ts';
import { draws, type Random } from './random.ts';

/** Durations of requests as a histogram with the default bounds of Prometheus' client libraries has them. */

/** A part of the canary's requests takes this many times as long. */
export interface Slowness {
  factor: number;
  part: number;
}

/** Bucket bounds in seconds. */
export const BOUNDS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Requests that take longer than half a second are bad. */
export const THRESHOLD = 0.5;

/** Stable's durations are lognormal, and 99 % of them are within a quarter of a second. */
const P99 = 0.25;
const SPREAD = 0.6;
const MEDIAN = P99 / Math.exp(2.3263478740408408 * SPREAD);

/** Counts of a histogram: all, those over the threshold, and those within each bound. */
export interface Durations extends Counts {
  within: readonly number[];
}

/** Share of requests that take no longer than `bound` seconds. */
export function shareWithin(bound: number, { factor, part }: Slowness = { factor: 1, part: 0 }): number {
  const quick = normalBelow(Math.log(bound / MEDIAN) / SPREAD);
  const slow = normalBelow(Math.log(bound / (MEDIAN * factor)) / SPREAD);
  return (1 - part) * quick + part * slow;
}

/** How many more of a hundred take longer than 99 % of stable's do: what users notice of it. */
export function slower(slowness: Slowness): number {
  return shareWithin(P99) - shareWithin(P99, slowness);
}

const stableShares = BOUNDS.map((bound) => shareWithin(bound));

export function drawDurations(random: Random, total: number, slowness?: Slowness): Durations {
  const shares = slowness === undefined ? stableShares : BOUNDS.map((bound) => shareWithin(bound, slowness));
  const within: number[] = [];
  let [left, passed] = [total, 0];
  for (const share of shares) {
    const here = left === 0 ? 0 : draws(random, left, (share - passed) / (1 - passed));
    left -= here;
    passed = share;
    within.push(total - left);
  }
  return { total, bad: total - (within[BOUNDS.indexOf(THRESHOLD)] ?? 0), within };
}

/** `histogram_quantile(q, …)`: linear within the bucket; NaN without requests, the last bound beyond it. */
export function histogramQuantile(q: number, { total, within }: Pick<Durations, 'total' | 'within'>): number {
  const rank = q * total;
  const index = within.findIndex((count) => count >= rank);
  if (total === 0) return Number.NaN;
  if (index < 0) return BOUNDS.at(-1) ?? Number.NaN;
  const [low, high] = [BOUNDS[index - 1] ?? 0, BOUNDS[index] ?? 0];
  const [under, upTo] = [within[index - 1] ?? 0, within[index] ?? 0];
  return low + ((high - low) * (rank - under)) / (upTo - under);
}

/** Standard normal distribution function to 7e-8 (Abramowitz and Stegun 26.2.17). */
export function normalBelow(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (series * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
  return z > 0 ? 1 - tail : tail;
}
