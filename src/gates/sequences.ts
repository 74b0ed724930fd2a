import type { Counts } from '#core/gate.ts';
import { SHOWN } from './bounds.ts';
import { lbeta, logGamma, logNormal, logUpperGamma } from './special.ts';

/**
 * Intervals and p-values that hold however often one looks, for people to read beside a verdict. They decide nothing.
 *
 * All of them ask one question: how well do k of n fit a rate p? Its answer is a beta-binomial mixture of likelihood
 * ratios with mean p (Howard and Ramdas 2022), which reaches 1/α with probability at most α while p is the truth:
 *
 *     ln M = lnB(a+k, b+n−k) − lnB(a, b) − k·ln p − (n−k)·ln(1−p),  a = r/(1−p), b = r/p
 */
export interface SequenceOptions {
  /** Chance that the truth is ever outside. Default 0.05. */
  alpha?: number;
  /** Number of events at which the interval is tightest. Default 1,000. */
  tunedFor?: number;
}

/** ln M: evidence that the rate is not `rate`, either way. */
export function logMisfit(counts: Counts, rate: number, options: SequenceOptions = {}): number {
  return misfitOf(rate, options)(counts);
}

/** The same of one rate for many counts: what is of the rate alone is worked out once. */
function misfitOf(rate: number, { tunedFor = SHOWN.tunedFor }: SequenceOptions): (counts: Counts) => number {
  const variance = rate * (1 - rate);
  const r = Math.max((tunedFor * variance) / WIDTH - variance, variance / 1000);
  const [a, b] = [r / (1 - rate), r / rate];
  const [prior, logRate, logRest] = [lbeta(a, b), Math.log(rate), Math.log1p(-rate)];
  return ({ total, bad }) => lbeta(a + bad, b + (total - bad)) - prior - bad * logRate - (total - bad) * logRest;
}

/** ρ = v/(2·ln(1/α) + ln(1 + 2·ln(1/α))): the mixture is tightest at the intrinsic time v, near enough. */
export function mixturePrecision(v: number, alpha: number): number {
  return v / widthFor(alpha);
}

function widthFor(alpha: number): number {
  const nats = -2 * Math.log(alpha);
  return nats + Math.log1p(nats);
}

const WIDTH = widthFor(SHOWN.alpha);
/** ρ where events are counted: one side of two each has half of the chance. */
const EVENTS_PRECISION = mixturePrecision(SHOWN.events, 2 * SHOWN.alpha);

export interface RateRange {
  low: number;
  high: number;
}

/** What a person is shown of a rate: a text that never goes back as the rate rises. */
export type Shows = (rate: number) => string;

/** All rates that the counts do not contradict. Everything, 0 to 1, without counts. With `shows`: as exact as it shows them. */
export function rateRange(counts: Counts, options: SequenceOptions = {}, shows?: Shows): RateRange {
  const { total, bad } = counts;
  const { alpha = SHOWN.alpha } = options;
  if (total <= 0) return { low: 0, high: 1 };
  const seen = bad / total;
  const fits = (rate: number) => logMisfit(counts, rate, options) < -Math.log(alpha);
  // At 0 and 1 nothing can vary and there is no test; so near to them a range may as well begin or end there.
  const [least, most] = [NEAR, 1 - NEAR];
  return {
    low: seen <= least || fits(least) ? 0 : edge({ fitting: seen, misfitting: least, shows }, fits),
    high: seen >= most || fits(most) ? 1 : edge({ fitting: seen, misfitting: most, shows }, fits),
  };
}

const NEAR = 1e-9;

interface Between {
  fitting: number;
  misfitting: number;
  shows: Shows | undefined;
}

/** Where fitting ends, by halving: to the last digit, or until all that is left in between is shown alike. */
function edge(between: Between, fits: (value: number) => boolean): number {
  const { shows } = between;
  let { fitting, misfitting } = between;
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const near = shows !== undefined && Math.abs(fitting - misfitting) < fitting / 100;
    if (near && shows(fitting) === shows(misfitting)) break;
    const middle = (fitting + misfitting) / 2;
    if (fits(middle)) fitting = middle;
    else misfitting = middle;
  }
  return (fitting + misfitting) / 2;
}

const HALVINGS = 50;

/**
 * Events per exposure that the counts do not contradict, where one exposure may have several events: orders per session.
 * With m events expected, more of them are judged by a gamma-Poisson mixture, and fewer by a normal one, because Poisson
 * counts fall short by no more than normal ones would (Howard et al. 2021).
 */
export function countRange(
  { total, bad: events }: Counts,
  { alpha = SHOWN.alpha }: SequenceOptions = {},
  shows?: Shows,
): RateRange {
  if (total <= 0) return { low: 0, high: Number.POSITIVE_INFINITY };
  const line = Math.log(2 / alpha);
  const few = (expected: number) => logDeficit({ by: expected - events, variance: expected }) < line;
  let beyond = 2 * events + 1;
  while (few(beyond)) beyond *= 2;
  // Of that many events both mixtures say the same to the digits that are shown, and one takes long.
  const mixture = events > 1e7 ? logDeficit : logExcess;
  const many = (expected: number) => mixture({ by: events - expected, variance: expected }) < line;
  const shown = shows && ((expected: number) => shows(expected / total));
  return {
    low: events <= 0 ? 0 : edge({ fitting: events, misfitting: 0, shows: shown }, many) / total,
    high: edge({ fitting: events, misfitting: beyond, shows: shown }, few) / total,
  };
}

/** A sum of events, how much it is off its expectation, and its variance if that were right. */
export interface Deviation {
  by: number;
  variance: number;
  /** Size of one event. Default 1. */
  size?: number;
}

/** ln M of a sum of Poisson events that is `by` too large: gamma-Poisson mixture, tightest at a variance of `SHOWN.events`. */
export function logExcess({ by, variance, size = 1 }: Deviation): number {
  const precision = EVENTS_PRECISION / size ** 2;
  const prior = precision * Math.log(precision) - logGamma(precision) - logUpperGamma(precision, precision);
  const scale = variance / size ** 2 + precision;
  const shape = by / size + scale;
  return prior + logGamma(shape) + logUpperGamma(shape, scale) - shape * Math.log(scale) + scale - precision;
}

/** ln M of a sum that is `by` too small and no worse than normal on that side: half-normal mixture. */
export function logDeficit({ by, variance }: Deviation): number {
  const spread = variance + EVENTS_PRECISION;
  return Math.log((4 * EVENTS_PRECISION) / spread) / 2 + by ** 2 / (2 * spread) + logNormal(by / Math.sqrt(spread));
}

/** Requests by latency: how many took at most each bound. */
export interface Latencies {
  total: number;
  /** Bucket bounds, rising. */
  bounds: readonly number[];
  /** Requests up to each bound, as many as there are bounds; what is above the last one is in `total` alone. */
  upTo: readonly number[];
}

/** Between which bounds a quantile lies: above `over`, and not above `upTo`. Undefined where the counts do not tell. */
export interface QuantileRange {
  over?: number;
  upTo?: number;
}

/**
 * The buckets in which the quantile `p` can lie: its ends are bounds up to which the share of requests is known to be on
 * one side of p. Nothing is interpolated. The ranges of all quantiles hold together, at every look, so that a person may
 * pick the quantile that looks worst.
 */
export function quantileRange(
  { total, bounds, upTo }: Latencies,
  p: number,
  options: SequenceOptions = {},
): QuantileRange {
  const range: QuantileRange = {};
  const below = p * total - quantileMargin(1 - p, total, options);
  const above = p * total + quantileMargin(p, total, options);
  for (const [index, bound] of bounds.entries()) {
    const count = upTo[index] ?? 0;
    if (total > 0 && count <= below) range.over = bound;
    else if (total > 0 && count >= above) range.upTo ??= bound;
  }
  return range;
}

/** Steps of the stitching: quantiles δ apart, epochs that grow by η, weights by 1/kˢ with the sum ζ(s). */
const STITCH = { delta: 0.5, eta: 2, s: 1.4, zeta: 3.1055472779775815 };

/**
 * How far the count up to the quantile p may be above p·n, at any n and for any p: the double stitching bound of Howard
 * and Ramdas (2022, theorem 2), over time and over quantiles. Below p·n it is the margin of 1 − p.
 */
export function quantileMargin(p: number, total: number, options: SequenceOptions = {}): number {
  const { alpha = SHOWN.alpha, tunedFor = SHOWN.tunedFor } = options;
  const { delta, eta, s, zeta } = STITCH;
  const n = Math.max(total, tunedFor);
  const epochs = n / tunedFor;
  const logit = Math.log(p / (1 - p));
  // Below the middle the variance grows up to the next quantile of the grid, which speaks for all before it.
  const next = 1 / (1 + Math.exp(-logit - 2 * delta * Math.sqrt(eta / epochs)));
  const r = p >= 0.5 ? p : Math.min(0.5, next);
  const variance = r * (1 - r);
  const place = 1 + (Math.sqrt(epochs) * Math.abs(logit)) / (2 * delta);
  const weight = (2 * zeta * (2 * zeta + 1)) / (alpha * Math.log(eta) ** s);
  const nats = s * Math.log(Math.log(eta * epochs) * place) + Math.log(weight);
  const stretch = (eta ** 0.25 + eta ** -0.25) / Math.SQRT2;
  const skew = ((Math.sqrt(eta) + 1) / 2) * ((1 - 2 * p) / 3) * nats;
  return delta * Math.sqrt(eta * epochs * variance) + Math.sqrt(stretch ** 2 * variance * n * nats + skew ** 2) + skew;
}

/**
 * p-value of "both arms have the same quantile `p`", valid however often it is looked at. If they had, each arm's counts
 * up to the common value would fit p, so the product of both misfits, minimised over where that value may be, is
 * evidence that they have not. Within a bucket the counts may be anything between its ends: the least misfit is taken.
 */
export function quantilePValue(one: Latencies, other: Latencies, p: number, options: SequenceOptions = {}): number {
  const [a, b] = [leastMisfits(one, p, options), leastMisfits(other, p, options)];
  const least = Math.min(...a.map((misfit, bucket) => misfit + (b[bucket] ?? Number.NEGATIVE_INFINITY)));
  return Math.min(1, Math.exp(-least));
}

/** For each bucket, the last one without an upper bound included: the least misfit of `p` anywhere in it. */
function leastMisfits({ total, upTo }: Latencies, p: number, options: SequenceOptions): number[] {
  if (total <= 0) return [...upTo.map(() => 0), 0];
  const misfitAt = misfitOf(p, options);
  const misfit = (bad: number) => misfitAt({ total, bad });
  const best = lowest(misfit, total);
  const ends = [...upTo, total];
  return ends.map((end, bucket) => misfit(Math.min(end, Math.max(best, ends[bucket - 1] ?? 0))));
}

/** Where a convex function of 0 to `total` is lowest (golden section). */
function lowest(convex: (at: number) => number, total: number): number {
  const part = (Math.sqrt(5) - 1) / 2;
  let [from, to] = [0, total];
  for (let cut = 0; cut < HALVINGS; cut += 1) {
    const [left, right] = [to - part * (to - from), from + part * (to - from)];
    if (convex(left) < convex(right)) to = right;
    else from = left;
  }
  return (from + to) / 2;
}
