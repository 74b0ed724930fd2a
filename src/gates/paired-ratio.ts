import type { Counts } from '#core/gate.ts';
import { WINSOR } from './bounds.ts';
import type { ArmCounts } from './samples.ts';

/**
 * Ratio of two sums, canary's value per exposure over stable's, from pairs of increments of the same tick.
 *
 * With y and n of a tick, A = y_c·n_s/(n_c+n_s) and B = y_s·n_c/(n_c+n_s) are what each arm earned, scaled to the other's
 * exposure, so R = ΣA/ΣB is the ratio that Mantel and Haenszel give: a day that rises and falls, and a weight that moves,
 * change both alike. The unit is the tick and never the request: users who buy twice do it in the same minute.
 */
export interface PairedSums {
  /** Ticks in which both arms were exposed and either earned something. */
  readonly ticks: number;
  readonly canary: number;
  readonly stable: number;
  /** ΣA², ΣB², ΣAB. */
  readonly canarySquares: number;
  readonly stableSquares: number;
  readonly products: number;
}

export const noPairs: PairedSums = {
  ticks: 0,
  canary: 0,
  stable: 0,
  canarySquares: 0,
  stableSquares: 0,
  products: 0,
};

/** Takes one tick; `bad` holds the value that was earned. */
export function foldPair(sums: PairedSums, { canary, stable }: ArmCounts): PairedSums {
  const exposed = canary.total + stable.total;
  if (canary.total <= 0 || stable.total <= 0 || canary.bad + stable.bad <= 0) return sums;
  const a = (canary.bad * stable.total) / exposed;
  const b = (stable.bad * canary.total) / exposed;
  return {
    ticks: sums.ticks + 1,
    canary: sums.canary + a,
    stable: sums.stable + b,
    canarySquares: sums.canarySquares + a * a,
    stableSquares: sums.stableSquares + b * b,
    products: sums.products + a * b,
  };
}

/** Variance of A − m·B over the ticks. */
function spreadOf({ ticks, canary, stable, ...sums }: PairedSums, m: number): number {
  const mean = (canary - m * stable) / ticks;
  const squares = sums.canarySquares - 2 * m * sums.products + m * m * sums.stableSquares;
  return Math.max(0, (squares - ticks * mean * mean) / Math.max(1, ticks - 1));
}

/**
 * ln E against "the ratio is m": the asymptotic confidence sequence of Waudby-Smith et al. (Annals of Statistics 2024,
 * eq. 9) turned round. It excludes m at level α, at whatever tick one looks, where ln E ≥ ln(1/α). Positive when the
 * ratio is below m, and the sign turned when it is above. 0 before anything is known.
 */
export function logPairEvidence(sums: PairedSums, m: number, tuning: Tuning): { below: number; above: number } {
  const gap = sums.canary - m * sums.stable;
  const spread = spreadOf(sums, m);
  if (sums.ticks < 2 || spread <= 0) return { below: 0, above: 0 };
  const logE = logNormalEvidence(gap ** 2 / spread, sums.ticks, tuning);
  // On the wrong side of m all evidence is against the claim.
  return gap < 0 ? { below: logE, above: Math.min(0, -logE) } : { below: Math.min(0, -logE), above: logE };
}

export interface Tuning {
  alpha: number;
  /** The number of units at which the sequence is narrowest. */
  best: number;
}

/** t² of eq. 9: the mixture that is narrowest at `best` units. */
function mixture({ alpha, best }: Tuning): number {
  return (-2 * Math.log(alpha) + Math.log1p(-2 * Math.log(alpha))) / best;
}

/** ln E of a sum whose square in units of the variance of one unit is `square`, after `units` of them. */
export function logNormalEvidence(square: number, units: number, tuning: Tuning): number {
  const t2 = mixture(tuning);
  return (square * t2) / (2 * (units * t2 + 1)) - Math.log(units * t2 + 1) / 2;
}

/** Half the width of the confidence sequence around an estimate with this variance, taken over `units` units. */
export function halfWidth(variance: number, units: number, tuning: Tuning): number {
  const grown = units * mixture(tuning) + 1;
  const reach = (2 * grown * Math.log(Math.sqrt(grown) / tuning.alpha)) / (units * units * mixture(tuning));
  return Math.sqrt(variance * units * reach);
}

/** Variance of a ratio of two means by the delta method; all variances are of the means. */
export function ratioVariance(
  top: { mean: number; variance: number },
  bottom: { mean: number; variance: number },
  covariance = 0,
): number {
  const ratio = top.mean / bottom.mean;
  return (top.variance + ratio ** 2 * bottom.variance - 2 * ratio * covariance) / bottom.mean ** 2;
}

export interface RatioInterval {
  ratio: number;
  variance: number;
  low: number;
  high: number;
}

/** The ratio with its confidence sequence, for people; undefined while stable earned nothing. */
export function ratioInterval(sums: PairedSums, tuning: Tuning): RatioInterval | undefined {
  if (sums.stable <= 0 || sums.ticks < 2) return undefined;
  const { ticks } = sums;
  const [top, bottom] = [sums.canary / ticks, sums.stable / ticks];
  const ofMean = (products: number, mean: number) => (products / ticks - mean) / (ticks - 1);
  const variance = ratioVariance(
    { mean: top, variance: ofMean(sums.canarySquares, top ** 2) },
    { mean: bottom, variance: ofMean(sums.stableSquares, bottom ** 2) },
    ofMean(sums.products, top * bottom),
  );
  const ratio = top / bottom;
  const half = halfWidth(Math.max(0, variance), ticks, tuning);
  return { ratio, variance, low: ratio - half, high: ratio + half };
}

/** What stable earned per exposure so far, and how much that differs, for the cap on single ticks. */
export interface Scale {
  readonly ticks: number;
  readonly exposure: number;
  readonly value: number;
  /** Σ (y − R·n)²/n, with the R known before each tick. */
  readonly spread: number;
}

export const noScale: Scale = { ticks: 0, exposure: 0, value: 0, spread: 0 };

export function foldScale(scale: Scale, { total, bad }: Counts): Scale {
  if (total <= 0) return scale;
  const rate = scale.exposure > 0 ? scale.value / scale.exposure : bad / total;
  return {
    ticks: scale.ticks + 1,
    exposure: scale.exposure + total,
    value: scale.value + bad,
    spread: scale.spread + (bad - rate * total) ** 2 / total,
  };
}

/**
 * One giant order is not the release's doing: what a tick earned is cut at so many standard deviations above what its
 * exposure lets expect. Both arms by the same rule, known before the tick and wider for fewer exposures, as chance is.
 */
export function winsorise({ canary, stable }: ArmCounts, scale: Scale): ArmCounts {
  if (scale.ticks < WINSOR.leastTicks) return { canary, stable };
  const rate = scale.value / scale.exposure;
  const deviation = Math.sqrt(scale.spread / scale.ticks);
  const cut = ({ total, bad }: Counts): Counts => ({
    total,
    bad: Math.min(bad, rate * total + WINSOR.deviations * deviation * Math.sqrt(total)),
  });
  return { canary: cut(canary), stable: cut(stable) };
}
