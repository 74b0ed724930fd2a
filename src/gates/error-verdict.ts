import { printBad, printCount, printShare } from '#core/figures.ts';
import type { Cause, Evidence, GateContext, GateReading, Verdict } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { formatPercent } from '#lib/units.ts';
import { missesNow, sumRecent } from './burn.ts';
import { isOld } from './count.ts';
import { catchesUp, early, old, warming } from './count-verdict.ts';
import { suspectOf } from './error-count.ts';
import type { ErrorGate } from './error-state.ts';
import { printBadRange } from './print-range.ts';

export interface Judged {
  state: ErrorGate;
  context: GateContext;
  evidence: Evidence;
  stable: GateReading['stable'];
  now: Millis;
}

export interface Answer {
  verdict: Verdict;
  cause?: Cause;
  pod?: string;
  message: string;
}

type Rule = (judged: Judged) => Answer | undefined;

/**
 * The first rule that has an answer gives the verdict.
 *
 * | rule      | verdict and causes                                                | why at this place                                     |
 * | stopped   | Fail: Worse, ObjectiveMissed, BudgetSpent, DarkCanary             | evidence does not go away when the source does        |
 * | catchesUp | NoData: CatchingUp                                                | nothing is known of the time without us               |
 * | troubled  | Error: BadQuery; NoData: NotScraped, ScrapedTwice, Stale; waiting | a tick that is not whole passes nothing               |
 * | old       | NoData: Stale                                                     | the same for ticks that did not come at all           |
 * | empty     | Inconclusive: TooFewSamples; NoData: NoTraffic                    | no count, no verdict                                  |
 * | shared    | Inconclusive: BothArmsBad, or no cause                            | nothing is proved while stable itself is bad          |
 * | early     | Inconclusive: TooFewSamples                                       | no user traffic is due on the canary yet              |
 * | suspected | Inconclusive: SinglePod, or no cause                              | one pod is replaced; the release is not to blame      |
 * | warming   | Inconclusive: WarmingUp                                           | a step is not left before its new pods were seen      |
 * | proved    | Pass                                                              | the advance test has passed its line                  |
 * | unproved  | Inconclusive: TooFewSamples                                       | healthy so far is not yet evidence                    |
 */
const rules: readonly Rule[] = [
  stopped,
  ({ state }) => catchesUp(state),
  ({ state }) => state.problem,
  ({ state, context, now }) => old(state, context, now),
  empty,
  shared,
  ({ context }) => early(context),
  suspected,
  ({ state, context }) => warming(state, context),
  proved,
];

export function verdictOf(judged: Judged): Answer {
  for (const rule of rules) {
    const answer = rule(judged);
    if (answer !== undefined) return answer;
  }
  return unproved(judged);
}

/** Stable alone: what the last minutes say, while they are the last minutes. */
export function stableNow(state: ErrorGate, context: GateContext, now: Millis): GateReading['stable'] {
  if (state.look === undefined || isOld(state, context, now) || sumRecent(state.recent).stable.total === 0)
    return 'Unknown';
  return missesNow(state.recent, 'stable', context.gate.slo.objective) ? 'Misses' : 'Meets';
}

function stopped({ state, context, evidence }: Judged): Answer | undefined {
  if (state.fired === undefined) return undefined;
  const { cause } = state.fired;
  return { verdict: 'Fail', cause, message: whyStopped(cause, state, context, evidence) };
}

function whyStopped(cause: Cause, state: ErrorGate, context: GateContext, evidence: Evidence): string {
  const canary = printBad(evidence.canary);
  if (cause === 'DarkCanary') {
    return `the canary finishes no request while at least ${printCount(10)} were due on it at ${formatPercent(state.weight)}`;
  }
  if (cause === 'BudgetSpent') {
    return `the release burnt ${printShare(evidence.spend)} of the error budget, limit ${printShare(context.maxSpend)}: canary ${canary}`;
  }
  if (cause === 'ObjectiveMissed') {
    return `the canary alone misses its objective ${printShare(context.gate.slo.objective)}: ${printBad(state.alone)} while stable served nobody`;
  }
  const shown = `${printBadRange(evidence.canary)} against ${printBadRange(evidence.stable)}`;
  return `the canary is worse than stable: ${shown}; log evidence ${evidence.stopLogE.toFixed(2)}, limit ${evidence.stopLimit.toFixed(2)}${tempered(evidence)}`;
}

function tempered({ dispersion }: Evidence): string {
  return dispersion === undefined ? '' : `, divided by ${dispersion.toFixed(1)} because stable's pods differ that much`;
}

function empty({ state, stable, context }: Judged): Answer | undefined {
  if (state.ticks === 0 && stable === 'Unknown') {
    return { verdict: 'Inconclusive', cause: 'TooFewSamples', message: 'no whole tick counted yet' };
  }
  const recent = sumRecent(state.recent);
  if (recent.stable.total > 0 || recent.canary.total > 0) return undefined;
  const { name, sli } = context.gate.slo;
  const counter =
    sli.kind === 'events' ? sli.total.metric : sli.kind === 'latency' ? sli.histogram.metric : 'its counters';
  // A counter that nobody has looks like a Service that nobody calls: only a person can tell them apart.
  const message = `stable finished no request in the last five minutes by ${counter}; if it serves, mend spec.sli of ServiceLevelObjective ${name}`;
  return { verdict: 'NoData', cause: 'NoTraffic', message };
}

function shared({ state, context, stable }: Judged): Answer | undefined {
  if (stable !== 'Misses') return undefined;
  const { objective } = context.gate.slo;
  const recent = sumRecent(state.recent);
  const seen = `stable misses its objective ${printShare(objective)}: ${printBad(recent.stable)} in the last five minutes`;
  if (!missesNow(state.recent, 'canary', objective)) return { verdict: 'Inconclusive', message: seen };
  const message = `shared outage: ${seen}, and so does the canary: ${printBad(recent.canary)}; nobody is blamed`;
  return { verdict: 'Inconclusive', cause: 'BothArmsBad', message };
}

function suspected({ state, context }: Judged): Answer | undefined {
  const suspect = suspectOf(state, context);
  if (suspect === undefined) return undefined;
  const most = `${printBad(suspect)} of the ${printCount(state.influence.all.canary.bad)} bad requests of the canary`;
  if (suspect.pod === undefined) {
    return { verdict: 'Inconclusive', message: `one tick supplies most of the excess, ${most}: waiting for another` };
  }
  const message = `pod ${suspect.pod} supplies most of the excess, ${most} on ${suspect.among} pods: without it the release goes on`;
  return { verdict: 'Inconclusive', cause: 'SinglePod', pod: suspect.pod, message };
}

function proved({ evidence }: Judged): Answer | undefined {
  const { step, advanceLogE, advanceLimit, advanceExcess } = evidence;
  // Not a number, and no request at all, are below every line.
  if (!(advanceLogE >= advanceLimit && step.canary.total > 0)) return undefined;
  const excluded = printShare(advanceExcess);
  return {
    verdict: 'Pass',
    message: `an excess of ${excluded} over stable is excluded: canary ${printBad(step.canary)} at this step`,
  };
}

function unproved({ evidence }: Judged): Answer {
  const { step, advanceLogE, advanceLimit, advanceExcess } = evidence;
  const line = `log evidence ${advanceLogE.toFixed(2)} of ${advanceLimit.toFixed(2)}`;
  const message = `not yet excluded: an excess of ${printShare(advanceExcess)} over stable; canary ${printBad(step.canary)} at this step, ${line}`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}
