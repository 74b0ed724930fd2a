import type { GateContext, GateReading } from '#core/gate.ts';
import type { GateEngine, Watched } from '#operator/gate-engine.ts';
import type { SourcePool } from '#operator/source-pool.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { Outside } from '#src/compose-loop.ts';
import { noEvidence } from '../core/world.ts';
import { TICK_MS } from './process.ts';
import type { Prometheus } from './prometheus.ts';

/** Gates and probes that know what the world is like, in the place of those that measure it. */

export type Verdict = Pick<GateReading, 'verdict' | 'stable' | 'cause'>;

const PROBE_MS = 5;

export interface Truth {
  /** What a gate sees of the canary whose ReplicaSet is so named, after so many ticks at this step. */
  verdictOf(canarySet: string, context: GateContext, ticks: number): Verdict;
  /** Whether the pod with this address answers a probe. */
  answers(pod: string): boolean;
}

/** With a Prometheus gates are the production's, and it alone is made up. */
export function outsideOf(truth: Truth, clock: Clock, prometheus: Prometheus | undefined): Partial<Outside> {
  return {
    ...(prometheus === undefined
      ? { engine: (again) => truthfulEngine(truth, clock, again), sources: blindSources }
      : { sources: prometheus.pool(clock) }),
    probe: async ({ target }) => {
      // It takes its time, and a process that has died waits for ever.
      await sleep(clock, PROBE_MS);
      const ok = truth.answers(target.pod);
      return { ok, latencyMs: PROBE_MS, reason: ok ? 'ok' : 'status 500' };
    },
  };
}

/** Nobody measures traffic here: budgets and ramps go without figures. */
const blindSources: SourcePool = {
  refresh: async () => undefined,
  sourceFor: () => undefined,
  close: () => undefined,
} as Partial<SourcePool> as SourcePool;

interface Entry {
  watched: Watched;
  /** Ticks since a gate's step began to be watched. */
  steps: Map<string, { epoch: string; since: number }>;
}

function truthfulEngine(truth: Truth, clock: Clock, again: (key: string) => void): GateEngine {
  const entries = new Map<string, Entry>();
  let ticking = false;
  const tick = () => {
    ticking = entries.size > 0;
    if (ticking) clock.timer(TICK_MS, tick);
    for (const key of entries.keys()) again(key);
  };
  const read = ({ watched: { scope }, steps }: Entry, context: GateContext): GateReading => {
    const { gate, epoch, stepEpoch } = context;
    const step = steps.get(gate.name);
    const ticks = step === undefined ? 0 : Math.floor((clock.monotonic() - step.since) / TICK_MS);
    const said = truth.verdictOf(scope.replicaSets[1] ?? '', context, ticks);
    return { gate: gate.name, role: gate.role, epoch, stepEpoch, message: said.verdict, evidence: noEvidence, ...said };
  };
  return {
    watch(key, watched) {
      const entry = entries.get(key) ?? { watched, steps: new Map() };
      entry.watched = watched;
      for (const { gate, stepEpoch } of watched.contexts)
        if (entry.steps.get(gate.name)?.epoch !== stepEpoch)
          entry.steps.set(gate.name, { epoch: stepEpoch, since: clock.monotonic() });
      entries.set(key, entry);
      if (!ticking) clock.timer(TICK_MS, tick);
      ticking = true;
    },
    unwatch: (key) => void entries.delete(key),
    readings(key) {
      const entry = entries.get(key);
      return entry === undefined ? [] : entry.watched.contexts.map((context) => read(entry, context));
    },
    checkpoint: () => '',
    costs: () => [],
    seasons: () => [],
    stop: () => entries.clear(),
  };
}
