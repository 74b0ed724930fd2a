import type { Millis } from '#lib/units.ts';
import { ALPHA, EXCESS_FLOOR, LATE_EVERY_MS, LATE_SHARE, LATE_SPREAD, RATIOS, TOLERATED_RATIO } from './bounds.ts';
import type { ArmCounts } from './samples.ts';

/**
 * Stop test: is the canary's error rate above stable's?
 *
 * H0: at every moment the canary fails at most r0 times as often as stable, while stable's rate moves as it likes. Given
 * the requests of both arms and all failures of a tick, each failure falls on the canary with probability
 * θ(r) = r·n_c / (r·n_c + n_s), where r is the true ratio. For an alternative R the tick's likelihood ratio is
 *
 *     ln L_R = e_c·ln(θ(r0·R)/θ(r0)) + e_s·ln((1−θ(r0·R))/(1−θ(r0)))
 *            = e_c·ln R + (e_c + e_s)·ln((r0·n_c + n_s) / (r0·R·n_c + n_s))
 *
 * Its expectation is at most 1 under H0 (exact for Poisson counts; conservative for Bernoulli counts: Hoeffding 1963), so
 * the product over ticks is an e-process, and P(ever ≥ 1/α) ≤ α (Ville 1939), at any weights and at any traffic.
 */
export interface StopTest {
  /** ln S_R for each ratio of the grid; see `foldStopTest`. */
  logs: readonly number[];
  /** Later starts that have begun. */
  starts: number;
}

export interface StopOptions {
  /** r0; default 1.1. */
  toleratedRatio?: number;
  /** Part of the evidence that starts later than the attempt; 0 is the plain test. Default ½. */
  lateShare?: number;
  /** The grid of alternatives. Default `ratios`. */
  alternatives?: readonly number[];
  /** φ ≥ 1, known before the tick: the tick's logarithms are divided by it. Default 1. */
  temper?: number;
}

/** The grid of alternatives: 16 ratios from 1.5 to 60. */
export const ratios: readonly number[] = gridOf(RATIOS);

/** `count` ratios from `least` to `most`, spaced evenly in the logarithm. */
export function gridOf({ count, least, most }: { count: number; least: number; most: number }): number[] {
  return Array.from({ length: count }, (_, index) => least * (most / least) ** (index / (count - 1)));
}

export function startStopTest({ lateShare = LATE_SHARE, alternatives = ratios }: StopOptions = {}): StopTest {
  return { logs: alternatives.map(() => Math.log(1 - lateShare)), starts: 0 };
}

/** The same test without its evidence. */
export function clearStopTest({ logs, starts }: StopTest): StopTest {
  // What had begun has seen nothing now; what is left to begin keeps its weight, so that E is 1.
  const fresh = Math.fround(Math.log(1 - LATE_SHARE * tail(starts)));
  return { logs: logs.map(() => fresh), starts };
}

/**
 * Takes one tick. `elapsedMs` is the time from the start of the test to the start of this tick: what the tick holds must
 * not decide when a later start begins.
 *
 * The mixture over starts is E = (1−h)·E⁰ + h·(Σ_{k begun} w_k·E^k + tail), where E^k has seen only what came after its
 * start and those that have not begun are 1. All terms of one ratio are multiplied by the same L_R, so their sum
 *
 *     S_R = (1−h)·E_R⁰ + h·Σ_{k begun} w_k·E_R^k
 *
 * obeys S_R ← L_R·S_R at a tick and S_R ← S_R + h·w_k when start k begins: one number per ratio, however many starts.
 */
export function foldStopTest(test: StopTest, tick: ArmCounts, elapsedMs: Millis, options: StopOptions = {}): StopTest {
  const { toleratedRatio = TOLERATED_RATIO, lateShare = LATE_SHARE, alternatives = ratios, temper = 1 } = options;
  const starts = Math.max(test.starts, Math.floor(elapsedMs / LATE_EVERY_MS));
  const begun = Math.log(lateShare * (tail(test.starts) - tail(starts)));
  const exposed = toleratedRatio * tick.canary.total;
  const stable = tick.stable.total;
  const bad = tick.canary.bad + tick.stable.bad;
  const logs = test.logs.map((log, index) => {
    const ratio = alternatives[index] ?? 1;
    const mixed = starts > test.starts ? logSum(log, begun) : log;
    if (bad === 0 || exposed === 0) return mixed;
    const gain = tick.canary.bad * Math.log(ratio) + bad * Math.log((exposed + stable) / (exposed * ratio + stable));
    return mixed + gain / temper;
  });
  return { logs, starts };
}

/** ln E: the logarithm of the evidence that the canary is worse. */
export function logEvidence(test: StopTest, { lateShare = LATE_SHARE }: StopOptions = {}): number {
  const most = Math.max(...test.logs);
  const sum = test.logs.reduce((total, log) => total + Math.exp(log - most), 0);
  return logSum(most + Math.log(sum / test.logs.length), Math.log(lateShare * tail(test.starts)));
}

/** Whether `logEvidence` has reached the limit. Most tests are far from it, and the largest term alone shows that. */
export function reaches(test: StopTest, limit: number): boolean {
  const most = logSum(Math.max(...test.logs), Math.log(LATE_SHARE * tail(test.starts)));
  return most >= limit && logEvidence(test) >= limit;
}

/** The line that `logEvidence` must reach to stop a release: ln(1/α). */
export function stopLimit(alpha: number = ALPHA): number {
  return -Math.log(alpha);
}

/** An extra AND, which never adds a false stop: the excess error ratio must matter to somebody. */
export function matters(excess: number): boolean {
  return excess > EXCESS_FLOOR;
}

/** Weight of the later starts that have not begun after `starts` of them. */
export function tail(starts: number): number {
  return LATE_SPREAD / (starts + LATE_SPREAD);
}

/** ln(eᵃ + eᵇ) without overflow. */
export function logSum(a: number, b: number): number {
  const [most, least] = a > b ? [a, b] : [b, a];
  return least === Number.NEGATIVE_INFINITY ? most : most + Math.log1p(Math.exp(least - most));
}
