import type { Counts } from '#core/gate.ts';
import type { ProbeOutcome } from '#core/probe.ts';
import type { Millis } from '#lib/units.ts';

/** What a source shows of the arms' counters, and what a gate takes from it, tick by tick. */

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

/** One look: what is remembered, what the source shows now, and who should be there. */
export interface Sight {
  before: Look | undefined;
  tick: TickSamples;
  pods: readonly PodInfo[];
  scrapeMs: Millis;
  /** What a process counts within this time of its start is left out, of both arms. Default 0. */
  warmUpMs?: Millis;
}
