import type { Millis } from '#lib/units.ts';
import { LATENCY } from './bounds.ts';
import { armNoise } from './dispersion.ts';
import { foldStopTest, gridOf, logEvidence, type StopTest, startStopTest } from './eprocess.ts';
import type { ArmCounts } from './samples.ts';

/**
 * Stop test of latencies. "Slower than the bound" is a failure like any other, so each bucket bound has its own two-arm
 * test. The average of the e-values over bounds and ratios is an e-value again, however the bounds depend on each other
 * (Vovk and Wang 2021); it alone is compared with the line. The test is one `StopTest` with the logs of all bounds, one
 * bound after the other, because the average over all of them is what `logEvidence` computes.
 */
const alternatives = gridOf(LATENCY.ratios);

export function startBoundTest(bounds: number): StopTest {
  const { logs, starts } = startStopTest({ alternatives });
  // Without a bound there is nothing to test yet: one neutral log keeps E at 1.
  return { logs: Array.from({ length: Math.max(1, bounds) }, () => logs.map(Math.fround)).flat(), starts };
}

/** A tick as the stop test of latencies takes it. */
export interface BoundTick {
  /** For each bound the requests, and those slower than it; undefined where the bound could not be read. */
  counts: readonly (ArmCounts | undefined)[];
  /** From the start of the test to the start of the tick. */
  elapsedMs: Millis;
  /** Length of the tick. */
  tickMs: Millis;
  /** φ of stable's pods. Default 1. */
  temper?: number;
  /** r0; default 1.1. */
  toleratedRatio?: number;
}

/** Logs are kept in single precision, as they are stored: a restart changes no digit. */
export function foldBoundTest(test: StopTest, { counts, elapsedMs, tickMs, temper = 1, ...more }: BoundTick): StopTest {
  const folded = slices(test).map((slice, bound) => {
    const tick = counts[bound] ?? nothing;
    return foldStopTest(slice, tick, elapsedMs, { ...more, alternatives, temper: temper * boundNoise(tick, tickMs) });
  });
  return { logs: folded.flatMap(({ logs }) => logs.map(Math.fround)), starts: folded[0]?.starts ?? test.starts };
}

/**
 * φ of one tick for what an arm does as a whole: its latencies are a little longer in one minute than in another. That
 * moves the logarithm of a share p of slower requests the less the larger p is, about as (1−p)⁴, and φ − 1 goes by its
 * square; for rare ones it is what moves rates of failures.
 */
function boundNoise(tick: ArmCounts, tickMs: Millis): number {
  const total = tick.canary.total + tick.stable.total;
  if (total <= 0) return 1;
  const rest = 1 - (tick.canary.bad + tick.stable.bad) / total;
  return 1 + (armNoise(tick, tickMs) - 1) * rest ** 8;
}

/** The bound with the most evidence. */
export function strongestBound(test: StopTest): number {
  const logs = slices(test).map((slice) => logEvidence(slice));
  return logs.indexOf(Math.max(...logs));
}

function slices({ logs, starts }: StopTest): StopTest[] {
  const { length } = alternatives;
  return Array.from({ length: logs.length / length }, (_, bound) => ({
    logs: logs.slice(bound * length, (bound + 1) * length),
    starts,
  }));
}

const nothing: ArmCounts = { canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } };
