import type { Slo } from '#core/gate.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { BETA, PAIRS, USUAL } from './bounds.ts';
import { exposuresToExclude, marginOf, regressionToExclude } from './business-count.ts';
import { forecastSteps } from './ramp.ts';

/** How long the evidence of each step takes, kind by kind: what `maxWait` is three times of, where none is given. */

/** What stable was seen to serve of one objective. */
export interface LiveSlo {
  /** Requests, or exposures, per second. */
  rps: number;
  /** Share of them that was bad; 0 where that is not looked at. */
  base: number;
  /** Events per exposure, of a business objective that counts them. */
  events?: number;
}

export interface StepsQuestion {
  slo: Slo;
  tolerate: number;
  weights: readonly Weight[];
  /** Undefined: nobody could look. */
  live: LiveSlo | undefined;
  /** Which try of the revision it is: each has a higher line to pass. */
  attempt: number;
  targetSpend: number;
  reactionMs: Millis;
  tickMs: Millis;
}

/** Errors: the advance test at stable's rate as it was seen. */
export function stepsOfErrors({ slo, live, ...rest }: StepsQuestion): Millis[] {
  const { objective, windowMs } = slo;
  return live === undefined ? [] : forecastSteps({ ...rest, ...live, objective, windowMs });
}

/** Latencies: how many are slow is not looked at before there is a release, so as many as a usual service has. */
export function stepsOfLatency(question: StepsQuestion): Millis[] {
  const { live, slo } = question;
  if (live === undefined) return [];
  return stepsOfErrors({ ...question, live: { ...live, base: USUAL.spends * (1 - slo.objective) } });
}

/**
 * Business events: exposures until the regression is excluded, at stable's rate as it was seen, after one lag. Of values
 * the least number of ticks is all that can be said, and of pairs nothing: only a canary makes them.
 */
export function stepsOfBusiness({ slo: { sli }, weights, live, attempt, tickMs }: StepsQuestion): Millis[] {
  if (sli.kind !== 'business' || sli.paired === true) return [];
  if (sli.value !== undefined) return [sli.lagMs + PAIRS.least * tickMs];
  const { rps = 0, events = 0 } = live ?? {};
  return weights.map((weight, index) => {
    const nextWeight = weights[index + 1];
    const regression = regressionToExclude(sli, nextWeight === undefined ? {} : { nextWeight });
    const share = weight / WHOLE;
    const m = marginOf(sli.worse, regression);
    const stable = { total: 1, bad: events };
    const exposures = exposuresToExclude({ stable, share, m, beta: BETA / 2 ** (attempt - 1) });
    return rps > 0 ? sli.lagMs + (1000 * exposures) / (rps * share) : Number.POSITIVE_INFINITY;
  });
}

/** Thresholds: so many good ticks, whatever the traffic is. */
export function stepsOfThreshold({ slo: { sli }, tickMs }: StepsQuestion): Millis[] {
  return sli.kind === 'query' ? [sli.failures * tickMs] : [];
}
