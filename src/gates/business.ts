import type { BusinessSli, Counts, Evidence, GateContext, GateReading } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { ALPHA, PAIRS } from './bounds.ts';
import { addCounts, noCounts } from './burn.ts';
import { advanceGain, betaOf, marginOf, regressionToExclude, sliOf, stopOptions } from './business-count.ts';
import {
  type BusinessGate,
  freshAttempt,
  freshStep,
  loadBusiness,
  saveBusiness,
  startBusiness,
} from './business-state.ts';
import { businessVerdict, stableExposed } from './business-verdict.ts';
import { type CountRules, type CountSight, foldCounts, isExposed } from './count.ts';
import { defineGate } from './define.ts';
import { foldDispersion, temperOf } from './dispersion.ts';
import { foldStopTest, logEvidence, startStopTest, stopLimit } from './eprocess.ts';
import { podCounts } from './error-count.ts';
import { foldPair, foldScale, logPairEvidence, type PairedSums, winsorise } from './paired-ratio.ts';
import { stepsOfBusiness } from './patience.ts';
import type { ArmCounts, PodInfo, TickSamples } from './samples.ts';

/**
 * Of paired answers only those count that differ, and each of them falls on the canary's wins or on its losses: two arms
 * of equal exposure, one with the losses and one with the wins, so that θ(1) = ½.
 */
function pairsOf([better = 0, worse = 0]: readonly number[]): ArmCounts {
  const total = better + worse;
  return { canary: { total, bad: worse }, stable: { total, bad: better } };
}

const rules: CountRules<BusinessGate> = {
  renew(state, { epoch, stepEpoch }) {
    if (state.epoch !== epoch) {
      const { firedAt: _, stop: __, ...rest } = state;
      return { ...rest, ...freshAttempt(), epoch, stepEpoch, startedAt: state.at };
    }
    return state.stepEpoch === stepEpoch ? state : { ...state, ...freshStep(), stepEpoch };
  },
  count: (state, sight, context) => fire(countTick(state, sight, context), sight.tick.at, context),
  wait: (state) => state,
};

/**
 * Events come up to a lag after their exposure, so after a change of weight the arms still get events of the old share,
 * and a canary that is given more looks worse. For one lag nothing is counted: right for any delay up to the lag, where
 * pairing events with the exposures of one lag ago is right for that delay alone, and it needs no memory of exposures.
 */
function heldUntil(state: BusinessGate, { weight, raisedAt = 0, gate, ...context }: GateContext): Millis {
  const { lagMs } = sliOf({ weight, raisedAt, gate, ...context });
  const moved = state.weight === weight ? raisedAt : Math.max(raisedAt, state.at);
  return Math.max(state.heldUntil, moved + lagMs);
}

function countTick(state: BusinessGate, sight: CountSight, context: GateContext): BusinessGate {
  const { at } = sight.tick;
  const all = yieldsOf(sight, sliOf(context));
  const tick = isExposed(context) ? all : { ...all, canary: noCounts.canary };
  const next: BusinessGate = {
    ...state,
    ticks: state.ticks + 1,
    weight: context.weight,
    heldUntil: heldUntil(state, context),
    rps: (tick.canary.total + tick.stable.total) / ((at - state.at) / 1000),
    exposedAt: tick.stable.total > 0 ? at : state.exposedAt,
    scale: foldScale(state.scale, tick.stable),
    dispersion: foldDispersion(state.dispersion, podCounts(sight, pairOf).stable, at),
  };
  // A tick that began under another weight holds events of both.
  const mixed = state.weight !== context.weight || state.at < next.heldUntil;
  if (mixed || (context.weight <= 0 && context.exposed !== true)) return next;
  return countStep(countAttempt(next, tick, state, context), tick, state, context);
}

function countAttempt(next: BusinessGate, tick: ArmCounts, before: BusinessGate, context: GateContext): BusinessGate {
  const sli = sliOf(context);
  const counted = { ...next, all: addCounts(next.all, tick) };
  if (before.firedAt !== undefined) return counted;
  if (sli.value !== undefined) return { ...counted, pairs: foldPair(next.pairs, winsorise(tick, before.scale)) };
  const options = stopOptions(sli, temperOf(before.dispersion));
  const stop = foldStopTest(before.stop ?? startStopTest(options), tick, before.at - before.startedAt, options);
  return { ...counted, stop };
}

function countStep(next: BusinessGate, tick: ArmCounts, before: BusinessGate, context: GateContext): BusinessGate {
  if (!context.arrived || before.at < (context.raisedAt ?? 0)) return next;
  const sli = sliOf(context);
  const m = marginOf(sli.worse, regressionToExclude(sli, context));
  const step = addCounts(next.step, tick);
  if (sli.value !== undefined)
    return { ...next, step, stepPairs: foldPair(next.stepPairs, winsorise(tick, before.scale)) };
  return { ...next, step, advance: next.advance + advanceGain(tick, m) / temperOf(before.dispersion) };
}

function yieldsOf({ reading: { sums } }: CountSight, { paired }: BusinessSli): ArmCounts {
  if (paired === true) return pairsOf(sums.canary);
  return { canary: pairOf(sums.canary), stable: pairOf(sums.stable) };
}

function pairOf([total = 0, bad = 0]: readonly number[]): Counts {
  return { total, bad };
}

function fire(state: BusinessGate, at: Millis, context: GateContext): BusinessGate {
  if (state.firedAt !== undefined || !(stopEvidence(state, context) >= limitOf(context))) return state;
  return { ...state, firedAt: at };
}

function limitOf(context: GateContext): number {
  return stopLimit(context.alpha ?? ALPHA);
}

/** ln of the evidence that the canary is worse than what is tolerated. */
function stopEvidence({ pairs, stop }: BusinessGate, context: GateContext): number {
  const sli = sliOf(context);
  if (sli.value === undefined) return stop === undefined ? 0 : logEvidence(stop);
  const m = marginOf(sli.worse, sli.tolerate);
  const { below, above } = pairEvidence(pairs, m, context.alpha ?? ALPHA);
  return sli.worse === 'Lower' ? below : above;
}

/** ln of the evidence that the canary is not worse by what this step asks to exclude. */
function advanceEvidence({ stepPairs, advance }: BusinessGate, context: GateContext): number {
  const sli = sliOf(context);
  if (sli.value === undefined) return advance;
  const m = marginOf(sli.worse, regressionToExclude(sli, context));
  const { below, above } = pairEvidence(stepPairs, m, betaOf(context));
  return sli.worse === 'Lower' ? above : below;
}

function pairEvidence(pairs: PairedSums, m: number, alpha: number): { below: number; above: number } {
  // The law is asymptotic: before enough pairs it holds for nothing.
  return pairs.ticks < PAIRS.least ? { below: 0, above: 0 } : logPairEvidence(pairs, m, { alpha, best: PAIRS.best });
}

export function foldBusinessTick(
  state: BusinessGate,
  tick: TickSamples,
  pods: readonly PodInfo[],
  context: GateContext,
): BusinessGate {
  return foldCounts(state, tick, { pods, context, rules });
}

/** What the business gate says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeBusiness(state: BusinessGate, context: GateContext, now: Millis): GateReading {
  const { gate, epoch, stepEpoch } = context;
  const current = rules.renew(state, context);
  const evidence = evidenceOf(current, context, sliOf(context));
  const stable = stableExposed(current, context, now);
  const answer = businessVerdict({ state: current, context, evidence, stable, now });
  return { gate: gate.name, role: gate.role, epoch, stepEpoch, ...answer, stable, evidence };
}

/** Exposures as totals. Nobody failed here, so nothing is bad; what was earned stands in the message. */
function evidenceOf(state: BusinessGate, context: GateContext, sli: BusinessSli): Evidence {
  const exposures = ({ canary, stable }: ArmCounts) => ({
    canary: { total: canary.total, bad: 0 },
    stable: { total: stable.total, bad: 0 },
  });
  const { canary, stable } = state.step;
  return {
    at: state.at,
    ticks: state.ticks,
    ...exposures(state.all),
    stopLogE: stopEvidence(state, context),
    stopLimit: limitOf(context),
    advanceLogE: advanceEvidence(state, context),
    advanceLimit: stopLimit(betaOf(context)),
    advanceExcess: regressionToExclude(sli, context),
    step: exposures(state.step),
    rps: state.rps,
    ...(canary.total + stable.total > 0 ? { share: canary.total / (canary.total + stable.total) } : {}),
    spend: 0,
  };
}

export const business = defineGate<BusinessGate>({
  kind: 'business',
  sli: 'business',
  doc: 'Events or value per exposure, canary against stable, with a tolerated relative regression.',
  stepsMs: stepsOfBusiness,
  start: startBusiness,
  fold: foldBusinessTick,
  judge: judgeBusiness,
  save: saveBusiness,
  load: loadBusiness,
});
