import type { Counts, Evidence, GateContext, GateReading, ProbeSli } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { ALPHA, BETA, PROBES } from './bounds.ts';
import { addCounts, foldRecent, noCounts } from './burn.ts';
import { betaOf } from './business-count.ts';
import { defineGate } from './define.ts';
import { logEvidence, stopLimit } from './eprocess.ts';
import {
  beginStarts,
  clusterOf,
  countOutcome,
  failsNow,
  failuresAllowed,
  failuresToExclude,
  sliOf,
} from './probe-count.ts';
import { pairsToExclude, shortfallLogE, winnings, worseLogE } from './probe-rate.ts';
import {
  freshAttempt,
  freshStep,
  loadProbeGate,
  type ProbeGate,
  saveProbeGate,
  startProbeGate,
} from './probe-state.ts';
import { probeVerdict, stableAnswers } from './probe-verdict.ts';
import { requestsToExclude } from './ramp.ts';
import type { PodInfo, TickSamples } from './samples.ts';

function renew(state: ProbeGate, { epoch, stepEpoch }: GateContext): ProbeGate {
  if (state.epoch !== epoch) {
    const { firedAt: _, ...rest } = state;
    return { ...rest, ...freshAttempt(), epoch, stepEpoch, startedAt: Math.max(state.at, state.startedAt) };
  }
  return state.stepEpoch === stepEpoch ? state : { ...state, ...freshStep(), stepEpoch };
}

/** Takes what was answered since the tick before. What another attempt sent says nothing of this one. */
export function foldProbeTick(
  state: ProbeGate,
  tick: TickSamples,
  _pods: readonly PodInfo[],
  context: GateContext,
): ProbeGate {
  // A gate that has folded nothing knows no time: the test begins with its first tick.
  const renewed = renew(state.at === 0 ? { ...state, startedAt: tick.at } : state, context);
  if (tick.at <= renewed.at) return renewed;
  const known = beginStarts(renewed);
  const own = (tick.probes ?? []).filter(({ epoch }) => epoch === context.epoch);
  const lately = own.map(clusterOf).reduce(addCounts, noCounts);
  const counted = own.reduce((next, outcome) => countOutcome(next, outcome, context), known);
  const { loaded, ...rest } = counted;
  const next = {
    ...rest,
    ...(loaded === undefined || lately.canary.total > 0 ? {} : { loaded }),
    at: tick.at,
    ticks: known.ticks + (own.length > 0 ? 1 : 0),
    // Dear enough not to be computed at every judgement.
    stopLogE: own.length > 0 ? finite(stopEvidence(counted, context)) : known.stopLogE,
    recent: foldRecent(known.recent, lately, tick.at),
  };
  return fires(next, context) ? { ...next, firedAt: tick.at } : next;
}

function fires(state: ProbeGate, context: GateContext): boolean {
  if (state.firedAt !== undefined || !(state.stopLogE >= limitOf(context))) return false;
  const { all } = state;
  const sli = sliOf(context);
  // An extra AND, which never adds a false stop: what is rare among many pairs matters to nobody.
  if (sli.paired === true) return rateOf(all.canary) - rateOf(all.stable) > PROBES.floor;
  // What stable fails at this moment too is no fault of the canary, whatever stable did before.
  return !failsNow(state, 'stable', sli);
}

function rateOf({ total, bad }: Counts): number {
  return total > 0 ? bad / total : 0;
}

function limitOf(context: GateContext): number {
  return stopLimit(context.alpha ?? ALPHA);
}

/** ln of the evidence that the canary is worse. */
function stopEvidence({ all, starts, late, stop }: ProbeGate, context: GateContext): number {
  const sli = sliOf(context);
  return sli.paired === true
    ? logEvidence(stop)
    : worseLogE({ canary: { all: all.canary, starts, late }, stable: all.stable }, failuresAllowed(sli));
}

/** ln of the evidence against what this step asks to exclude. */
function advanceEvidence({ step, bets }: ProbeGate, context: GateContext): number {
  const sli = sliOf(context);
  return sli.passRate === undefined ? winnings(bets) : shortfallLogE(step.canary, failuresToExclude(sli, context));
}

/** What the gate of probes says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeProbes(state: ProbeGate, context: GateContext, now: Millis): GateReading {
  const { gate, epoch, stepEpoch } = context;
  const current = renew(state, context);
  const evidence = evidenceOf(current, context);
  const stable = stableAnswers({ state: current, context, now });
  const answer = probeVerdict({ state: current, context, evidence, stable, now });
  return { gate: gate.name, role: gate.role, epoch, stepEpoch, ...answer, stable, evidence };
}

/** Answers as totals, in whole ones. No user sent them: they are no traffic and burn no budget. */
function evidenceOf(state: ProbeGate, context: GateContext): Evidence {
  const whole = ({ total, bad }: Counts): Counts => ({ total: Math.round(total), bad: Math.round(bad) });
  const { all, step } = state;
  return {
    at: state.at,
    ticks: state.ticks,
    ...{ canary: whole(all.canary), stable: whole(all.stable) },
    ...{ stopLogE: state.stopLogE, stopLimit: limitOf(context) },
    ...{ advanceLogE: finite(advanceEvidence(state, context)), advanceLimit: stopLimit(betaOf(context)) },
    advanceExcess: failuresToExclude(sliOf(context), context),
    step: { canary: whole(step.canary), stable: whole(step.stable) },
    rps: 0,
    spend: 0,
  };
}

/** Hopelessly good counts have no logarithm; records hold numbers. */
function finite(log: number): number {
  return Math.max(-1e6, log);
}

/** How long the last step needs where the canary is as good as it may be expected to be. */
export function probeForecastMs(sli: ProbeSli, attempt: number): Millis {
  const line = stopLimit(BETA / 2 ** (attempt - 1));
  const allowed = failuresAllowed(sli);
  const answers =
    sli.passRate === undefined
      ? pairsToExclude(sli.tolerate, line)
      : requestsToExclude({ base: allowed / 2, excess: allowed / 2, attempt });
  return (answers / sli.checks.length) * sli.everyMs;
}

export const probe = defineGate<ProbeGate>({
  kind: 'probe',
  sli: 'probe',
  doc: 'Answers to the requests of a ProbeSuite, sent to both arms at the same moment.',
  looksBack: false,
  stepsMs: ({ slo: { sli }, attempt }) => (sli.kind === 'probe' ? [probeForecastMs(sli, attempt)] : []),
  start: startProbeGate,
  fold: foldProbeTick,
  judge: judgeProbes,
  save: saveProbeGate,
  load: loadProbeGate,
});
