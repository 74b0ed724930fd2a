import type { Counts } from '#core/gate.ts';
import { MAX_EXCESS_PART, PROBES } from './bounds.ts';
import { burnLogE } from './burn.ts';
import { logSum, tail } from './eprocess.ts';
import { lbeta, logLowerBeta } from './special.ts';

/**
 * Tests for answers that are right or wrong, arm by arm and pair by pair. Several samples of one prompt are one cluster,
 * whose mean counts as one answer: between 0 and 1 every factor below lies under the straight line through its ends, so
 * that its expectation is at most that of a single answer, however the samples depend on each other.
 */

/**
 * Mirror image of `burnLogE`. H0: the arm's failure rate is at least `rate`. The alternative is the Jeffreys prior cut
 * off above `rate`. Anytime-valid; all rates whose evidence never reached ln(1/α) are a confidence sequence.
 */
export function shortfallLogE({ total, bad }: Counts, rate: number): number {
  const failures = Math.min(bad, total);
  const [a, b] = [0.5 + failures, 0.5 + total - failures];
  const mixture = lbeta(a, b) + logLowerBeta(a, b, rate) - lbeta(0.5, 0.5) - logLowerBeta(0.5, 0.5, rate);
  return mixture - failures * Math.log(rate) - (total - failures) * Math.log1p(-rate);
}

/** The largest failure rate that the counts do not exclude at the line. 1 without counts. */
export function mostFailing(counts: Counts, line: number): number {
  if (counts.total <= 0) return 1;
  let [kept, excluded] = [counts.bad / counts.total, 1];
  for (let halving = 0; halving < HALVINGS; halving += 1) {
    const middle = (kept + excluded) / 2;
    // At the observed rate and at its edges there is nothing to exclude.
    if (middle <= 0 || middle >= 1 || shortfallLogE(counts, middle) < line) kept = middle;
    else excluded = middle;
  }
  return excluded;
}

const HALVINGS = 40;

/** What is known of the canary: since the attempt began, and since later starts of the test, newest first. */
export interface Sights {
  all: Counts;
  /** Starts that have begun. Evidence of starts before these is dropped, which can only weaken it. */
  starts: number;
  late: readonly Counts[];
}

/**
 * Stop test. H0: the canary's failure rate is at most the greater of `floor` and stable's. Were stable's rate known to
 * be p, the canary would be judged by `burnLogE` at p. It is measured: the evidence against the canary at p is
 * multiplied by the evidence that stable is better than p, and the least product over all p counts,
 *
 *     ln E = min over p ≥ floor of [ burn(canary, p) + (p > floor ? shortfall(stable, p) : 0) ]
 *
 * At the true p both factors are e-processes of arms that are sampled side by side, and the least is never more. A stable
 * arm that was hardly asked leaves p open, and a failure has to be seen again; one that has long been clean does not.
 * A little of the canary's evidence starts anew every five minutes, as in `eprocess.ts`: a long clean life would else
 * hide a late defect.
 */
export function worseLogE({ canary, stable }: { canary: Sights; stable: Counts }, floor: number): number {
  const least = burnFrom(canary, floor);
  if (!(least > 0)) return least;
  const at = (logit: number) => {
    const p = 1 / (1 + Math.exp(-logit));
    return burnFrom(canary, p) + shortfallLogE(stable, p);
  };
  const [from, to] = [Math.log(floor / (1 - floor)), MOST_LOGIT];
  const points = Array.from({ length: GRID + 1 }, (_, index) => from + ((to - from) * index) / GRID);
  const values = points.map(at);
  const best = values.indexOf(Math.min(...values));
  return Math.min(least, ...values, refine(at, points[best - 1] ?? from, points[best + 1] ?? to));
}

function burnFrom({ all, starts, late }: Sights, rate: number): number {
  const { lateShare } = PROBES;
  const whole = Math.log(1 - lateShare) + burnLogE(all, rate);
  return late.reduce(
    (sum, counts, index) => {
      const start = starts - index;
      if (start <= 0) return sum;
      const weight = lateShare * (tail(start - 1) - tail(start));
      return logSum(sum, Math.log(weight) + burnLogE(counts, rate));
    },
    logSum(whole, Math.log(lateShare * tail(starts))),
  );
}

/** p up to 99.9 %: above it a canary cannot be worse. */
const MOST_LOGIT = 7;
/** The sum falls to one valley and rises again: a few points find it, and so many cuts its depth to a thousandth. */
const GRID = 16;
const CUTS = 12;

/** The least value between two points around it (golden section). */
function refine(at: (logit: number) => number, from: number, to: number): number {
  const part = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [left, right] = [high - part * (high - low), low + part * (high - low)];
  let [one, other] = [at(left), at(right)];
  for (let cut = 0; cut < CUTS; cut += 1) {
    if (one < other) {
      [high, right, other] = [right, left, one];
      left = high - part * (high - low);
      one = at(left);
    } else {
      [low, left, one] = [left, right, other];
      right = low + part * (high - low);
      other = at(right);
    }
  }
  return Math.min(one, other);
}

/** ln of the capital of each bet before the first pair. */
export const firstBets: readonly number[] = PROBES.bets.map(({ capital }) => Math.log(capital));

/**
 * Advance test. H0: of answers to the same check at the same moment the canary's are wrong by `excess` more often than
 * stable's. Each bet multiplies its capital by 1 + λ·(excess − difference), λ a part of 1/(1 − excess) so that it never
 * goes bankrupt; under H0 no capital is expected to grow, and rates of failure need not be known.
 */
export function bet(bets: readonly number[], difference: number, excess: number): number[] {
  return bets.map((log, index) => {
    const stake = (PROBES.bets[index]?.part ?? 0) / (1 - excess);
    return log + Math.log1p(stake * (excess - difference));
  });
}

/** ln of the capital of all bets together. */
export function winnings(bets: readonly number[]): number {
  const most = Math.max(...bets);
  return most + Math.log(bets.reduce((sum, log) => sum + Math.exp(log - most), 0));
}

/** Pairs until `excess` is excluded while both arms are clean. */
export function pairsToExclude(excess: number, line: number): number {
  let bets: readonly number[] = firstBets;
  let pairs = 0;
  for (; pairs < MOST_PAIRS && winnings(bets) < line; pairs += 1) bets = bet(bets, 0, excess);
  return pairs;
}

const MOST_PAIRS = 100_000;

/** What a release that serves everybody may lose, scaled to the next weight: it would cost all users as much there. */
export function scaledToWeight(share: number, nextShare: number | undefined): number {
  if (nextShare === undefined || nextShare <= 0) return share;
  return Math.max(share, Math.min(MAX_EXCESS_PART, share / nextShare));
}
