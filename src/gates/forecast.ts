import type { Counts, SpendForecast } from '#core/gate.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { advanceIncrement } from './advance.ts';
import { FORECAST, MIN_SPENT_EVENTS, RATE_REQUESTS_PER_EXCESS } from './bounds.ts';
import { leastExcess } from './foresight.ts';
import { requestsToDetect } from './ramp.ts';

/** What is known of the canary at this stay. */
export interface Stay {
  canary: Counts;
  /** Stable's error ratio as the advance test uses it, and the requests that it comes from. */
  rate: number;
  rateRequests: number;
  /** The line of the advance test, and φ by which its evidence is divided. */
  limit: number;
  temper: number;
}

/**
 * The largest excess error ratio that the evidence of this stay leaves open: the least d whose advance test has passed its
 * line. For every d that test lets d through with probability at most β, whenever one looks, so this is a bound of the
 * same confidence. In d the evidence is convex and begins at 0, so it crosses its line once. 1: nothing is known yet.
 */
export function excessBound({ canary, rate, rateRequests, limit, temper }: Stay): number {
  const open = (excess: number) => advanceIncrement(canary, { rate, excess }) / temper < limit;
  if (canary.total <= 0) return 1;
  let [least, most] = [0, 1 - rate];
  for (let halving = 0; halving < FORECAST.halvings; halving++) {
    const middle = (least + most) / 2;
    if (open(middle)) least = middle;
    else most = middle;
  }
  // As in the advance test: a rate from so many requests excludes nothing smaller.
  return Math.min(1, Math.max(most, RATE_REQUESTS_PER_EXCESS / Math.max(1, rateRequests)));
}

export interface SpendQuestion {
  /** Where a Pass would lead, and how long it stays there at least. */
  next: { weight: Weight; holdMs: Millis };
  /** Requests per second of both arms. */
  rps: number;
  /** Stable's error ratio, above 0. */
  base: number;
  objective: number;
  windowMs: Millis;
  reactionMs: Millis;
  alpha: number;
  temper: number;
}

/**
 * Share of the budget that a canary with so much excess burns at the next weight. The fault is there for the hold, or
 * until the stop test has found it if that is sooner, and for the reaction time: excess · w′ · time / ((1−SLO) · window).
 * The traffic cancels but for the time that finding it takes.
 */
export function burnAt(excess: number, question: SpendQuestion): number {
  const { next, objective, windowMs, reactionMs } = question;
  const there = Math.min(next.holdMs, msToDetect(excess, question)) + reactionMs;
  const budget = (1 - objective) * windowMs;
  return budget > 0 ? (Math.max(0, excess) * (next.weight / WHOLE) * there) / budget : 1;
}

function msToDetect(excess: number, { next, rps, base, alpha, temper }: SpendQuestion): Millis {
  const share = next.weight / WHOLE;
  if (excess <= 0 || rps <= 0 || share >= 1) return Number.POSITIVE_INFINITY;
  const needed = requestsToDetect({ base, excess: Math.min(excess, 1 - base), share, alpha });
  return (1000 * FORECAST.late * temper * needed) / (rps * share);
}

/**
 * The worst that any excess up to the bound burns. What is too small to be found within the hold burns the more the
 * larger it is; what is found burns less at first, because it is found sooner, and then more again, for the reaction
 * time. So the worst is the bound itself, or the largest excess that goes unseen.
 */
export function worstBurn(bound: number, question: SpendQuestion): number {
  const { next, rps, base, alpha, temper } = question;
  const atBound = burnAt(bound, question);
  const share = next.weight / WHOLE;
  if (msToDetect(bound, question) >= next.holdMs) return atBound;
  const requests = (rps * share * (next.holdMs / 1000)) / (FORECAST.late * temper);
  const unseen = leastExcess(requests, { base, share, alpha }, FORECAST.halvings) ?? bound;
  return Math.max(atBound, burnAt(Math.min(bound, unseen), question));
}

export interface SpendSoFar {
  /** Failures charged to the budget so far, and the share of it that they are. */
  charged: number;
  spend: number;
  maxSpend: number;
}

/**
 * What the next weight is going to cost: with the excess that was seen, and with the largest that is still open. It holds
 * the raise where that passes what is left of `maxSpend`. As for the stop at `maxSpend`, a handful of failures is not
 * enough, however small the budget is.
 */
export function forecastSpend(
  stay: Stay,
  question: SpendQuestion,
  { charged, spend, maxSpend }: SpendSoFar,
): SpendForecast {
  const { canary, rate } = stay;
  const seen = canary.total > 0 ? Math.max(0, canary.bad / canary.total - rate) : 0;
  const pessimistic = worstBurn(excessBound(stay), question);
  const expected = Math.min(pessimistic, burnAt(seen, question));
  const left = Math.max(0, maxSpend - spend);
  const budget = (1 - question.objective) * question.rps * (question.windowMs / 1000);
  const failures = charged + pessimistic * budget;
  const holds = pessimistic > left && failures >= MIN_SPENT_EVENTS;
  return { weight: question.next.weight, expected, pessimistic, left, holds };
}
