import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { difference } from './increments.ts';
import { whoWasScraped } from './scrapes.ts';

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
  life: Millis | undefined;
  scrapedAt: Millis;
}

/** Both counters of one process at one tick. */
export type Paired = Omit<Base, 'life'>;

/** Memory of the last look, from which increments are taken. It is not stored: Prometheus has the same look again. */
export interface Look {
  /** The first look of this memory. A process that began after it, and was never seen, has been counted in nothing. */
  since: Millis;
  bases: ReadonlyMap<string, Base>;
  /** Pods that were scraped at some look: what they show for the first time, they counted since. */
  scraped: ReadonlySet<string>;
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
  counts: ArmCounts;
  /** The canary was scraped and some of what it counted cannot be told: its 0 says nothing. */
  canaryUnknown: boolean;
  /** The memory once these increments are counted. */
  look: Look;
}

/** Why an answer cannot be used, e.g. NaN in it; undefined when it can. */
export function sampleProblem({ total, bad, good }: TickSamples): string | undefined {
  if ((bad === undefined) === (good === undefined)) return 'exactly one of bad and good events must be asked for';
  return listProblem(total) ?? listProblem(bad ?? good ?? []);
}

function listProblem(samples: readonly ProcessSample[]): string | undefined {
  const names = new Set<string>();
  for (const { process, value, scrapedAt } of samples) {
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
}

/** Takes the increments between the look before and the tick. Without one nothing is counted, only remembered. */
export function readTick({ before, tick, pods, scrapeMs }: Sight): TickReading {
  const known = new Map(pods.map((pod) => [pod.pod, pod]));
  const paired = pairUp(tick, known, tick.at - STALE_SCRAPES * scrapeMs);
  const { fresh, ...scrapes } = whoWasScraped({ before, tick, pods, scrapeMs }, paired);
  const sums = { canary: { total: 0, other: 0 }, stable: { total: 0, other: 0 } };
  const bases = new Map([...(before?.bases ?? [])].filter(([name, base]) => known.has(base.pod) || paired.has(name)));
  let canaryUnknown = false;
  for (const [process, sample] of paired) {
    const pod = known.get(sample.pod);
    if (pod === undefined || !fresh.has(sample.pod)) continue;
    const step = difference({ before, process, sample, pod, shown: paired });
    canaryUnknown ||= pod.arm === 'canary' && step?.known !== true;
    if (step === undefined) continue;
    bases.set(process, step.base);
    sums[pod.arm].total += step.total;
    sums[pod.arm].other += step.other;
  }
  const scraped = new Set([...(before?.scraped ?? []), ...fresh].filter((pod) => known.has(pod)));
  const good = tick.good !== undefined;
  const counts = { canary: countsOf(sums.canary, good), stable: countsOf(sums.stable, good) };
  return { ...scrapes, counts, canaryUnknown, look: { since: before?.since ?? tick.at, bases, scraped } };
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
