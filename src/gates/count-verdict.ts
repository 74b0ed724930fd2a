import type { GateContext } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { formatDuration, formatPercent } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { type CountProblem, type CountState, isOld, scrapeOf } from './count.ts';

/** What holds every gate that counts, whatever it counts. In the order in which they are asked. */

export function catchesUp({ look, at, problem }: CountState): CountProblem | undefined {
  if (look !== undefined || at === 0 || problem !== undefined) return undefined;
  return {
    verdict: 'NoData',
    cause: 'CatchingUp',
    message: 'reading the ticks that were missed while the operator was away',
  };
}

export function old(state: CountState, context: GateContext, now: Millis): CountProblem | undefined {
  if (state.look === undefined || !isOld(state, context, now)) return undefined;
  const limit = formatDuration(STALE_SCRAPES * scrapeOf(context));
  return { verdict: 'NoData', cause: 'Stale', message: `no sample is newer than ${limit}` };
}

/**
 * Evidence of the older pods is as good as ever; but a step is not left before those that came with it were seen for at
 * least a look: after warm-up and scrape, which is the least dwell.
 */
export function warming({ warming: pods = [] }: CountState, { gate }: GateContext): CountProblem | undefined {
  const [first, ...more] = pods;
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
  const message = `pod ${first}${others} of the canary is warming up: counted from ${formatDuration(gate.warmUpMs ?? 0)} after its start on`;
  return { verdict: 'Inconclusive', cause: 'WarmingUp', message };
}

export function early({ arrived, weight }: GateContext): CountProblem | undefined {
  if (arrived) return undefined;
  const message =
    weight > 0
      ? `waiting for ${formatPercent(weight)} of the traffic to arrive`
      : 'no user traffic is due on the canary yet';
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}
