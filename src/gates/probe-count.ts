import type { Counts, GateContext, ProbeSli } from '#core/gate.ts';
import type { ProbeOutcome } from '#core/probe.ts';
import { assert } from '#lib/assert.ts';
import { WHOLE } from '#lib/units.ts';
import { LATE_EVERY_MS, PROBES } from './bounds.ts';
import { addArm, addCounts, missesNow, noCounts } from './burn.ts';
import { foldStopTest } from './eprocess.ts';
import { bet, scaledToWeight } from './probe-rate.ts';
import type { ProbeGate } from './probe-state.ts';
import type { ArmCounts } from './samples.ts';

export function sliOf({ gate }: GateContext): ProbeSli {
  const { sli } = gate.slo;
  assert(sli.kind === 'probe', 'a gate of probes judges a probe SLI');
  return sli;
}

/** The failure rate that nobody is blamed for, however clean stable is. */
export function failuresAllowed({ passRate }: ProbeSli): number {
  // Hundredths of a thousandth are the least that can be written: 1 − 0.95 is to be 0.05.
  return passRate === undefined ? PROBES.floor : Number((1 - passRate).toFixed(5));
}

/**
 * Does the arm fail more now than may be expected of it? Probes that stable never answered well are its usual state and
 * no outage: what it did since the attempt began counts, where that is more than is allowed anyway.
 */
export function failsNow({ all: { stable }, recent }: ProbeGate, arm: keyof ArmCounts, sli: ProbeSli): boolean {
  const usual = stable.total > 0 ? stable.bad / stable.total : 0;
  return missesNow(recent, arm, 1 - Math.max(failuresAllowed(sli), usual));
}

/** What must be excluded before the next weight: an excess over stable, or with a pass rate a rate of failures. */
export function failuresToExclude(sli: ProbeSli, { nextWeight }: GateContext): number {
  const share = sli.passRate === undefined ? sli.tolerate : failuresAllowed(sli);
  return scaledToWeight(share, nextWeight === undefined ? undefined : nextWeight / WHOLE);
}

/** Takes what one check was answered in one round. */
export function countOutcome(state: ProbeGate, outcome: ProbeOutcome, context: GateContext): ProbeGate {
  const cluster = clusterOf(outcome);
  const { canary, stable } = cluster;
  const counted = {
    ...state,
    ...newest(state, outcome, context),
    all: addCounts(state.all, cluster),
    ...later(state, canary),
  };
  const both = canary.total > 0 && stable.total > 0;
  const paired = both ? countPair(counted, cluster, outcome) : counted;
  if (!context.arrived || outcome.stepEpoch !== context.stepEpoch) return paired;
  const step = addCounts(state.step, cluster);
  if (!both) return { ...paired, step };
  const excess = failuresToExclude(sliOf(context), context);
  return { ...paired, step, bets: bet(state.bets, canary.bad - stable.bad, excess) };
}

function later({ late: [newest, before] }: ProbeGate, canary: Counts): Pick<ProbeGate, 'late'> {
  return { late: [addArm(newest, canary), addArm(before, canary)] };
}

/** Begins the starts of the stop test that are due when a tick begins: what it holds must not decide that. */
export function beginStarts(state: ProbeGate): ProbeGate {
  const starts = Math.max(state.starts, Math.floor((state.at - state.startedAt) / LATE_EVERY_MS));
  if (starts === state.starts) return state;
  const { canary: none } = noCounts;
  return { ...state, starts, late: [none, starts === state.starts + 1 ? state.late[0] : none] };
}

/** All samples of a round as one answer: their mean. */
export function clusterOf({ canary, stable }: Pick<ProbeOutcome, 'canary' | 'stable'>): ArmCounts {
  return { canary: meanOf(canary), stable: meanOf(stable) };
}

function meanOf({ total, bad }: Counts): Counts {
  return total > 0 ? { total: 1, bad: Math.min(1, Math.max(0, bad / total)) } : noCounts.canary;
}

function newest(
  { passed, fault, canaryAt, stableAt }: ProbeGate,
  outcome: ProbeOutcome,
  context: GateContext,
): Pick<ProbeGate, 'passed' | 'fault' | 'canaryAt' | 'stableAt'> {
  const { canary, stable, at } = outcome;
  const index = sliOf(context).checks.indexOf(outcome.check);
  const known = Math.floor(passed / 2 ** index) % 2 === 1;
  const right = canary.bad < canary.total && index >= 0;
  return {
    passed: right && !known ? passed + 2 ** index : passed,
    fault: outcome.fault ?? fault,
    canaryAt: canary.total > 0 ? Math.max(canaryAt, at) : canaryAt,
    stableAt: stable.total > 0 ? Math.max(stableAt, at) : stableAt,
  };
}

/**
 * Of pairs only those count in which the arms differ, and each of them falls on the canary or on stable: two arms of
 * equal exposure, so that θ(1) = ½.
 */
function countPair(state: ProbeGate, { canary, stable }: ArmCounts, { at }: ProbeOutcome): ProbeGate {
  if (canary.bad === stable.bad) return state;
  const worse = canary.bad > stable.bad ? 1 : 0;
  const pair = { canary: { total: 1, bad: worse }, stable: { total: 1, bad: 1 - worse } };
  const { startedAt, stop } = state;
  const next = foldStopTest(stop, pair, Math.max(0, at - startedAt));
  return { ...state, worse: state.worse + worse, better: state.better + 1 - worse, stop: next };
}
