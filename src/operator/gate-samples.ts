import type { Selector, Sli, Slo } from '#core/gate.ts';
import { type CounterSample, joinCounters, type PodTargets, type TickSamples } from '#gates/evidence.ts';
import { canonicalJson } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import { countQuery, type Scope, scrapedQuery, targetsQuery, targetTimesQuery } from '#sources/promql.ts';
import type { Asks, Grid, Point, Span } from './gate-asks.ts';

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
  const [first, ...more] = countersOf(slo.sli);
  const [lists, ups, times] = await Promise.all([
    Promise.all([first, ...more].map(({ selector }) => readCounter(asks, selector, { scope, span }))),
    asks.ask(targetsQuery(first.selector, scope), span),
    asks.ask(targetTimesQuery(first.selector, scope), span),
  ]);
  const names = [first, ...more].map(({ name }) => name);
  return instants(span).map((at) => ({
    at,
    names,
    samples: joinCounters(lists.map((list) => list(at))),
    targets: targetsOf(ups.get(at) ?? [], { times: times.get(at) ?? [], oldest: at - GHOST_SCRAPES * scrapeMs }),
  }));
}

interface Counter {
  name: string;
  selector: Selector;
}

/** What is counted for an SLI; the first is what all of it is a part of. */
export function countersOf(sli: Sli): [Counter, ...Counter[]] {
  if (sli.kind === 'events') {
    const { total, bad, good } = sli;
    return [
      { name: 'total', selector: total },
      ...(bad === undefined ? [] : [{ name: 'bad', selector: bad }]),
      ...(good === undefined ? [] : [{ name: 'good', selector: good }]),
    ];
  }
  if (sli.kind === 'latency') {
    const { metric, matchers } = sli.histogram;
    return [{ name: 'total', selector: { metric: `${metric}_count`, matchers } }];
  }
  const { exposure, events, value } = sli;
  return [
    { name: 'exposure', selector: exposure },
    ...(events === undefined ? [] : [{ name: 'events', selector: events }]),
    ...(value === undefined ? [] : [{ name: 'value', selector: value }]),
  ];
}

function instants({ from, to, stepMs }: Span): Millis[] {
  return Array.from({ length: Math.floor((to - from) / stepMs) + 1 }, (_, index) => from + index * stepMs);
}

type At = (at: Millis) => CounterSample[];

async function readCounter(asks: Asks, selector: Selector, where: { scope: Scope; span: Span }): Promise<At> {
  const { scope, span } = where;
  const [counts, scraped] = await Promise.all([
    asks.ask(countQuery(selector, scope), span),
    asks.ask(scrapedQuery(selector, scope), span),
  ]);
  return (at) => joinSamples(counts, scraped, at);
}

function joinSamples(counts: Grid, scraped: Grid, at: Millis): CounterSample[] {
  const times = new Map((scraped.get(at) ?? []).map(({ labels, value }) => [processOf(labels), value * 1000]));
  return (counts.get(at) ?? []).flatMap(({ labels, value }) => {
    const process = processOf(labels);
    const scrapedAt = times.get(process);
    // A count of unknown age is no evidence.
    if (scrapedAt === undefined || !Number.isFinite(scrapedAt)) return [];
    const { pod = '', container = '' } = labels;
    return [{ process, pod, container, value, scrapedAt: Math.round(scrapedAt) }];
  });
}

function processOf({ namespace = '', pod = '', container = '', instance = '' }: Labels): string {
  return `${namespace}/${pod}/${container}/${instance}`;
}

/**
 * Targets by pod. One that is gone shows its last `up` for five minutes after an unclean end: it is no success, and
 * beside a living one it does not make two. Alone it still says that there was a target, whose scrapes do not come.
 */
function targetsOf(ups: Point[], { times, oldest }: { times: Point[]; oldest: Millis }): PodTargets[] {
  const scrapedAt = new Map(times.map(({ labels, value }) => [targetOf(labels), value * 1000]));
  const pods = new Map<string, PodTargets>();
  for (const { labels, value } of ups) {
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
}

/** A target by all of its labels; the name of the metric is not one of them, `timestamp()` drops it. */
function targetOf({ __name__: _, ...labels }: Labels): string {
  return canonicalJson(labels);
}
