import type { Counts, GateContext, GateReading, LatencySli, Slo } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import { ALPHA } from './bounds.ts';
import { type CountRules, type CountSight, foldCounts } from './count.ts';
import { defineGate } from './define.ts';
import { temperOf } from './dispersion.ts';
import { logEvidence, stopLimit } from './eprocess.ts';
import {
  type Counted,
  countTick,
  fire,
  isDarkable,
  ofUsers,
  pendingSilence,
  podCounts,
  renew,
  withoutGone,
} from './error-count.ts';
import { judgeErrors } from './errors.ts';
import { chooseBounds, pastOf, placeOf } from './latency-bounds.ts';
import { noSuchBound, printBound, whySlower } from './latency-message.ts';
import { type LatencyGate, loadLatencyGate, saveLatencyGate, startLatencyGate, withBounds } from './latency-state.ts';
import { foldBoundTest, strongestBound } from './latency-stop.ts';
import { stepsOfLatency } from './patience.ts';
import type { Arm, ArmCounts, PodInfo, TickSamples } from './samples.ts';

const rules: CountRules<LatencyGate> = {
  renew(state, context) {
    const renewed = renew(state, context);
    if (renewed === state) return state;
    const { fired: _, ...bare } = state;
    return { ...bare, ...renewed, ...(state.epoch === context.epoch ? {} : withBounds([])) };
  },
  count(state, sight, context) {
    const { tick, pods, reading } = sight;
    const { threshold } = latencyOf(context).sli;
    const known = withoutGone(chosen(state, sight, threshold), pods, context);
    const slow = slowAt(known, sight, context);
    const tickMs = tick.at - state.at;
    const temper = temperOf(state.dispersion);
    const foldStop: Counted['foldStop'] = (stop, elapsedMs) =>
      foldBoundTest(stop, { counts: slow, elapsedMs, tickMs, temper });
    const place = placeOf(tick.names, threshold);
    const counts = requestsAt(place, sight);
    const byPod = podCounts(sight, (sums) => slowIn(sums, place));
    const tickCounts = { at: tick.at, counts, canaryUnknown: reading.canaryUnknown, byPod, foldStop };
    const counted = { ...known, ...countTick(known, tickCounts, context) };
    const next: LatencyGate = { ...counted, slower: addSlower(known.slower, slow) };
    const excess = excessAt(next, stopLimit(context.alpha ?? ALPHA));
    return { ...next, ...fire(next, { at: tick.at, dark: isDarkable(tick, pods, context), excess }, context) };
  },
  wait(state, sight, context) {
    if (!isDarkable(sight.tick, sight.pods, context)) return state;
    const counts = requestsAt(placeOf(sight.tick.names, latencyOf(context).sli.threshold), sight);
    return { ...state, ...pendingSilence(state, { ...sight, counts }, context) };
  },
};

/** The bounds of an attempt are chosen before its first tick is counted, by what stable did until then. */
function chosen(state: LatencyGate, { tick, pods }: CountSight, threshold: number): LatencyGate {
  if (state.bounds.length > 0 || state.look === undefined) return state;
  const past = pastOf(state.look, { pods, names: tick.names });
  return { ...state, ...withBounds(chooseBounds(past, threshold)) };
}

/** Undefined where a bound is in no tick, or newly in it: what was under it before is not known. */
function slowAt({ bounds, look }: LatencyGate, sight: CountSight, context: GateContext): (ArmCounts | undefined)[] {
  const now = sight.tick.names;
  const before = look !== undefined && look.bases.size > 0 ? look.names : now;
  return bounds.map((bound) => {
    const place = placeOf(now, bound);
    return place < 0 || placeOf(before, bound) < 0 ? undefined : ofUsers(requestsAt(place, sight), context);
  });
}

/** Requests, and those slower than the bound at `place` as the bad ones. */
function requestsAt(place: number, { reading }: CountSight): ArmCounts {
  return { canary: slowIn(reading.sums.canary, place), stable: slowIn(reading.sums.stable, place) };
}

function slowIn([total = 0, ...upTo]: readonly number[], place: number): Counts {
  return { total, bad: Math.min(total, Math.max(0, total - (upTo[place - 1] ?? 0))) };
}

function addSlower(slower: LatencyGate['slower'], ticks: readonly (ArmCounts | undefined)[]): LatencyGate['slower'] {
  const add = (arm: Arm) => slower[arm].map((sum, index) => Math.fround(sum + (ticks[index]?.[arm].bad ?? 0)));
  return { canary: add('canary'), stable: add('stable') };
}

/** How much larger the canary's share of slow requests is at the bound with the most evidence, once that decides. */
function excessAt({ stop, all, slower }: LatencyGate, limit: number): number {
  if (logEvidence(stop) < limit) return 0;
  const strongest = strongestBound(stop);
  const share = (arm: Arm) => (slower[arm][strongest] ?? 0) / Math.max(1, all[arm].total);
  return share('canary') - share('stable');
}

function latencyOf({ gate: { slo } }: GateContext): Slo & { sli: LatencySli } {
  assert(slo.sli.kind === 'latency', 'the latency gate judges latencies');
  return { ...slo, sli: slo.sli };
}

/** Folds one tick of samples into the gate's state. Pure. */
export function foldLatencyTick(
  state: LatencyGate,
  tick: TickSamples,
  pods: readonly PodInfo[],
  context: GateContext,
): LatencyGate {
  const { sli, name } = latencyOf(context);
  // A tick without any sample has no buckets to name: it is silent, not wrong.
  if (tick.samples.length === 0) {
    return foldCounts(state, { ...tick, names: state.look?.names ?? tick.names }, { pods, context, rules });
  }
  if (placeOf(tick.names, sli.threshold) < 0) {
    const message = noSuchBound(tick.names, sli, name);
    return tick.at <= state.at ? state : { ...state, problem: { verdict: 'Error', cause: 'BadQuery', message } };
  }
  return foldCounts(state, tick, { pods, context, rules });
}

/** What the latency gate says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeLatency(state: LatencyGate, context: GateContext, now: Millis): GateReading {
  const current = rules.renew(state, context);
  const reading = judgeErrors(current, context, now);
  const slo = latencyOf(context);
  if (reading.verdict === 'Fail' && reading.cause === 'Worse') {
    return { ...reading, message: whySlower(current, slo, stopLimit(context.alpha ?? ALPHA)) };
  }
  const { verdict } = reading;
  if (verdict === 'Error' || verdict === 'NoData') return reading;
  return { ...reading, message: `${reading.message}; bad is slower than ${printBound(slo.sli.threshold, slo.sli)}` };
}

export const latency = defineGate<LatencyGate>({
  kind: 'latency',
  sli: 'latency',
  doc: 'Share of slow requests, canary against stable at every bucket bound and against the objective.',
  stepsMs: stepsOfLatency,
  start: startLatencyGate,
  fold: foldLatencyTick,
  judge: judgeLatency,
  save: saveLatencyGate,
  load: loadLatencyGate,
});
