import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { DISCOVERY_TICKS, STALE_SCRAPES, START_SLACK_MS } from './bounds.ts';

/**
 * From counters as Prometheus shows them to increments per arm and tick.
 *
 * A *process* is one element of `sum by (namespace, pod, container, instance)`: a sum over its series grows like a
 * counter and falls only when the process starts again, so births of series count by themselves.
 */

/** The value of one process' counter at the tick. */
export interface ProcessSample {
  /** Names the process for as long as its pod lives: `namespace/pod/container/instance`. */
  process: string;
  pod: string;
  /** Empty when the series have no container label. */
  container: string;
  /** The raw cumulative sum; NaN and the infinities as the source gave them. */
  value: number;
  /** When it was scraped (`max by (…) (timestamp(…))`), never the instant of the query. */
  scrapedAt: Millis;
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
  total: ProcessSample[];
  /** Exactly one of bad and good is given, as in the SLO; empty when no such series exists. */
  bad?: ProcessSample[];
  good?: ProcessSample[];
  /** One entry for each pod that has a target; a pod without an entry has none. */
  targets: PodTargets[];
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

/** Increments of one tick. */
export interface ArmCounts {
  canary: Counts;
  stable: Counts;
}

/** What one process had shown when it was last counted. */
export interface Base {
  pod: string;
  container: string;
  total: number;
  /** The bad or the good counter, whichever the SLO has. */
  other: number;
  /** Start of the container as it was known then: another start is another life of the counter. */
  life: Millis;
  scrapedAt: Millis;
}

/** Memory of the last look, from which increments are taken. It is not stored: Prometheus has the same look again. */
export interface Look {
  /** The first look of this memory. A process that began after it, and was never seen, has been counted in nothing. */
  since: Millis;
  bases: ReadonlyMap<string, Base>;
  /** Pods that were scraped at some look: what they show for the first time, they counted since. */
  scraped: ReadonlySet<string>;
}

export interface TickReading {
  /** Increments since the look before, of all processes that were scraped since. */
  counts: ArmCounts;
  /** The memory once these increments are counted. */
  look: Look;
  /** Available pods without a new scrape, and those of them that have no scrape target at all; ordered. */
  unscraped: string[];
  untargeted: string[];
  /** Pods with more than one scrape target: their numbers are of no use. */
  doubled: string[];
  /** Pods of each arm with a new scrape. */
  seen: Record<Arm, number>;
}

interface Paired {
  pod: string;
  container: string;
  total: number;
  other: number;
  scrapedAt: Millis;
}

/** Why an answer cannot be used, e.g. NaN in it; undefined when it can. */
export function sampleProblem(tick: TickSamples): string | undefined {
  if ((tick.bad === undefined) === (tick.good === undefined))
    return 'exactly one of bad and good events must be asked for';
  for (const samples of [tick.total, tick.bad ?? [], tick.good ?? []]) {
    const names = new Set<string>();
    for (const { process, value, scrapedAt } of samples) {
      if (!Number.isFinite(value) || value < 0) return `the counter of ${process} is ${value}`;
      if (!Number.isFinite(scrapedAt)) return `the scrape time of ${process} is ${scrapedAt}`;
      if (names.has(process)) return `${process} is there twice`;
      names.add(process);
    }
  }
  return undefined;
}

/** Takes the increments between `before` and the tick. Without `before` nothing is counted, only remembered. */
export function readTick(
  before: Look | undefined,
  tick: TickSamples,
  pods: readonly PodInfo[],
  tickMs: Millis,
): TickReading {
  const known = new Map(pods.map((pod) => [pod.pod, pod]));
  const paired = pairUp(tick, known, tick.at - STALE_SCRAPES * tickMs);
  const { fresh, ...scrapes } = whoWasScraped(before, tick, pods, paired, tickMs);
  const sums = { canary: { total: 0, other: 0 }, stable: { total: 0, other: 0 } };
  const bases = new Map([...(before?.bases ?? [])].filter(([name, base]) => known.has(base.pod) || paired.has(name)));
  for (const [name, sample] of paired) {
    const pod = known.get(sample.pod);
    if (pod === undefined || !fresh.has(pod.pod)) continue;
    const step = difference({ before, name, sample, pod, others: paired });
    if (step === undefined) continue;
    bases.set(name, step.base);
    sums[pod.arm].total += step.total;
    sums[pod.arm].other += step.other;
  }
  const look = {
    since: before?.since ?? tick.at,
    bases,
    scraped: new Set([...(before?.scraped ?? []), ...fresh].filter((pod) => known.has(pod))),
  };
  const good = tick.good !== undefined;
  return { ...scrapes, look, counts: { canary: countsOf(sums.canary, good), stable: countsOf(sums.stable, good) } };
}

/** Requests in flight may be in one counter and not yet in the other: no tick has more failures than requests. */
function countsOf({ total, other }: { total: number; other: number }, good: boolean): Counts {
  const bad = good ? total - other : other;
  return { total, bad: Math.min(total, Math.max(0, bad)) };
}

/** Both counters of each process. A series that does not exist is 0: it appears with the first such event. */
function pairUp(tick: TickSamples, known: ReadonlyMap<string, PodInfo>, oldest: Millis): Map<string, Paired> {
  const paired = new Map<string, Paired>();
  const take = (samples: readonly ProcessSample[], part: 'total' | 'other') => {
    for (const { process, pod, container, value, scrapedAt } of samples) {
      if (!known.has(pod) || scrapedAt < oldest) continue;
      const pair = paired.get(process) ?? { pod, container, total: 0, other: 0, scrapedAt };
      pair[part] = value;
      pair.scrapedAt = Math.max(pair.scrapedAt, scrapedAt);
      paired.set(process, pair);
    }
  };
  take(tick.total, 'total');
  take(tick.bad ?? tick.good ?? [], 'other');
  return paired;
}

function whoWasScraped(
  before: Look | undefined,
  tick: TickSamples,
  pods: readonly PodInfo[],
  paired: ReadonlyMap<string, Paired>,
  tickMs: Millis,
): Pick<TickReading, 'unscraped' | 'untargeted' | 'doubled' | 'seen'> & { fresh: Set<string> } {
  const targets = new Map(tick.targets.map((target) => [target.pod, target]));
  const told = new Set([...paired.values()].map(({ pod }) => pod));
  const renewed = new Set<string>();
  for (const [name, { pod, scrapedAt }] of paired) {
    if (scrapedAt > (before?.bases.get(name)?.scrapedAt ?? Number.NEGATIVE_INFINITY)) renewed.add(pod);
  }
  const fresh = new Set<string>();
  const lists = { unscraped: [] as string[], untargeted: [] as string[], doubled: [] as string[] };
  const seen = { canary: 0, stable: 0 };
  for (const { pod, arm, available, containers } of pods) {
    const { count = 0, up = 0 } = targets.get(pod) ?? {};
    if (available && count > 1) lists.doubled.push(pod);
    // A pod that has not served a request yet may have no series: then its target alone says that it was scraped.
    if (renewed.has(pod) || (up > 0 && !told.has(pod))) {
      fresh.add(pod);
      seen[arm] += 1;
      continue;
    }
    const young = containers.every(({ startedAt }) => startedAt > tick.at - DISCOVERY_TICKS * tickMs);
    if (!available || (young && count === 0 && before?.scraped.has(pod) !== true)) continue;
    lists.unscraped.push(pod);
    if (count === 0) lists.untargeted.push(pod);
  }
  for (const list of Object.values(lists)) list.sort();
  return { ...lists, seen, fresh };
}

interface Difference {
  before: Look | undefined;
  name: string;
  sample: Paired;
  pod: PodInfo;
  /** All samples of the tick by process. */
  others: ReadonlyMap<string, Paired>;
}

/** The increment of one process and its new base; undefined to leave both for the next tick. */
function difference({
  before,
  name,
  sample,
  pod,
  others,
}: Difference): { base: Base; total: number; other: number } | undefined {
  const base = before?.bases.get(name);
  const start = startOf(pod, sample.container);
  const now: Base = { ...sample, life: start };
  const fromZero = { base: now, total: sample.total, other: sample.other };
  const nothing = { base: now, total: 0, other: 0 };
  if (base === undefined) return isBirth(before, { sample, start, others }) ? fromZero : nothing;
  const fell = sample.total < base.total || sample.other < base.other;
  const grown = { base: now, total: sample.total - base.total, other: sample.other - base.other };
  // The same life: a counter that falls all the same cannot be read, and what it did in this tick is not known.
  if (start === base.life) return fell ? nothing : grown;
  if (fell) return fromZero;
  // The pod's new start may be known before the first scrape of it: then this still is the old life.
  if (sample.scrapedAt <= start) return { ...grown, base: { ...now, life: base.life } };
  return sample.scrapedAt < start + START_SLACK_MS ? undefined : fromZero;
}

/** True when everything that a process shows for the first time was counted since our first look. */
function isBirth(
  before: Look | undefined,
  { sample, start, others }: { sample: Paired; start: Millis; others: ReadonlyMap<string, Paired> },
): boolean {
  if (before === undefined) return false;
  // Another name for the same process (the target was relabelled) would count its whole life again.
  for (const [name, base] of before.bases) {
    if (base.pod === sample.pod && base.container === sample.container && base.life === start && !others.has(name))
      return false;
  }
  return before.scraped.has(sample.pod) || start > before.since;
}

/** Start of the container that a sample comes from; of the pod's newest one when the sample does not say. */
function startOf({ containers }: PodInfo, container: string): Millis {
  const named = containers.find(({ name }) => name === container);
  return named?.startedAt ?? Math.max(0, ...containers.map(({ startedAt }) => startedAt));
}
