import type { LatencySli } from '#core/gate.ts';
import type { ProcessName, ProcessSample } from '#gates/samples.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import type { Question, Within } from '#sources/ask.ts';
import { countsUpTo, powerBounds } from '#sources/native-histogram.ts';
import type { Asks, Point, Span } from './gate-asks.ts';
import { countOf } from './gate-counters.ts';
import { nameOf, scrapeTimes } from './gate-processes.ts';

/** Histograms as counters: `total`, and for each bound how many were at most that slow. */

export interface Buckets {
  names: string[];
  samples: ProcessSample[];
}

/** The counter of each bucket of a process, with its bound in `le`; of a native histogram all of them in one value. */
export function bucketsQuestion({ histogram, form }: LatencySli, within: Within): Question {
  const { metric, matchers } = histogram;
  if (form === 'Native') return { what: 'Counts', selector: histogram, within };
  return { what: 'Counts', selector: { metric: `${metric}_bucket`, matchers }, keep: 'le', within };
}

export async function readBuckets(
  asks: Asks,
  sli: LatencySli,
  { within, span }: { within: Within; span: Span },
): Promise<(at: Millis) => Buckets> {
  const [counts, scraped] = await Promise.all([
    asks.ask(bucketsQuestion(sli, within), span),
    asks.ask({ what: 'ScrapeTimes', selector: countOf(sli), within }, span),
  ]);
  return (at) => {
    const times = scrapeTimes(scraped, at);
    return bucketsOf(sli, counts.get(at) ?? [], (labels) => nameOf(labels, times));
  };
}

interface Process extends ProcessName {
  buckets: Map<number, number>;
}

/** Buckets by process, kept to the bounds that all processes have: one of a few says nothing about the others. */
export function bucketsOf(
  sli: LatencySli,
  points: readonly Point[],
  name: (labels: Labels) => ProcessName | undefined,
): Buckets {
  const processes = new Map<string, Process>();
  for (const point of points) {
    const process = name(point.labels);
    if (process !== undefined) for (const bucket of bucketsIn(point, sli)) take(processes, process, bucket);
  }
  const all = [...processes.values()];
  const [first, ...rest] = all.map(({ buckets }) => buckets);
  const shared = [...(first?.keys() ?? [])].filter((bound) => rest.every((buckets) => buckets.has(bound)));
  const bounds = shared.filter(Number.isFinite).sort((a, b) => a - b);
  return {
    names: ['total', ...bounds.map(String)],
    samples: all.map(({ buckets, ...process }) => ({
      ...process,
      values: [Number.POSITIVE_INFINITY, ...bounds].map((bound) => buckets.get(bound) ?? 0),
    })),
  };
}

type Bucket = [bound: number, count: number];

function bucketsIn(
  { labels, value, histogram }: Point,
  { form, threshold, histogram: { metric } }: LatencySli,
): Bucket[] {
  if (form === 'Classic') {
    const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le'] ?? Number.NaN);
    return Number.isNaN(bound) ? [] : [[bound, value]];
  }
  if (histogram === undefined) {
    const message = `${metric} is no native histogram; set sli.latency.form to Classic, or name one`;
    throw new OperatorError('SOURCE_QUERY', message);
  }
  const bounds = powerBounds(threshold);
  const counts = countsUpTo(histogram, bounds);
  const known = bounds.flatMap((bound, index): Bucket[] => {
    const count = counts[index];
    return count === undefined ? [] : [[bound, count]];
  });
  return [...known, [Number.POSITIVE_INFINITY, histogram.count]];
}

/** Several series of one process and bound, e.g. one for each route, are summed. */
function take(processes: Map<string, Process>, name: ProcessName, [bound, count]: Bucket): void {
  const known = processes.get(name.process) ?? { ...name, buckets: new Map<number, number>() };
  known.buckets.set(bound, count + (known.buckets.get(bound) ?? 0));
  processes.set(name.process, known);
}
