import type { Counts } from '#core/gate.ts';
import type { ProbeOutcome } from '#core/probe.ts';
import type { Millis } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { difference } from './increments.ts';
import { whoWasScraped } from './scrapes.ts';
import { afterWarmUp, silentSince, youngCanaries } from './warm-up.ts';

/**
 * From counters as Prometheus shows them to increments per arm and tick.
 *
 * A *process* is one element of `sum by (namespace, pod, container, instance)`: a sum over its series grows like a
 * counter and falls only when the process starts again, so births of series count by themselves.
 */

/** A process, and when it was looked at. */
export interface ProcessName {
  /** Names the process for as long as its pod lives: `namespace/pod/container/instance`. */
  process: string;
  pod: string;
  /** Empty when the series have no container label. */
  container: string;
  /** When it was scraped (`max by (…) (timestamp(…))`), never the instant of the query. */
  scrapedAt: Millis;
}

/** The value of one counter of one process at the tick: the raw cumulative sum, NaN and ±Inf as the source gave them. */
export interface CounterSample extends ProcessName {
  value: number;
}

/** All counters of one process at the tick, in the order of `TickSamples.names`. */
export interface ProcessSample extends ProcessName {
  values: readonly number[];
}

/** Scrape targets of one pod, from `up`. */
export interface PodTargets {
  pod: string;
  /** Targets there are: `count by (namespace, pod) (up)`. */
  count: number;
  /** Targets whose last scrape succeeded: `sum by (namespace, pod) (up)`. */
  up: number;
}

/** Everything that one tick's queries answered for one gate, all of them evaluated at the same instant `at`. */
export interface TickSamples {
  /** The instant of the queries: a multiple of the tick length, at least one scrape in the past. */
  at: Millis;
  /**
   * What is counted: `total` and `bad` or `good` for events; `total` and the bucket bounds, rising, for latency;
   * `exposure` and `events` or `value` for business.
   */
  names: readonly string[];
  samples: readonly ProcessSample[];
  /** One entry for each pod that has a target; a pod without an entry has none. */
  targets: PodTargets[];
  /** Given where a label splits the arms: each process of the gateway stands for one pod of each arm. */
  pods?: PodInfo[];
  /** What probes were answered since the tick before: all that a gate of probes counts. */
  probes?: readonly ProbeOutcome[];
}

/** One process' counters side by side. One that has no such series counts 0: it appears with the first such event. */
export function joinCounters(lists: readonly (readonly CounterSample[])[]): ProcessSample[] {
  const joined = new Map<string, Joined>();
  const doubled: ProcessSample[] = [];
  for (const [index, list] of lists.entries()) {
    for (const { process, pod, container, scrapedAt, value } of list) {
      const known = joined.get(process);
      if (known === undefined) {
        const values = lists.map((_, place) => (place === index ? value : 0));
        joined.set(process, { sample: { process, pod, container, scrapedAt, values }, values, list: index });
        continue;
      }
      // Two values of one counter: kept apart, so that `sampleProblem` finds them.
      if (known.list === index) doubled.push({ process, pod, container, scrapedAt, values: [value] });
      else known.values[index] = value;
      known.list = index;
      known.sample.scrapedAt = Math.max(scrapedAt, known.sample.scrapedAt);
    }
  }
  return [...Array.from(joined.values(), ({ sample }) => sample), ...doubled];
}

/** A process that is being joined: its counters so far, and the last list that named it. */
interface Joined {
  sample: ProcessSample;
  values: number[];
  list: number;
}

export type Arm = 'canary' | 'stable';

/** A living pod of the release as the watch cache knows it; pods of other revisions are left out. */
export interface PodInfo {
  pod: string;
  arm: Arm;
  /** Ready long enough to serve and not being deleted: only such pods must be scraped for a tick to be whole. */
  available: boolean;
  /** `state.running.startedAt` of each container that runs. Kubernetes cuts it to whole seconds. */
  containers: { name: string; startedAt: Millis }[];
}

/** Increments of one tick, read as requests. */
export interface ArmCounts {
  canary: Counts;
  stable: Counts;
}

/** Increments of one tick, one per counter. */
export interface ArmSums {
  canary: readonly number[];
  stable: readonly number[];
}

export interface PodSums {
  arm: Arm;
  sums: readonly number[];
}

/** What one process had shown when it was last counted. */
export interface Base {
  pod: string;
  container: string;
  values: readonly number[];
  /** Start of the container as it was known then: another start is another life of the counter. */
  life: Millis | undefined;
  scrapedAt: Millis;
}

/** Memory of the last look, from which increments are taken. It is not stored: Prometheus has the same look again. */
export interface Look {
  /** The first look of this memory. A process that began after it, and was never seen, has been counted in nothing. */
  since: Millis;
  /** What the values of the bases are. */
  names: readonly string[];
  bases: ReadonlyMap<string, Base>;
  /** Pods that were scraped at some look: what they show for the first time, they counted since. */
  scraped: ReadonlySet<string>;
  /** Pods that show nothing, with the newest look at which they were scraped all the same. Left out: none. */
  silent?: ReadonlyMap<string, Millis>;
}

/** Which pods have shown something new since the look before. Lists are in order of name. */
export interface Scrapes {
  /** Available pods without a new scrape. */
  unscraped: string[];
  /** Those of them whose newest sample is older than three scrapes: waiting for them would blind the gate. */
  overdue: string[];
  /** Those of them that have no scrape target at all. */
  untargeted: string[];
  /** Available pods with more than one scrape target: their numbers are of no use. */
  doubled: string[];
  /** Pods of each arm with a new scrape. */
  seen: Record<Arm, number>;
}

export interface TickReading extends Scrapes {
  /** Increments since the look before, of all processes that were scraped since. */
  sums: ArmSums;
  /** The same by pod, for those that counted something that can be told. */
  byPod: ReadonlyMap<string, PodSums>;
  /** The canary was scraped and some of what it counted cannot be told: its 0 says nothing. */
  canaryUnknown: boolean;
  /** Pods of the canary, in order of name, whose warm-up is not over by what they show. */
  warming: string[];
  /** The memory once these increments are counted. */
  look: Look;
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

/** One look: what is remembered, what the source shows now, and who should be there. */
export interface Sight {
  before: Look | undefined;
  tick: TickSamples;
  pods: readonly PodInfo[];
  scrapeMs: Millis;
  /** What a process counts within this time of its start is left out, of both arms. Default 0. */
  warmUpMs?: Millis;
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
