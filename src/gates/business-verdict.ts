import { printCount, printShare } from '#core/figures.ts';
import type { BusinessSli, Counts, Evidence, GateContext, GateReading } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { formatDuration } from '#lib/units.ts';
import { ALPHA, PAIRS } from './bounds.ts';
import { betaOf, exposuresToExclude, marginOf, regressionToExclude, sliOf } from './business-count.ts';
import type { BusinessGate } from './business-state.ts';
import { type CountProblem, isOld } from './count.ts';
import { catchesUp, early, old, warming } from './count-verdict.ts';
import { ratioInterval } from './paired-ratio.ts';
import { printCountRange } from './print-range.ts';

export interface BusinessJudged {
  state: BusinessGate;
  context: GateContext;
  evidence: Evidence;
  stable: GateReading['stable'];
  now: Millis;
}

type Answer = Omit<CountProblem, 'cause'> & { cause?: CountProblem['cause'] };

/** No exposure of stable in this time is no traffic. */
const SILENCE_MS: Millis = 300_000;

/** A business SLI has no objective to miss: stable is fine as long as it is seen to serve. */
export function stableExposed(state: BusinessGate, context: GateContext, now: Millis): GateReading['stable'] {
  const seen = state.look !== undefined && !isOld(state, context, now);
  // Prompts are compared by the canary's pods, and say nothing of stable by itself.
  if (sliOf(context).paired === true) return seen ? 'Meets' : 'Unknown';
  if (!seen || state.exposedAt === 0) return 'Unknown';
  return state.at - state.exposedAt < SILENCE_MS ? 'Meets' : 'Unknown';
}

/** The first answer gives the verdict: a breach stands, then what is in the way of counting, then the two tests. */
export function businessVerdict(judged: BusinessJudged): Answer {
  const { state, context, now } = judged;
  return (
    stopped(judged) ??
    catchesUp(state) ??
    state.problem ??
    old(state, context, now) ??
    empty(judged) ??
    early(context) ??
    held(judged) ??
    warming(state, context) ??
    proved(judged) ??
    unproved(judged)
  );
}

function stopped(judged: BusinessJudged): Answer | undefined {
  if (judged.state.firedAt === undefined) return undefined;
  const sli = sliOf(judged.context);
  const message = `${seen(judged, printCountRange)}, worse than ${change(sli, sli.tolerate)}, which is tolerated; ${odds(judged)}`;
  return { verdict: 'Fail', cause: 'Worse', message };
}

function empty({ state, context, stable }: BusinessJudged): Answer | undefined {
  if (state.look === undefined || (state.ticks === 0 && stable === 'Unknown')) {
    return { verdict: 'Inconclusive', cause: 'TooFewSamples', message: 'no whole tick counted yet' };
  }
  const { paired, events } = sliOf(context);
  if (paired === true && context.arrived && state.at - Math.max(state.exposedAt, context.raisedAt ?? 0) >= SILENCE_MS) {
    const message = `no prompt was compared in the last five minutes by ${sliOf(context).exposure.metric} and ${events?.metric}; the canary's pods have to count them`;
    return { verdict: 'NoData', cause: 'NoTraffic', message };
  }
  if (stable !== 'Unknown') return undefined;
  const { exposure } = sliOf(context);
  const message = `stable had no exposure in the last five minutes by ${exposure.metric}; if it serves, mend spec.sli of ServiceLevelObjective ${context.gate.slo.name}`;
  return { verdict: 'NoData', cause: 'NoTraffic', message };
}

/** Events come up to a lag after their exposure, and those of another share of the traffic still come. */
function held({ state, context }: BusinessJudged): Answer | undefined {
  const left = state.heldUntil - state.at;
  if (left <= 0) return undefined;
  const message = `events come up to ${formatDuration(sliOf(context).lagMs)} after their exposure: counting from ${formatDuration(left)} on`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}

function proved(judged: BusinessJudged): Answer | undefined {
  const { context, evidence } = judged;
  // Not a number, and no exposure at all, are below every line.
  if (!(evidence.advanceLogE >= evidence.advanceLimit && evidence.step.canary.total > 0)) return undefined;
  const sli = sliOf(context);
  return { verdict: 'Pass', message: `${change(sli, evidence.advanceExcess)} is excluded: ${seen(judged)}` };
}

function unproved(judged: BusinessJudged): Answer {
  const { context, evidence } = judged;
  const sli = sliOf(context);
  const asked = change(sli, evidence.advanceExcess);
  const message = `not yet excluded: ${asked}; ${detectable(judged)}; ${seen(judged)}`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}

/** How much traffic the question takes, so that nobody waits for what cannot come. */
function detectable({ state, context, evidence }: BusinessJudged): string {
  const sli = sliOf(context);
  const { canary, stable } = evidence.step;
  if (sli.value !== undefined) {
    return `values need ${PAIRS.least} ticks at least, ${state.stepPairs.ticks} counted; log evidence ${evidence.advanceLogE.toFixed(2)} of ${evidence.advanceLimit.toFixed(2)}`;
  }
  const m = marginOf(sli.worse, regressionToExclude(sli, context));
  const share = canary.total / Math.max(1, canary.total + stable.total);
  const needed = exposuresToExclude({ stable: state.all.stable, share, m, beta: betaOf(context) });
  const counted = `${printCount(canary.total)} counted`;
  if (sli.paired === true) {
    const pairs = Number.isFinite(needed) ? `about ${printCount(Number(needed.toPrecision(2)))}` : 'more';
    return `that takes ${pairs} prompts that differ, ${counted}`;
  }
  if (!Number.isFinite(needed))
    return `stable has no ${eventsOf(sli)} to compare with yet; ${counted} exposures of the canary`;
  return `that takes about ${printCount(Number(needed.toPrecision(2)))} exposures of the canary at this share, ${counted}`;
}

function odds({ evidence: { stopLogE, stopLimit } }: BusinessJudged): string {
  return `log evidence ${stopLogE.toFixed(2)}, limit ${stopLimit.toFixed(2)}`;
}

function eventsOf({ events, value }: BusinessSli): string {
  return (events ?? value)?.metric ?? 'events';
}

/** `a drop of 20%`. */
function change({ worse, paired }: BusinessSli, regression: number): string {
  if (paired === true) return `${printShare(regression)} more losses than wins`;
  return `${worse === 'Lower' ? 'a drop' : 'a rise'} of ${printShare(regression)}`;
}

/** `orders_total per sessions_total: canary 1.2% against 2.4% of stable (-50%)`. */
function seen(judged: BusinessJudged, printEvents: (counts: Counts) => string = printRate): string {
  const { state, context } = judged;
  const sli = sliOf(context);
  if (sli.paired === true) {
    const { total, bad } = state.all.canary;
    return `of ${printCount(total)} prompts that differ the canary is worse in ${printCount(bad)}`;
  }
  const what = `${eventsOf(sli)} per ${sli.exposure.metric}`;
  const { canary, stable } = state.all;
  // What one event is worth differs: a range of values comes from their ticks alone.
  const print = sli.value === undefined ? printEvents : printRate;
  const text = `${what}: canary ${print(canary)}, stable ${print(stable)}`;
  if (sli.value === undefined) return text;
  const interval = ratioInterval(state.pairs, { alpha: context.alpha ?? ALPHA, best: PAIRS.best });
  if (interval === undefined || state.pairs.ticks < PAIRS.least) return text;
  const percent = (ratio: number) => `${Number(((ratio - 1) * 100).toPrecision(2))}%`;
  return `${text}; difference ${percent(interval.ratio)} (${percent(interval.low)} to ${percent(interval.high)})`;
}

function printRate({ total, bad }: Counts): string {
  return String(total > 0 ? Number((bad / total).toPrecision(3)) : 0);
}
