import { LATENCY } from './bounds.ts';
import type { Look, PodInfo } from './samples.ts';
import type { Latencies } from './sequences.ts';

/** Place of a bound among the names of a tick, whatever way it is written: `1`, `1.0`, `1e+00`; −1 when it is not there. */
export function placeOf(names: readonly string[], bound: number): number {
  // Mostly it is written as we would: then no name has to be read as a number.
  const written = names.indexOf(String(bound));
  return written >= 0 ? written : names.findIndex((name, place) => place > 0 && sameBound(Number(name), bound));
}

function sameBound(a: number, b: number): boolean {
  return Math.abs(a - b) <= 1e-9 * Math.abs(b);
}

/**
 * All that stable's processes ever counted: its past, known before the first tick of the evidence. Where nobody had
 * counted anything, the tick says at least which bounds there are.
 */
export function pastOf(look: Look, { pods, names }: { pods: readonly PodInfo[]; names: readonly string[] }): Latencies {
  const known = look.bases.size > 0 ? look.names : names;
  const stable = new Set(pods.filter(({ arm }) => arm === 'stable').map(({ pod }) => pod));
  const sums = known.map(() => 0);
  for (const { pod, values } of look.bases.values()) {
    if (!stable.has(pod)) continue;
    for (const [place, value] of values.entries()) sums[place] = (sums[place] ?? 0) + value;
  }
  const [total = 0, ...upTo] = sums;
  return { total, bounds: known.slice(1).map(Number), upTo };
}

/**
 * The bounds at which the arms are compared, rising: the threshold, and others that can show something. They are chosen
 * by stable's past alone, so what the evidence holds decides nothing about where it is looked for.
 *
 * Left out are bounds that most requests exceed anyway, and all but the lowest of those that none ever exceeded: what
 * exceeds a higher one exceeds the lowest too. Of the rest those stay whose shares of slower requests are far apart.
 */
export function chooseBounds(past: Latencies, threshold: number): number[] {
  const exact = past.bounds.find((bound) => sameBound(bound, threshold)) ?? threshold;
  const slower = past.bounds.map((bound, index) => ({
    bound,
    share: (past.total - (past.upTo[index] ?? 0) + 0.5) / (past.total + 1),
    touched: past.total === 0 || (past.upTo[index] ?? 0) < past.total,
  }));
  const untouched = slower.filter(({ touched }) => !touched).slice(0, LATENCY.untouched);
  const kept = slower.filter((one) => (one.touched ? one.share <= LATENCY.mostSlow : untouched.includes(one)));
  const chosen = [...kept.filter(({ bound }) => bound !== exact), slower.find(({ bound }) => bound === exact)]
    .filter((one) => one !== undefined)
    .sort((a, b) => a.bound - b.bound);
  while (chosen.length > LATENCY.bounds) chosen.splice(mostAlike(chosen, exact), 1);
  return chosen.length === 0 ? [exact] : chosen.map(({ bound }) => bound);
}

interface Candidate {
  bound: number;
  share: number;
}

/** The inner candidate, not the threshold, whose neighbours are closest to each other. */
function mostAlike(candidates: readonly Candidate[], exact: number): number {
  let [least, place] = [Number.POSITIVE_INFINITY, 1];
  for (const [index, { bound }] of candidates.entries()) {
    const [before, after] = [candidates[index - 1], candidates[index + 1]];
    if (bound === exact || before === undefined || after === undefined) continue;
    const gap = Math.log(before.share / after.share);
    if (gap < least) [least, place] = [gap, index];
  }
  return place;
}
