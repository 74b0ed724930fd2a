import type { Millis, Weight } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { boundExcess, excessToExclude } from './advance.ts';
import { requestsToDetect, requestsToExclude } from './ramp.ts';

/** What one step can and cannot do with the traffic there is: arithmetic, said before the first request. */
export interface StepForesight {
  weight: Weight;
  /** Requests that the canary serves while the step is held. */
  requests: number;
  /** The smallest excess error ratio that the stop test sees within the hold, as often as not; undefined: none. */
  sees?: number;
  /** The excess that the advance test must exclude before the step is left. */
  excludes: number;
  /** How long that takes at the median, when the canary is as good as stable; Infinity without traffic. */
  needsMs: Millis;
}

export interface Foreseen {
  steps: readonly { weight: Weight; holdMs: Millis }[];
  /** Requests per second of both arms, and stable's error ratio. */
  rps: number;
  base: number;
  tolerate: number;
  objective: number;
  windowMs: Millis;
  targetSpend: number;
  reactionMs: Millis;
  /** This gate's part of the chance to stop a good release. */
  alpha?: number;
  attempt?: number;
}

/** Below this the stop test calls nothing worse, however sure it is. */
const LEAST_BASE = 1e-6;

export function foreseeSteps({ steps, rps, base: seen, alpha, attempt = 1, ...slo }: Foreseen): StepForesight[] {
  const base = Math.max(seen, LEAST_BASE);
  return steps.map(({ weight, holdMs }, index) => {
    const share = weight / WHOLE;
    const requests = rps * share * (holdMs / 1000);
    const nextWeight = steps[index + 1]?.weight;
    const excludes = boundExcess(excessToExclude(nextWeight === undefined ? slo : { ...slo, nextWeight }), base);
    const needed = requestsToExclude({ base, excess: excludes, attempt });
    const sees = leastExcess(requests, { base, share, ...(alpha === undefined ? {} : { alpha }) });
    return {
      weight,
      requests,
      ...(sees === undefined ? {} : { sees }),
      excludes,
      needsMs: rps > 0 && share > 0 ? (1000 * needed) / (rps * share) : Number.POSITIVE_INFINITY,
    };
  });
}

/** The excess that so many canary requests show; undefined when not even total failure would be seen. Bisection. */
export function leastExcess(
  requests: number,
  question: { base: number; share: number; alpha?: number },
  halvings = 50,
): number | undefined {
  const enough = (excess: number) => requestsToDetect({ ...question, excess }) <= requests;
  let [most, least] = [1 - question.base, 0];
  if (!enough(most)) return undefined;
  for (let halving = 0; halving < halvings; halving++) {
    const middle = (most + least) / 2;
    if (enough(middle)) most = middle;
    else least = middle;
  }
  return most;
}
