import { solve } from './brent.ts';

/**
 * Mann-Whitney test as Kayenta's judge does it: R's `wilcox.test` with asymptotic intervals, whose limits are roots of a
 * step function. Where healthy failure rates tie at 0 the solver's accuracy decides, so it is Kayenta's own.
 */

/** Two-sided 98 % of the standard normal distribution: constant in the judge. */
export const Z98 = 2.3263478740408408;

export interface Shift {
  /** Hodges-Lehmann shift of the experiment against the control, and its confidence limits. */
  estimate: number;
  lower: number;
  upper: number;
}

/** The standardised rank sum of `experiment − mu` among both, with continuity correction; it falls as mu grows. */
export function standardised(experiment: readonly number[], control: readonly number[], mu: number): number {
  const [m, n] = [experiment.length, control.length];
  const all = [...experiment.map((value) => value - mu), ...control].map((value, index) => ({ value, index }));
  all.sort((a, b) => a.value - b.value);
  let ranks = 0;
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const mean = (from + 1 + to) / 2;
    for (const { index } of all.slice(from, to)) if (index < m) ranks += mean;
    ties += (to - from) ** 3 - (to - from);
    from = to;
  }
  const deviation = ranks - (m * (m + 1)) / 2 - (m * n) / 2;
  const sigma = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  // All tied: the judge's source throws here, and its callers never come with a single value.
  return sigma === 0 ? 0 : (deviation - 0.5 * Math.sign(deviation)) / sigma;
}

export function shiftOf(experiment: readonly number[], control: readonly number[]): Shift {
  const min = Math.min(...experiment) - Math.max(...control);
  const max = Math.max(...experiment) - Math.min(...control);
  const root = (quantile: number): number => {
    const height = (mu: number) => standardised(experiment, control, mu) - quantile;
    if (height(min) <= 0) return min;
    if (height(max) >= 0) return max;
    return solve(height, { min, max });
  };
  return { estimate: root(0), lower: root(Z98), upper: root(-Z98) };
}
