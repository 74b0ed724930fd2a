import { printCount, printShare } from '#core/figures.ts';
import type { Cause, Evidence, GateContext, GateReading, ProbeSli, Verdict } from '#core/gate.ts';
import { formatDuration, type Millis } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { sumRecent } from './burn.ts';
import { early } from './count-verdict.ts';
import { printBadRange } from './print-range.ts';
import { failsNow, failuresToExclude, sliOf } from './probe-count.ts';
import { mostFailing } from './probe-rate.ts';
import type { ProbeGate } from './probe-state.ts';

export interface Judged {
  state: ProbeGate;
  context: GateContext;
  evidence: Evidence;
  stable: GateReading['stable'];
  now: Millis;
}

interface Answer {
  verdict: Verdict;
  cause?: Cause;
  message: string;
}

/** Ranges are tightest at so many answers: there are fewer of them than requests. */
const FEW = { tunedFor: 50 };

/** The first rule that has an answer gives it. */
export function probeVerdict(judged: Judged): Answer {
  const rules = [stopped, unanswered, old, alone, shared, unproven, notDue, proved];
  for (const rule of rules) {
    const answer = rule(judged);
    if (answer !== undefined) return answer;
  }
  return unproved(judged);
}

/**
 * Stable by its own answers of the last minutes. It is not known before the canary has answered every check rightly
 * once: a first raise asks for this, and no user shall meet a canary that cannot.
 */
export function stableAnswers({ state, context, now }: Omit<Judged, 'evidence' | 'stable'>): GateReading['stable'] {
  const sli = sliOf(context);
  if (isOld(state.canaryAt, context, now) || isOld(state.stableAt, context, now)) return 'Unknown';
  if (failsNow(state, 'stable', sli)) return 'Misses';
  return missing(state, sli).length > 0 ? 'Unknown' : 'Meets';
}

/** Checks that the canary has not answered rightly yet. */
function missing({ passed }: ProbeGate, { checks }: ProbeSli): string[] {
  return checks.filter((_, index) => Math.floor(passed / 2 ** index) % 2 === 0);
}

function stopped({ state, context, evidence }: Judged): Answer | undefined {
  if (state.firedAt === undefined) return undefined;
  const line = `log evidence ${evidence.stopLogE.toFixed(2)}, limit ${evidence.stopLimit.toFixed(2)}`;
  const message = `probes say that the canary is worse than stable: ${compared(state, context)}; ${line}${faultOf(state)}`;
  return { verdict: 'Fail', cause: 'Worse', message };
}

function compared({ all, worse, better }: ProbeGate, context: GateContext): string {
  if (sliOf(context).paired !== true)
    return `${printBadRange(all.canary, FEW)} against ${printBadRange(all.stable, FEW)}`;
  return `of ${printCount(worse + better)} answers that differ the canary's is the worse in ${printCount(worse)}`;
}

function faultOf({ fault }: ProbeGate): string {
  return fault === '' ? '' : `; last ${fault}`;
}

function unanswered({ state, context }: Judged): Answer | undefined {
  if (state.all.canary.total > 0 && state.loaded === undefined) return undefined;
  const message = `no probe of suite ${sliOf(context).suite} was answered by the canary yet`;
  return { verdict: 'NoData', cause: 'CatchingUp', message };
}

function old({ state, context, now }: Judged): Answer | undefined {
  if (!isOld(state.canaryAt, context, now)) return undefined;
  const { suite } = sliOf(context);
  const message = `the canary answered no probe of suite ${suite} for ${formatDuration(ageLimit(context))}: no pod of it is there to be asked, or the suite has no such check any more`;
  return { verdict: 'NoData', cause: 'Stale', message };
}

function isOld(answeredAt: Millis, context: GateContext, now: Millis): boolean {
  return now - answeredAt > ageLimit(context);
}

/** An answer comes up to a tick late to the gate. */
function ageLimit(context: GateContext): Millis {
  return STALE_SCRAPES * (sliOf(context).everyMs + context.tickMs);
}

function alone({ state, context, now }: Judged): Answer | undefined {
  if (!isOld(state.stableAt, context, now)) return undefined;
  const message = `no stable pod answered a probe of suite ${sliOf(context).suite} for ${formatDuration(ageLimit(context))}: there is nothing to compare with`;
  return { verdict: 'NoData', cause: 'NoTraffic', message };
}

function shared({ state, context, stable }: Judged): Answer | undefined {
  if (stable !== 'Misses') return undefined;
  const recent = sumRecent(state.recent);
  const seen = `stable fails probes too: ${printBadRange(recent.stable, FEW)} in the last five minutes`;
  if (!failsNow(state, 'canary', sliOf(context))) return { verdict: 'Inconclusive', message: seen };
  const message = `shared outage: ${seen}, and the canary ${printBadRange(recent.canary, FEW)}; nobody is blamed`;
  return { verdict: 'Inconclusive', cause: 'BothArmsBad', message };
}

function unproven({ state, context }: Judged): Answer | undefined {
  const [first, ...more] = missing(state, sliOf(context));
  if (first === undefined) return undefined;
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  const message = `the canary has not passed check ${first}${others} yet${faultOf(state)}`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}

function notDue({ context }: Judged): Answer | undefined {
  return early(context);
}

function proved({ state, context, evidence }: Judged): Answer | undefined {
  const { step, advanceLogE, advanceLimit } = evidence;
  // Not a number, and no answer at all, are below every line.
  if (!(advanceLogE >= advanceLimit && step.canary.total > 0)) return undefined;
  return { verdict: 'Pass', message: `${claimOf(context)} is excluded: ${arms(state, context, evidence)}` };
}

function unproved({ state, context, evidence }: Judged): Answer {
  const line = `log evidence ${evidence.advanceLogE.toFixed(2)} of ${evidence.advanceLimit.toFixed(2)}`;
  const message = `not yet excluded: ${claimOf(context)}; ${arms(state, context, evidence)}, ${line}`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}

/** What the advance test has to exclude. */
function claimOf(context: GateContext): string {
  const sli = sliOf(context);
  const share = failuresToExclude(sli, context);
  return sli.passRate === undefined
    ? `an excess of wrong answers of ${printShare(share)} over stable`
    : `a pass rate below ${printShare(1 - share)}`;
}

function arms({ step: { canary, stable } }: ProbeGate, context: GateContext, { advanceLimit }: Evidence): string {
  const right = ({ total, bad }: { total: number; bad: number }) =>
    `${printCount(total - bad)} of ${printCount(total)}`;
  const shown = `the canary passed ${right(canary)} at this step, stable ${right(stable)}`;
  if (sliOf(context).passRate === undefined || canary.total === 0) return shown;
  return `${shown}, its pass rate is at least ${printShare(1 - mostFailing(canary, advanceLimit))}`;
}
