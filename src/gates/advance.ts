import type { Counts } from '#core/gate.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { BETA, EXCESS_FLOOR, MAX_EXCESS_PART } from './bounds.ts';

/**
 * Advance test: is there evidence that the canary is not worse than stable by more than d? A sequential likelihood ratio
 * of "canary = stable" against the boundary "canary = stable + d", restarted at every step:
 *
 *     ln P += e_c·ln(p/(p+d)) + (n_c−e_c)·ln((1−p)/(1−p−d))
 *
 * A canary that is worse by d or more passes ln(1/β) with probability at most β, whenever one looks.
 */
export function advanceIncrement(canary: Counts, { rate, excess }: { rate: number; excess: number }): number {
  const good = Math.max(0, canary.total - canary.bad);
  return canary.bad * Math.log(rate / (rate + excess)) + good * Math.log((1 - rate) / (1 - rate - excess));
}

/** Stable's error rate as the advance test uses it (Krichevsky and Trofimov): never 0, so one canary error is no proof. */
export function plugInRate({ total, bad }: Counts): number {
  return (bad + 0.5) / (total + 1);
}

export interface ExcessQuestion {
  /** Excess error ratio tolerated when leaving the last step. */
  tolerate: number;
  objective: number;
  windowMs: Millis;
  targetSpend: number;
  reactionMs: Millis;
  /** The weight that a Pass would allow; undefined when leaving the last step. */
  nextWeight?: Weight;
}

/**
 * The excess d that has to be excluded before the next weight w′ is allowed.
 *
 * At q requests per second the budget of the window W is (1−SLO)·q·W failures. A fault that shows at w′ is there for
 * the reaction time and costs d·w′·q·reaction failures. The d that costs `targetSpend` of the budget is therefore
 * targetSpend·(1−SLO)·W / (w′·reaction): the traffic cancels. Early steps exclude only disasters, so the ladder is quick.
 */
export function excessToExclude(question: ExcessQuestion): number {
  const { tolerate, objective, windowMs, targetSpend, reactionMs, nextWeight } = question;
  // Nothing can be shown to be not worse by nothing: below the floor of the stop test there is no question to answer.
  const least = Math.max(tolerate, EXCESS_FLOOR);
  if (nextWeight === undefined || nextWeight <= 0 || reactionMs <= 0) return least;
  return Math.max(least, (targetSpend * (1 - objective) * windowMs) / ((nextWeight / WHOLE) * reactionMs));
}

/** `excess` kept where `rate + excess` is still an error rate: excluding more than total failure would ask nothing. */
export function boundExcess(excess: number, rate: number): number {
  return Math.min(excess, MAX_EXCESS_PART * (1 - rate));
}

/** The line that ln P must reach: ln(2^(attempt−1)/β). Trying the same revision again until it passes has its price. */
export function advanceLimit(attempt: number, beta: number = BETA): number {
  return (attempt - 1) * Math.LN2 - Math.log(beta);
}
