import type { Gate } from '#core/gate.ts';
import { weightedSteps } from '#core/ladder.ts';
import type { Step } from '#core/model.ts';
import { ALPHA } from '#gates/bounds.ts';
import { foreseeSteps } from '#gates/foresight.ts';
import type { Millis } from '#lib/units.ts';
import type { RolloutWish } from '#schema/translate.ts';
import type { LiveTraffic } from './live-traffic.ts';

/** What the traffic there is lets each step show, said before the first request. */

export interface Live {
  rps: number;
  base: number;
  reactionMs: Millis;
  scrapeMs: Millis;
  tickMs: Millis;
  /** The same by objective, where it was looked at. */
  slos?: LiveTraffic['slos'];
  /** Which try of the revision the release would be: each has a higher bar to pass, and so takes longer. */
  attempt: number;
}

/** The steps with what they show and need by the gate that asks most. Nothing is foreseen without traffic. */
export function foreseen(all: Step[], { gates, wish, live }: { gates: Gate[]; wish: RolloutWish; live: Live }): Step[] {
  if (live.rps <= 0) return all;
  // How many a step without a weight sends nobody knows, so nothing of it is foreseen.
  const few = all.filter(({ reach }) => reach !== undefined);
  const steps = weightedSteps({ steps: all });
  const { targetSpend } = wish.budget;
  const judges = gates.filter(({ role, slo }) => role === 'Guardrail' && slo.objective > 0);
  const foresights = judges.map(({ slo: { objective, windowMs }, tolerate }) =>
    foreseeSteps({ ...live, steps, tolerate, objective, windowMs, targetSpend, alpha: ALPHA / judges.length }),
  );
  const weighed = steps.map((step, index) => {
    const forecasts = foresights.flatMap((one) => one[index] ?? []);
    if (forecasts.length === 0) return step;
    const sees = forecasts.map((one) => one.sees).reduce(blindest);
    const needsMs = Math.max(...forecasts.map((one) => one.needsMs));
    return { ...step, ...(sees === undefined ? {} : { sees: tidy(sees) }), needsMs: Math.round(needsMs) };
  });
  return [...few, ...weighed];
}

/** What is seen by both: nothing, where one of them sees nothing. */
function blindest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.max(a, b);
}

/** Nine decimals of a percent are kept in records. */
function tidy(share: number): number {
  return Number(share.toPrecision(4));
}
