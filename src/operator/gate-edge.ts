import type { LatencySli, Selector, Slo } from '#core/gate.ts';
import { STALE_SCRAPES } from '#gates/bounds.ts';
import {
  type Arm,
  type CounterSample,
  joinCounters,
  type PodInfo,
  type ProcessName,
  type TickSamples,
} from '#gates/evidence.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import { type EdgeSplit, edgeBucketsQuery, edgeCountQuery, edgeScrapedQuery } from '#sources/promql-edge.ts';
import type { Asks, Grid, Span } from './gate-asks.ts';
import { bucketsOf } from './gate-buckets.ts';
import { countersOf, wholeOf } from './gate-counters.ts';
import { nameOf, scrapeTimes } from './gate-processes.ts';

/**
 * Counters of a gateway, whose processes serve both arms: each process stands for one pod of each arm, so that births,
 * resets and late scrapes are told as they are for pods.
 */

export interface EdgeWanted {
  slo: Slo;
  split: EdgeSplit;
  scrapeMs: Millis;
  span: Span;
}

/** The samples of a span, by instant. */
export async function readEdge(asks: Asks, wanted: EdgeWanted): Promise<(at: Millis) => TickSamples> {
  const { slo, split, scrapeMs, span } = wanted;
  const { sli } = slo;
  const [read, scraped] = await Promise.all([
    sli.kind === 'latency' ? readBuckets(asks, sli, wanted) : readCounters(asks, countersOf(sli), wanted),
    asks.ask(edgeScrapedQuery(wholeOf(sli), split), span),
  ]);
  return (at) => {
    const times = scrapeTimes(scraped, at);
    const { names, samples } = read(at, times);
    return { at, names, samples, ...standIns(times, at - STALE_SCRAPES * scrapeMs) };
  };
}

type Read = (at: Millis, times: ReadonlyMap<string, Millis>) => Pick<TickSamples, 'names' | 'samples'>;

async function readCounters(
  asks: Asks,
  counters: readonly { name: string; selector: Selector }[],
  { split, span }: EdgeWanted,
): Promise<Read> {
  const armOf = armsOf(split);
  const grids = await Promise.all(counters.map(({ selector }) => asks.ask(edgeCountQuery(selector, split), span)));
  const names = counters.map(({ name }) => name);
  return (at, times) => ({ names, samples: joinCounters(grids.map((grid) => countsAt(grid, at, { armOf, times }))) });
}

async function readBuckets(asks: Asks, sli: LatencySli, { split, span }: EdgeWanted): Promise<Read> {
  const armOf = armsOf(split);
  const grid = await asks.ask(edgeBucketsQuery(sli.histogram, split), span);
  return (at, times) => bucketsOf(grid.get(at) ?? [], (labels) => edgeName(labels, { armOf, times }));
}

interface Naming {
  armOf(labels: Labels): Arm | undefined;
  times: ReadonlyMap<string, Millis>;
}

/** Several values of the label may be one arm, e.g. one for each route: their counts are summed. */
function countsAt(grid: Grid, at: Millis, naming: Naming): CounterSample[] {
  const sums = new Map<string, CounterSample>();
  for (const { labels, value } of grid.get(at) ?? []) {
    const name = edgeName(labels, naming);
    if (name === undefined) continue;
    const known = sums.get(name.process);
    sums.set(name.process, { ...name, value: value + (known?.value ?? 0) });
  }
  return [...sums.values()];
}

function edgeName(labels: Labels, { armOf, times }: Naming): ProcessName | undefined {
  const name = nameOf(labels, times);
  const arm = armOf(labels);
  if (name === undefined || arm === undefined) return undefined;
  const process = standIn(name.process, arm);
  return { ...name, process, pod: process };
}

function armsOf({ label, stable, canary }: EdgeSplit): Naming['armOf'] {
  const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
  const arms = { stable: whole(stable), canary: whole(canary) };
  return ({ [label]: value = '' }) => {
    if (arms.canary.test(value)) return 'canary';
    return arms.stable.test(value) ? 'stable' : undefined;
  };
}

function standIn(process: string, arm: Arm): string {
  return `${process}#${arm}`;
}

/** Each gateway process that was scraped lately, once for each arm; one that is gone is waited for by nobody. */
function standIns(times: ReadonlyMap<string, Millis>, oldest: Millis): Required<Pick<TickSamples, 'pods' | 'targets'>> {
  const living = [...times].flatMap(([process, at]) => (at >= oldest ? [process] : []));
  const pods = living.flatMap((process) =>
    (['canary', 'stable'] as const).map((arm): PodInfo => {
      return { pod: standIn(process, arm), arm, available: true, containers: [] };
    }),
  );
  return { pods, targets: pods.map(({ pod }) => ({ pod, count: 1, up: 1 })) };
}
