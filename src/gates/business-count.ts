import type { BusinessSli, Counts, GateContext } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import { WHOLE } from '#lib/units.ts';
import { BETA, DIPS, MAX_REGRESSION, RISES } from './bounds.ts';
import { gridOf, type StopOptions } from './eprocess.ts';
import type { ArmCounts } from './samples.ts';

/**
 * Business events as counts. In `Counts` of this gate `total` holds the exposures and `bad` the events or the value: the
 * arithmetic of the stop test does not care which way is the wrong one.
 */
export function sliOf({ gate }: GateContext): BusinessSli {
  const { sli } = gate.slo;
  assert(sli.kind === 'business', 'a business gate judges a business SLI');
  return sli;
}

const dips = Array.from({ length: DIPS.count }, (_, index) => 1 - (DIPS.most * (index + 1)) / DIPS.count);
const rises = gridOf(RISES);

/**
 * The stop test of errors with the sign turned. H0: the canary's events per exposure are at least 1 − tolerate times
 * stable's (at most 1 + tolerate times, where more is worse), at every moment, while stable's move as they like.
 */
export function stopOptions(sli: BusinessSli, temper: number): StopOptions {
  return {
    toleratedRatio: marginOf(sli.worse, sli.tolerate),
    alternatives: sli.worse === 'Lower' ? dips : rises,
    temper,
  };
}

/** The ratio of canary to stable that a relative regression leads to. */
export function marginOf(worse: BusinessSli['worse'], regression: number): number {
  return worse === 'Lower' ? 1 - regression : 1 + regression;
}

/**
 * The regression that must be excluded before the next weight w′ is allowed: what it would cost all users together,
 * regression × weight, stays below what is tolerated of a release that serves all of them.
 */
export function regressionToExclude(
  { worse, tolerate }: BusinessSli,
  { nextWeight }: Pick<GateContext, 'nextWeight'>,
): number {
  const scaled = nextWeight === undefined || nextWeight <= 0 ? tolerate : tolerate / (nextWeight / WHOLE);
  return worse === 'Lower' ? Math.max(tolerate, Math.min(MAX_REGRESSION, scaled)) : scaled;
}

/**
 * Advance test: ln of the likelihood ratio of "canary = stable" against "canary = m · stable", given the tick's exposures
 * and all of its events. A canary that is worse than m expects at most 1, as for the stop test; nothing is plugged in.
 */
export function advanceGain({ canary, stable }: ArmCounts, m: number): number {
  const events = canary.bad + stable.bad;
  if (canary.total <= 0 || stable.total <= 0 || events <= 0) return 0;
  const exposed = canary.total + stable.total;
  return -canary.bad * Math.log(m) - events * Math.log(exposed / (m * canary.total + stable.total));
}

/** The line that the advance test must reach. Trying the same revision again has its price. */
export function betaOf({ attempt }: GateContext): number {
  return BETA / 2 ** (attempt - 1);
}

/** Canary exposures until a regression to `m` times stable's rate is excluded, on average, while there is none. */
export function exposuresToExclude({ stable, share, m, beta = BETA }: ExclusionQuestion): number {
  if (stable.total <= 0 || stable.bad <= 0 || share <= 0 || share >= 1) return Number.POSITIVE_INFINITY;
  const tilted = (m * share) / (m * share + 1 - share);
  const perEvent = share * Math.log(share / tilted) + (1 - share) * Math.log((1 - share) / (1 - tilted));
  const eventsPerExposure = stable.bad / stable.total / share;
  return Math.log(1 / beta) / (perEvent * eventsPerExposure);
}

export interface ExclusionQuestion {
  stable: Counts;
  /** The canary's share of the exposures, above 0 and below 1. */
  share: number;
  m: number;
  beta?: number;
}
