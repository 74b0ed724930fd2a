import type { Slo } from '#core/gate.ts';
import { readTick } from '#gates/evidence.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import { createPass } from '#operator/gate-asks.ts';
import { readTicks } from '#operator/gate-samples.ts';
import { createLane, createSend } from '#operator/gate-send.ts';
import type { MetricSource } from '#ports/metric-source.ts';
import { systemClock } from '#runtime/system-clock.ts';
import type { Scope } from '#sources/promql.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';

/** Requests and the bad ones among them. */
type Pair = [total: number, bad: number];

export interface Between {
  slo: Slo;
  scope: Scope;
  /** Two instants, each within three scrapes of the newest one of then. */
  from: Millis;
  to: Millis;
  scrapeMs: Millis;
  /** The pods of the release; for counts of a gateway there are none to know. */
  pods?: PodInfo[];
}

/** What each arm counted between two instants, by the operator's own queries and evidence. */
export async function grownBetween(source: MetricSource, between: Between): Promise<{ stable: Pair; canary: Pair }> {
  const { slo, from, to, scrapeMs, pods = [] } = between;
  const first = await tickAt(source, from, between);
  const { look } = readTick({ before: undefined, tick: first, pods: first.pods ?? pods, scrapeMs });
  const tick = await tickAt(source, to, between);
  const { sums, unscraped } = readTick({ before: look, tick, pods: tick.pods ?? pods, scrapeMs });
  if (unscraped.length > 0) throw new Error(`${unscraped.join(', ')} showed nothing new`);
  const pair = pairsOf(slo, tick.names);
  return { stable: pair(sums.stable), canary: pair(sums.canary) };
}

/** Bounds are named by their numbers: what is within the threshold is good, and so is what is not bad. */
function pairsOf({ sli }: Slo, names: readonly string[]): (sums: readonly number[]) => Pair {
  const part = sli.kind === 'latency' ? names.indexOf(String(sli.threshold)) : 1;
  const isGood = sli.kind === 'latency' || names[part] === 'good';
  return (sums) => {
    const [total = 0] = sums;
    const other = sums[part] ?? Number.NaN;
    return [total, isGood ? total - other : other];
  };
}

async function tickAt(source: MetricSource, at: Millis, { slo, scope, scrapeMs }: Between): Promise<TickSamples> {
  const deps = { source, lane: createLane(source), clock: systemClock, telemetry: recordTelemetry() };
  let ticks: TickSamples[] = [];
  await createPass(createSend(deps)).read(async (asks) => {
    ticks = await readTicks(asks, { slo, scope, scrapeMs }, { from: at, to: at, stepMs: 1000 });
  });
  const [tick] = ticks;
  if (tick === undefined) throw new Error('the source told nothing');
  return tick;
}
