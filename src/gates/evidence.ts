import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { difference } from './increments.ts';
import type {
  ArmCounts,
  ArmSums,
  Base,
  CounterSample,
  Look,
  PodInfo,
  PodSums,
  ProcessSample,
  Sight,
  TickReading,
  TickSamples,
} from './samples.ts';
import { whoWasScraped } from './scrapes.ts';
import { afterWarmUp, silentSince, youngCanaries } from './warm-up.ts';

/**
 * From counters as Prometheus shows them to increments per arm and tick.
 *
 * A *process* is one element of `sum by (namespace, pod, container, instance)`: a sum over its series grows like a
 * counter and falls only when the process starts again, so births of series count by themselves.
 */

/** One process' counters side by side. One that has no such series counts 0: it appears with the first such event. */
export function joinCounters(lists: readonly (readonly CounterSample[])[]): ProcessSample[] {
  const joined = new Map<string, Joined>();
  const samples: ProcessSample[] = [];
  const doubled: ProcessSample[] = [];
  for (const [index, list] of lists.entries()) {
    for (const sample of list) {
      const known = joined.get(sample.process);
      if (known === undefined) {
        const begun = begin(sample, { index, count: lists.length });
        joined.set(sample.process, begun);
        samples.push(begun.sample);
        continue;
      }
      const { process, pod, container, scrapedAt, value } = sample;
      // Two values of one counter: kept apart, so that `sampleProblem` finds them.
      if (known.list === index) doubled.push({ process, pod, container, scrapedAt, values: [value] });
      else known.values[index] = value;
      known.list = index;
      known.sample.scrapedAt = Math.max(scrapedAt, known.sample.scrapedAt);
    }
  }
  return doubled.length === 0 ? samples : [...samples, ...doubled];
}

/** Every gate joins at every tick: nothing is made here but what stays. */
function begin(
  { process, pod, container, scrapedAt, value }: CounterSample,
  { index, count }: { index: number; count: number },
): Joined {
  const values: number[] = [];
  for (let place = 0; place < count; place += 1) values.push(place === index ? value : 0);
  return { sample: { process, pod, container, scrapedAt, values }, values, list: index };
}

/** A process that is being joined: its counters so far, and the last list that named it. */
interface Joined {
  sample: ProcessSample;
  values: number[];
  list: number;
}

/** Why an answer cannot be used, e.g. NaN in it; undefined when it can. */
export function sampleProblem({ samples }: TickSamples): string | undefined {
  const names = new Set<string>();
  for (const { process, values, scrapedAt } of samples) {
    for (const value of values)
      if (!Number.isFinite(value) || value < 0) return `the counter of ${process} is ${value}`;
    if (!Number.isFinite(scrapedAt)) return `the scrape time of ${process} is ${scrapedAt}`;
    if (names.has(process)) return `${process} is there twice`;
    names.add(process);
  }
  return undefined;
}

/** Takes the increments between the look before and the tick. Without one nothing is counted, only remembered. */
export function readTick(sight: Sight): TickReading {
  const { before: remembered, tick, pods, scrapeMs, warmUpMs = 0 } = sight;
  const known = new Map(pods.map((pod) => [pod.pod, pod]));
  const shown = shownBy(tick, known, tick.at - STALE_SCRAPES * scrapeMs);
  const before = remembered && renamed(remembered, tick.names, shown);
  const { fresh, silent, ...scrapes } = whoWasScraped({ before, tick, pods, scrapeMs }, shown);
  const sums = { canary: tick.names.map(none), stable: tick.names.map(none) };
  const bases = keptBases(before, known, shown);
  const byPod = new Map<string, PodSums & { sums: number[] }>();
  let canaryUnknown = false;
  for (const [process, sample] of shown) {
    const pod = known.get(sample.pod);
    if (pod === undefined || !fresh.has(sample.pod)) continue;
    const view = { before, process, sample, pod, shown };
    const step = afterWarmUp(difference(view), view, { warmUpMs, scrapeMs });
    canaryUnknown ||= pod.arm === 'canary' && step?.known !== true;
    if (step === undefined) continue;
    bases.set(process, step.base);
    if (step.grown === undefined) continue;
    add(sums[pod.arm], step.grown);
    const own = byPod.get(pod.pod);
    if (own === undefined) byPod.set(pod.pod, { arm: pod.arm, sums: [...step.grown] });
    else add(own.sums, step.grown);
  }
  const scraped = scrapedPods(before?.scraped, fresh, known);
  const look: Look = {
    since: before?.since ?? tick.at,
    names: tick.names,
    bases,
    scraped,
    silent: silentSince(before?.silent ?? new Map(), { silent, at: tick.at, shown, known }),
  };
  return { ...scrapes, sums, byPod, canaryUnknown, warming: youngCanaries(shown, known, warmUpMs), look };
}

type Known = ReadonlyMap<string, PodInfo>;
type Shown = ReadonlyMap<string, ProcessSample>;

/** The processes of the release, as they were seen lately: a source shows the dead for minutes. */
function shownBy({ samples }: TickSamples, known: Known, oldest: Millis): Map<string, ProcessSample> {
  const shown = new Map<string, ProcessSample>();
  for (const sample of samples) {
    if (known.has(sample.pod) && sample.scrapedAt >= oldest) shown.set(sample.process, sample);
  }
  return shown;
}

function keptBases(before: Look | undefined, known: Known, shown: Shown): Map<string, Base> {
  const bases = new Map<string, Base>();
  for (const [name, base] of before?.bases ?? []) {
    if (known.has(base.pod) || shown.has(name)) bases.set(name, base);
  }
  return bases;
}

/** Living pods that were scraped at some look. The set of the look before is kept while it is still true. */
function scrapedPods(before: ReadonlySet<string> | undefined, fresh: Set<string>, known: Known): ReadonlySet<string> {
  if (before !== undefined && every(fresh, (pod) => before.has(pod)) && every(before, (pod) => known.has(pod)))
    return before;
  const scraped = new Set<string>();
  for (const pod of before ?? []) if (known.has(pod)) scraped.add(pod);
  for (const pod of fresh) if (known.has(pod)) scraped.add(pod);
  return scraped;
}

function every<T>(items: Iterable<T>, holds: (item: T) => boolean): boolean {
  for (const item of items) if (!holds(item)) return false;
  return true;
}

const none = () => 0;

function add(sums: number[], grown: readonly number[]): void {
  for (let index = 0; index < grown.length; index++) sums[index] = (sums[index] ?? 0) + (grown[index] ?? 0);
}

/** The memory in the order of other names. What was not asked for before has no base: it counts from now on. */
function renamed(look: Look, names: readonly string[], shown: Shown): Look {
  const { length } = names;
  if (length === look.names.length && look.names.every((name, index) => name === names[index])) return look;
  const places = names.map((name) => look.names.indexOf(name));
  const bases = new Map(look.bases);
  for (const [process, base] of bases) {
    const now = shown.get(process)?.values;
    const values = places.map((place, index) => (place < 0 ? (now?.[index] ?? 0) : (base.values[place] ?? 0)));
    bases.set(process, { ...base, values });
  }
  return { ...look, names, bases };
}

/** Requests in flight may be in one counter and not yet in the other: no tick has more failures than requests. */
export function countsOf({ canary, stable }: ArmSums, good: boolean): ArmCounts {
  return { canary: pairOf(canary, good), stable: pairOf(stable, good) };
}

function pairOf([total = 0, other = 0]: readonly number[], good: boolean): Counts {
  const bad = good ? total - other : other;
  return { total, bad: Math.min(total, Math.max(0, bad)) };
}
