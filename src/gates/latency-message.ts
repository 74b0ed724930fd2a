import type { LatencySli, Slo } from '#core/gate.ts';
import { SHOWN } from './bounds.ts';
import { logEvidence } from './eprocess.ts';
import type { LatencyGate } from './latency-state.ts';
import { strongestBound } from './latency-stop.ts';
import { printBadRange } from './print-range.ts';
import type { Arm } from './samples.ts';
import { type Latencies, type QuantileRange, quantilePValue, quantileRange } from './sequences.ts';

/** A bound in people's words. Histograms have the unit in their name; one that has none is shown as it is. */
export function printBound(bound: number, { histogram }: LatencySli): string {
  if (/_(ms|milliseconds)$/.test(histogram.metric)) return `${bound}ms`;
  if (!/_seconds$/.test(histogram.metric)) return String(bound);
  return bound < 1 ? `${Number((bound * 1000).toPrecision(4))}ms` : `${bound}s`;
}

/** Why a threshold cannot be judged: requests are only counted at bucket bounds, and nothing is interpolated. */
export function noSuchBound(names: readonly string[], sli: LatencySli, slo: string): string {
  const bounds = names.slice(1).map(Number);
  const { metric } = sli.histogram;
  if (bounds.length === 0) return `${metric} has no bucket bound that all pods share; is it a histogram everywhere?`;
  const near = bounds
    .slice()
    .sort((a, b) => Math.abs(Math.log(a / sli.threshold)) - Math.abs(Math.log(b / sli.threshold)));
  const [first = 0, second] = near;
  const advice =
    second === undefined ? printBound(first, sli) : `${printBound(first, sli)} or ${printBound(second, sli)}`;
  const there = bounds.map((bound) => printBound(bound, sli)).join(', ');
  return `${printBound(sli.threshold, sli)} is no bucket bound of ${metric}, which has ${there}: set sli.latency.threshold of ServiceLevelObjective ${slo} to ${advice}`;
}

/** The bound that shows most, with both arms' shares of slower requests and where the objective's quantile lies. */
export function whySlower(state: LatencyGate, { sli, objective }: Slo & { sli: LatencySli }, limit: number): string {
  const strongest = strongestBound(state.stop);
  // The bound was picked because it shows most: its shares have to hold for all bounds at once.
  const alpha = SHOWN.alpha / state.bounds.length;
  const share = (arm: Arm) =>
    printBadRange({ total: state.all[arm].total, bad: slowOf(state, arm)[strongest] ?? 0 }, { alpha });
  const bound = printBound(state.bounds[strongest] ?? sli.threshold, sli);
  const [canary, stable] = [latenciesOf(state, 'canary'), latenciesOf(state, 'stable')];
  const range = (latencies: Latencies, p: number) => printRange(quantileRange(latencies, p), sli);
  // An objective of 100 % has no quantile.
  const tail = Math.min(objective, 0.9999);
  const quantile = (p: number) => `p${Number((p * 100).toFixed(3))} ${range(canary, p)} against ${range(stable, p)}`;
  const different = printP(quantilePValue(canary, stable, tail));
  const evidence = `log evidence ${logEvidence(state.stop).toFixed(2)}, limit ${limit.toFixed(2)}`;
  return `the canary is slower than stable: above ${bound} ${share('canary')} against ${share('stable')}; ${quantile(0.5)}, ${quantile(tail)}${different}; ${evidence}`;
}

/** In single precision a sum may come out above the total. */
function slowOf({ all, slower }: LatencyGate, arm: Arm): number[] {
  return slower[arm].map((bad) => Math.min(all[arm].total, bad));
}

function latenciesOf(state: LatencyGate, arm: Arm): Latencies {
  const { total } = state.all[arm];
  return { total, bounds: state.bounds, upTo: slowOf(state, arm).map((bad) => total - bad) };
}

function printRange({ over, upTo }: QuantileRange, sli: LatencySli): string {
  if (over !== undefined && upTo !== undefined) return `${printBound(over, sli)} to ${printBound(upTo, sli)}`;
  if (over !== undefined) return `over ${printBound(over, sli)}`;
  return upTo === undefined ? 'anywhere' : `up to ${printBound(upTo, sli)}`;
}

/** Said only where it says something. */
function printP(p: number): string {
  if (p > SHOWN.alpha) return '';
  return p < 0.0001 ? ' (p below 0.0001)' : ` (p ${Number(p.toPrecision(2))})`;
}
