import type { PodInfo } from '#gates/samples.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import type { ProbeOutcomes } from '#ports/probe-outcomes.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Scope } from '#sources/promql.ts';
import { createPass, type Pass } from './gate-asks.ts';
import { failRun, type GateRun, isProbed, readProbes, readRun, withoutSource } from './gate-run.ts';
import { isSeasonDue, lookAtSeason } from './gate-season.ts';
import { createLane, createSend, type Lane } from './gate-send.ts';

export interface PassDeps {
  clock: Clock;
  sourceFor(name: string | undefined): MetricSource | undefined;
  log: Log;
  telemetry: Telemetry;
  onReading(key: string): void;
  /** Left out: no probe is ever answered. */
  probes?: ProbeOutcomes;
}

/** One gate that is due, with what it takes to read it. */
export interface Due {
  key: string;
  run: GateRun;
  scope: Scope;
  pods(): PodInfo[];
}

// A source cannot ask for so much quiet that releases stand for hours.
const MAX_QUIET_MS = 300_000;

/**
 * Reads the gates that are due. A gate that is still being read when its next tick comes is not read a second time:
 * it skips the tick and finds it again in its next pass. Sources do not wait for each other.
 */
export function createPasses(deps: PassDeps): { start(due: Due[]): void } {
  const { clock, telemetry } = deps;
  const lanes = new Map<string, { source: MetricSource; lane: Lane }>();

  function laneOf(source: MetricSource): Lane {
    const known = lanes.get(source.name);
    // A source that was opened anew, with other limits, is another one.
    if (known?.source === source) return known.lane;
    const lane = createLane(source);
    lanes.set(source.name, { source, lane });
    return lane;
  }

  async function pass(source: MetricSource, due: Due[]): Promise<void> {
    const lane = laneOf(source);
    if (clock.monotonic() < lane.quietUntil) return;
    const asking = createPass(createSend({ source, lane, clock, telemetry }));
    const read = async (one: Due) => {
      one.run.busy = true;
      try {
        one.run.cost = await asking.read((asks) =>
          readRun(one.run, { ...one, asks, clock, telemetry, source: source.name }),
        );
      } catch (error) {
        failRun(one.run, error);
        if (hasCode(error, 'SOURCE_THROTTLED')) lane.quietUntil = quietUntil(error.retryAfterMs, clock);
        deps.log.warn('a gate could not be read', { rollout: one.key, gate: one.run.context.gate.name, error });
      } finally {
        one.run.busy = false;
      }
    };
    for (const one of due) void season(one, asking);
    await Promise.all([...byKey(due)].map(([key, gates]) => Promise.all(gates.map(read)).then(() => tell(key, gates))));
  }

  /** Beside the reading of the gate, which does not wait for it. */
  async function season({ key, run }: Due, asking: Pass): Promise<void> {
    const { slo } = run.context.gate;
    const askedAt = clock.monotonic();
    if (!isSeasonDue(slo, run.season, askedAt)) return;
    run.season = { failed: false, season: run.season?.season, askedAt };
    const wanted = { slo, key, now: clock.now(), scrapeMs: run.scrapeMs };
    await asking.read(async (asks) => {
      run.season = { askedAt, ...(await lookAtSeason(asks, wanted)) };
    });
  }

  function tell(key: string, gates: Due[]): void {
    if (gates.some(({ run }) => !run.gone)) deps.onReading(key);
  }

  function tellAll(due: Due[]): void {
    for (const [key, own] of byKey(due)) tell(key, own);
  }

  function readSource(name: string | undefined, due: Due[]): void {
    const source = deps.sourceFor(name);
    if (source !== undefined) {
      pass(source, due).catch((error: unknown) => deps.log.error('a pass over a source failed', { error }));
      return;
    }
    for (const { run } of due) withoutSource(run);
    tellAll(due);
  }

  return {
    start(due) {
      const [probed, sourced] = split(due);
      for (const { key, run } of probed) readProbes(run, key, deps);
      tellAll(probed);
      for (const [name, own] of bySource(sourced)) readSource(name, own);
    },
  };
}

function quietUntil(retryAfterMs: Millis | undefined, clock: Clock): Millis {
  return clock.monotonic() + Math.min(retryAfterMs ?? 0, MAX_QUIET_MS);
}

/** What the prober was answered is at hand; everything else is asked of a source. */
function split(due: Due[]): [probed: Due[], sourced: Due[]] {
  return [due.filter(({ run }) => isProbed(run.context)), due.filter(({ run }) => !isProbed(run.context))];
}

function bySource(due: Due[]): Map<string | undefined, Due[]> {
  return Map.groupBy(due, ({ run }) => run.context.gate.slo.source);
}

function byKey(due: Due[]): Map<string, Due[]> {
  return Map.groupBy(due, ({ key }) => key);
}
