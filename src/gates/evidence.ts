import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';

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
