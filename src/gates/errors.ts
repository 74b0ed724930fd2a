import type { Counts, GateContext, GateReading } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { type CountRules, type CountSight, foldCounts } from './count.ts';
import { defineGate } from './define.ts';
import {
  countTick,
  evidenceOf,
  fire,
  isDarkable,
  pendingSilence,
  podCounts,
  renew,
  withoutGone,
} from './error-count.ts';
import { type ErrorGate, loadErrorGate, saveErrorGate, startErrorGate } from './error-state.ts';
import { stableNow, verdictOf } from './error-verdict.ts';
import { countsOf } from './evidence.ts';
import { stepsOfErrors } from './patience.ts';
import type { ArmCounts, PodInfo, TickSamples } from './samples.ts';

const rules: CountRules<ErrorGate> = {
  renew,
  count(state, sight, context) {
    const { reading, tick, pods } = sight;
    const { canaryUnknown } = reading;
    const byPod = podCounts(sight, (sums) => requestsIn(sums, sight));
    const known = withoutGone(state, pods, context);
    const counted = countTick(known, { at: tick.at, counts: requestsOf(sight), canaryUnknown, byPod }, context);
    return fire(counted, { at: tick.at, dark: isDarkable(tick, pods, context) }, context);
  },
  wait(state, sight, context) {
    const counts = requestsOf(sight);
    return isDarkable(sight.tick, sight.pods, context) ? pendingSilence(state, { ...sight, counts }, context) : state;
  },
};

/** The second counter holds the good events, or the bad ones. */
function requestsOf({ reading, tick }: CountSight): ArmCounts {
  return countsOf(reading.sums, tick.names[1] === 'good');
}

function requestsIn(sums: readonly number[], { tick }: CountSight): Counts {
  return countsOf({ canary: sums, stable: [] }, tick.names[1] === 'good').canary;
}

/** Folds one tick of samples into the gate's state. Pure. */
export function foldErrorTick(
  state: ErrorGate,
  tick: TickSamples,
  pods: readonly PodInfo[],
  context: GateContext,
): ErrorGate {
  return foldCounts(state, tick, { pods, context, rules });
}

/** What the error gate says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeErrors(state: ErrorGate, context: GateContext, now: Millis): GateReading {
  const { gate, epoch, stepEpoch } = context;
  const current = renew(state, context);
  const evidence = evidenceOf(current, context);
  const judged = { state: current, context, evidence, stable: stableNow(current, context, now), now };
  const answer = verdictOf(judged);
  return { gate: gate.name, role: gate.role, epoch, stepEpoch, ...answer, stable: judged.stable, evidence };
}

export const errors = defineGate<ErrorGate>({
  kind: 'errors',
  sli: 'events',
  doc: 'Share of bad events, canary against stable and against the objective.',
  stepsMs: stepsOfErrors,
  start: startErrorGate,
  fold: foldErrorTick,
  judge: judgeErrors,
  save: saveErrorGate,
  load: loadErrorGate,
});
