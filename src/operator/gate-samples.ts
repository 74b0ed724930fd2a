import type { CountedSli, Selector, Slo } from '#core/gate.ts';
import { joinCounters } from '#gates/evidence.ts';
import type { CounterSample, PodTargets, TickSamples } from '#gates/samples.ts';
import { assert } from '#lib/assert.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import type { Within } from '#sources/ask.ts';
import type { Scope } from '#sources/promql.ts';
import type { Asks, Grid, Span } from './gate-asks.ts';
import { readBuckets } from './gate-buckets.ts';
import { countersOf, wholeOf } from './gate-counters.ts';
import { readEdge } from './gate-edge.ts';
import { nameOf, onceForAll, scrapeTimes } from './gate-processes.ts';
import { readQuery } from './gate-query.ts';

/** A target that was not scraped for this many scrapes is one no more, or its source has stopped scraping. */
const GHOST_SCRAPES = 2;

export interface Wanted {
  slo: Slo;
  scope: Scope;
  scrapeMs: Millis;
}

/**
 * Reads the counters of one objective at every instant of the span, oldest first. All queries of an instant are
 * evaluated at that instant, so no two counters come from different scrapes.
 */
export async function readTicks(asks: Asks, wanted: Wanted, span: Span): Promise<TickSamples[]> {
  const { slo, scope, scrapeMs } = wanted;
  const { sli, arms } = slo;
  assert(sli.kind !== 'probe', 'probes are answered by pods, not by a source');
  if (sli.kind === 'query') {
    const read = await readQuery(asks, sli, { scope, span });
    return instants(span).map(read);
  }
  if (arms.by === 'Label') {
    const read = await readEdge(asks, { sli, split: arms, scrapeMs, span });
    return instants(span).map(read);
  }
  const selector = wholeOf(sli);
  const within: Within = { by: 'Pod', scope };
  const [counters, ups, times] = await Promise.all([
    readCounters(asks, sli, { within, span }),
    asks.ask({ what: 'Targets', selector, within }, span),
    asks.ask({ what: 'TargetTimes', selector, within }, span),
  ]);
  return instants(span).map((at) => ({
    at,
    ...counters(at),
    targets: targetsOf(ups, at, { times, scrapeMs }),
  }));
}

function instants({ from, to, stepMs }: Span): Millis[] {
  return Array.from({ length: Math.floor((to - from) / stepMs) + 1 }, (_, index) => from + index * stepMs);
}

interface Where {
  within: Within;
  span: Span;
}

type At = (at: Millis) => Pick<TickSamples, 'names' | 'samples'>;

async function readCounters(asks: Asks, sli: CountedSli, where: Where): Promise<At> {
  if (sli.kind === 'latency') return readBuckets(asks, sli, where);
  const counters = countersOf(sli);
  const lists = await Promise.all(counters.map(({ selector }) => readCounter(asks, selector, where)));
  const names = counters.map(({ name }) => name);
  return (at) => ({ names, samples: joinCounters(lists.map((list) => list(at))) });
}

async function readCounter(
  asks: Asks,
  selector: Selector,
  { within, span }: Where,
): Promise<(at: Millis) => CounterSample[]> {
  const [counts, scraped] = await Promise.all([
    asks.ask({ what: 'Counts', selector, within }, span),
    asks.ask({ what: 'ScrapeTimes', selector, within }, span),
  ]);
  return (at) => {
    const times = scrapeTimes(scraped, at);
    return (counts.get(at) ?? []).flatMap(({ labels, value, histogram }) => {
      if (histogram !== undefined) throw notACounter(selector);
      const name = nameOf(labels, times);
      return name === undefined ? [] : [{ ...name, value }];
    });
  };
}

function notACounter({ metric }: Selector): OperatorError {
  const message = `${metric} is a native histogram; name a counter, or use a latency SLI of form Native`;
  return new OperatorError('SOURCE_QUERY', message);
}

/**
 * Targets by pod. One that is gone shows its last `up` for five minutes after an unclean end: it is no success, and
 * beside a living one it does not make two. Alone it still says that there was a target, whose scrapes do not come.
 */
const targetsOf = onceForAll((ups, at, { times, scrapeMs }: { times: Grid; scrapeMs: Millis }): PodTargets[] => {
  const oldest = at - GHOST_SCRAPES * scrapeMs;
  const scrapedAt = new Map((times.get(at) ?? []).map(({ labels, value }) => [targetOf(labels), value * 1000]));
  const pods = new Map<string, PodTargets>();
  for (const { labels, value } of ups.get(at) ?? []) {
    const { pod = '' } = labels;
    const alive = (scrapedAt.get(targetOf(labels)) ?? 0) > oldest;
    const known = pods.get(pod) ?? { pod, count: 0, up: 0 };
    pods.set(pod, {
      pod,
      count: known.count + (alive ? 1 : 0),
      up: known.up + (alive && value === 1 ? 1 : 0),
    });
  }
  const targets = [...pods.values()].map((target) => ({ ...target, count: Math.max(1, target.count) }));
  return targets.sort((a, b) => (a.pod < b.pod ? -1 : 1));
});

/** A target by all of its labels; the name of the metric is not one of them, `timestamp()` drops it. */
function targetOf(labels: Labels): string {
  const names = Object.keys(labels).filter((name) => name !== '__name__');
  return names
    .sort()
    .map((name) => `${name}=${labels[name]}`)
    .join('\0');
}
