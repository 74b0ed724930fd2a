import type { LatencySli, Selector } from '#core/gate.ts';
import type { ProcessSample } from '#gates/evidence.ts';
import type { Millis } from '#lib/units.ts';
import { bucketsQuery, type Scope, scrapedQuery } from '#sources/promql.ts';
import type { Asks, Grid, Point, Span } from './gate-asks.ts';
import { nameOf, scrapeTimes } from './gate-processes.ts';

/** Classic histograms as counters: `total`, and for each bound how many were at most that slow. */

export interface Buckets {
  names: string[];
  samples: ProcessSample[];
}

/** The series that carry the labels of the histogram's targets and the time of their scrapes. */
export function countOf({ histogram }: LatencySli): Selector {
  return { ...histogram, metric: `${histogram.metric}_count` };
}

export async function readBuckets(
  asks: Asks,
  sli: LatencySli,
  { scope, span }: { scope: Scope; span: Span },
): Promise<(at: Millis) => Buckets> {
  const [counts, scraped] = await Promise.all([
    asks.ask(bucketsQuery(sli.histogram, scope), span),
    asks.ask(scrapedQuery(countOf(sli), scope), span),
  ]);
  return (at) => bucketsAt(counts, scraped, at);
}

interface Process extends Omit<ProcessSample, 'values'> {
  buckets: Map<number, number>;
}

function bucketsAt(counts: Grid, scraped: Grid, at: Millis): Buckets {
  const times = scrapeTimes(scraped, at);
  const processes = new Map<string, Process>();
  for (const point of counts.get(at) ?? []) take(processes, point, times);
  const all = [...processes.values()];
  const [first, ...rest] = all.map(({ buckets }) => buckets);
  // Bounds that only some processes have say nothing about the others.
  const shared = [...(first?.keys() ?? [])].filter((bound) => rest.every((buckets) => buckets.has(bound)));
  const bounds = shared.filter(Number.isFinite).sort((a, b) => a - b);
  return {
    names: ['total', ...bounds.map(String)],
    samples: all.map(({ buckets, ...name }) => ({
      ...name,
      values: [Number.POSITIVE_INFINITY, ...bounds].map((bound) => buckets.get(bound) ?? 0),
    })),
  };
}

function take(processes: Map<string, Process>, { labels, value }: Point, times: ReadonlyMap<string, number>): void {
  const name = nameOf(labels, times);
  const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'] ?? Number.NaN);
  if (name === undefined || Number.isNaN(bound)) return;
  const known = processes.get(name.process) ?? { ...name, buckets: new Map<number, number>() };
  known.buckets.set(bound, value);
  processes.set(name.process, known);
}
