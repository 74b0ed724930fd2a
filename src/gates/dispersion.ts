import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { ARM_NOISE, DISPERSION } from './bounds.ts';
import type { ArmCounts } from './samples.ts';

/**
 * How much more the failures of stable's own pods differ than chance explains: an A/A test that runs beside every gate.
 *
 * Given the requests of each pod (its share s_i) and all failures X of a minute, failures that come one by one give
 *
 *     E Σ (e_i − X·s_i)² = φ · Σ X·s_i·(1−s_i)      with φ = 1
 *
 * and retries, batches and pods that have good and bad minutes give more. Both sides are summed over all minutes before
 * they are divided: minutes with one failure say nothing about clusters, and a mean of ratios would let them speak.
 * Pods singly instead of two halves: the same expectation from (pods − 1) times as many observations.
 */
export interface Dispersion {
  /** Ticks that are in the sums. */
  readonly ticks: number;
  readonly squares: number;
  readonly expected: number;
  /** Observations: pods less one, of each minute with failures enough to differ. */
  readonly freedom: number;
  /** The minute that is being filled. It is not stored. */
  readonly open?: OpenBlock;
}

interface OpenBlock {
  readonly minute: number;
  readonly ticks: number;
  readonly pods: ReadonlyMap<string, Counts>;
}

export const noDispersion: Dispersion = { ticks: 0, squares: 0, expected: 0, freedom: 0 };

/** Takes what each of stable's pods counted in the tick that ended at `at`. */
export function foldDispersion(known: Dispersion, pods: ReadonlyMap<string, Counts>, at: Millis): Dispersion {
  const minute = Math.floor((at - 1) / DISPERSION.blockMs);
  const closed = known.open === undefined || known.open.minute === minute ? known : close(known, known.open);
  const { open } = closed;
  const sums = new Map(open?.pods);
  for (const [pod, { total, bad }] of pods) {
    const before = sums.get(pod) ?? { total: 0, bad: 0 };
    sums.set(pod, { total: before.total + total, bad: before.bad + bad });
  }
  return { ...closed, open: { minute, ticks: (open?.ticks ?? 0) + 1, pods: sums } };
}

function close({ open: _, ...known }: Dispersion, block: OpenBlock): Dispersion {
  const all = sumOf(block.pods.values());
  // Alone, a pod has nobody to differ from, and such minutes are no proof of calm.
  const serving = [...block.pods.values()].filter(({ total }) => total > 0);
  if (serving.length < 2) return known;
  let [squares, expected] = [known.squares, known.expected];
  for (const { total, bad } of serving) {
    const share = total / all.total;
    squares += (bad - all.bad * share) ** 2;
    expected += all.bad * share * (1 - share);
  }
  const freedom = known.freedom + (all.bad > 1 ? serving.length - 1 : 0);
  return { ticks: known.ticks + block.ticks, squares, expected, freedom };
}

/**
 * φ, by which evidence is divided: 1 until it is beyond what chance explains. It holds closed minutes alone, so at any
 * tick it is known before the tick, and then E[L^(1/φ)] ≤ (E L)^(1/φ) ≤ 1: tempering never breaks a guarantee.
 */
export function temperOf({ ticks, squares, expected, freedom }: Dispersion): number {
  if (ticks < DISPERSION.leastTicks || freedom <= 0 || expected <= 0) return 1;
  const phi = squares / expected;
  return phi > 1 + DISPERSION.errors * Math.sqrt(2 / freedom) ? Math.min(DISPERSION.most, phi) : 1;
}

/**
 * φ of one tick for what an arm does as a whole, which no pod of stable can show: where the logarithm of each arm's rate
 * moves by σ from minute to minute, the canary's part of X failures varies by V·(1 + 2σ²·V) with V = X·ρ·(1−ρ), and V
 * that of a minute. X is what stable's rate before the tick lets expect, or a bad canary would pay for its own failures;
 * without such a `control` it is that of the tick. Either is known before the tick is split, so the test stays valid.
 */
export function armNoise({ canary, stable }: ArmCounts, elapsedMs: Millis, control?: Counts): number {
  const total = canary.total + stable.total;
  if (total <= 0 || elapsedMs <= 0) return 1;
  const share = canary.total / total;
  const told = control !== undefined && control.total > 0;
  const rate = told ? control.bad / control.total : (canary.bad + stable.bad) / total;
  const variance = rate * total * share * (1 - share);
  return 1 + 2 * ARM_NOISE ** 2 * variance * Math.max(1, DISPERSION.blockMs / elapsedMs);
}

function sumOf(counts: Iterable<Counts>): Counts {
  let [total, bad] = [0, 0];
  for (const each of counts) [total, bad] = [total + each.total, bad + each.bad];
  return { total, bad };
}
