import type { GateContext, GateCost, GateReading } from '#core/gate.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import type { ProbeOutcomes } from '#ports/probe-outcomes.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Scope } from '#sources/promql.ts';
import { readCheckpoint, writeCheckpoint } from './gate-checkpoint.ts';
import { createPasses, type Due } from './gate-passes.ts';
import { type GateRun, isDue, nextWake, readingOf, scrapeFor, startRun } from './gate-run.ts';

export interface GateEngineDeps {
  clock: Clock;
  /** The source of that name, or the cluster's default; undefined when there is none. */
  sourceFor(name: string | undefined): MetricSource | undefined;
  /** Answers for the gates that count probes. Left out: there are none. */
  probes?: ProbeOutcomes;
  log: Log;
  telemetry: Telemetry;
  /** Called once per tick and key after its gates were judged anew. Must not throw. */
  onReading(key: string): void;
}

/** What the engine is to look at for one Rollout. */
export interface Watched {
  /** One per gate; the newest context wins. */
  contexts: GateContext[];
  scope: Scope;
  /** Asked at every tick, so that it is always the newest. */
  pods(): PodInfo[];
  /** Scrape interval of the source: queries look that far into the past, so that every pod of both arms is in. */
  scrapeMs: Millis;
  /** What `checkpoint` returned before a restart. Read when a gate is watched for the first time only. */
  checkpoint?: string;
}

/**
 * Reads counters, folds them into evidence and judges it, out of band of every reconcile.
 *
 * Ticks lie on an absolute grid, the multiples of a gate's `tickMs`: every operator asks for the same instants, and
 * an instant is folded exactly once. What was missed, by a restart or because the source was away, is read again
 * from the source, oldest first; until then the reading says `CatchingUp` or `SourceDown` and holds the release.
 */
export interface GateEngine {
  /** Idempotent: call it on every reconcile. Gates that are not named any more are forgotten. */
  watch(key: string, watched: Watched): void;
  unwatch(key: string): void;
  /** The newest reading of each gate, in the order of its contexts. Empty when the key is not watched. */
  readings(key: string): GateReading[];
  /** The state of all gates of the key, at most 10 KiB; empty when the key is not watched. */
  checkpoint(key: string): string;
  /** What each watched gate took of its source at its last tick, once it was read. */
  costs(): { key: string; gate: string; cost: GateCost }[];
  /** Each watched gate's share of what is usual at this hour, where that is known. */
  seasons(): { key: string; gate: string; ratio: number }[];
  /** Ends all timers. Queries under way are awaited by nobody and change nothing any more. */
  stop(): void;
}

interface Entry {
  key: string;
  watched: Watched;
  runs: Map<string, GateRun>;
}

export function createGateEngine(deps: GateEngineDeps): GateEngine {
  const { clock, log } = deps;
  const entries = new Map<string, Entry>();
  const passes = createPasses(deps);
  let cancel: () => void = () => undefined;

  /** Sleeps until the next instant of any gate may be asked for. Nothing watched: no timer at all. */
  function arm(): void {
    cancel();
    const now = clock.now();
    const wakes = [...entries.values()].flatMap(({ runs }) => [...runs.values()].map((run) => nextWake(run, now)));
    cancel = wakes.length === 0 ? () => undefined : clock.timer(Math.max(0, Math.min(...wakes) - now), wake);
  }

  function wake(): void {
    const now = clock.now();
    const due = [...entries.values()].flatMap((entry) => dueOf(entry, now));
    passes.start(due);
    arm();
  }

  return {
    watch(key, watched) {
      const entry = entries.get(key) ?? { key, watched, runs: new Map<string, GateRun>() };
      entry.watched = watched;
      entry.runs = renewRuns(entry, log);
      entries.set(key, entry);
      if ([...entry.runs.values()].some(({ fresh }) => fresh)) arm();
    },
    unwatch(key) {
      forget(entries.get(key)?.runs.values() ?? []);
      entries.delete(key);
      arm();
    },
    readings(key) {
      return [...(entries.get(key)?.runs.values() ?? [])].map((run) => readingOf(run, clock.now()));
    },
    checkpoint(key) {
      const entry = entries.get(key);
      if (entry === undefined) return '';
      return writeCheckpoint(new Map([...entry.runs].map(([name, { gate }]) => [name, gate])));
    },
    costs() {
      return [...entries.values()].flatMap(({ key, runs }) =>
        [...runs].flatMap(([gate, { cost }]) => (cost === undefined ? [] : [{ key, gate, cost }])),
      );
    },
    seasons() {
      return [...entries.values()].flatMap(({ key, runs }) =>
        [...runs].flatMap(([gate, { season }]) => {
          const ratio = season?.season?.ratio;
          return ratio === undefined ? [] : [{ key, gate, ratio }];
        }),
      );
    },
    stop() {
      for (const { runs } of entries.values()) forget(runs.values());
      entries.clear();
      arm();
    },
  };
}

function dueOf({ key, watched, runs }: Entry, now: Millis): Due[] {
  const due = [...runs.values()].filter((run) => isDue(run, now));
  // Those that are not due as well: a checkpoint may be newer than the newest instant, and then the grid decides.
  for (const run of runs.values()) run.fresh = false;
  return due.map((run) => ({ key, run, scope: watched.scope, pods: () => watched.pods() }));
}

/** One run per context: those that are there go on with the newest context, those without a context end. */
function renewRuns({ key, watched, runs }: Entry, log: Log): Map<string, GateRun> {
  const { contexts, scrapeMs, checkpoint = '' } = watched;
  const known = contexts.every(({ gate }) => runs.has(gate.name));
  const saved = known ? new Map<string, string>() : readCheckpoint(checkpoint);
  const next = new Map<string, GateRun>();
  for (const given of contexts) {
    const { name } = given.gate;
    // The gate, too, must know how old a sample may be where scrapes are further apart than ticks.
    const context = { scrapeMs, ...given };
    const run = runs.get(name) ?? startRun(context, scrapeMs, saved.get(name));
    if (!runs.has(name)) log.info('watching a gate', { rollout: key, gate: name, countedTo: run.foldedTo });
    Object.assign(run, { context, scrapeMs: scrapeFor(context, scrapeMs) });
    next.set(name, run);
  }
  for (const [name, run] of runs) run.gone = !next.has(name);
  return next;
}

function forget(runs: Iterable<GateRun>): void {
  for (const run of runs) run.gone = true;
}
