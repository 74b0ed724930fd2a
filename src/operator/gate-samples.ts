import type { Selector, Slo } from '#core/gate.ts';
import type { PodTargets, ProcessSample, TickSamples } from '#gates/evidence.ts';
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
 * evaluated at that instant, so total and bad never come from different scrapes.
 */
export async function readTicks(asks: Asks, wanted: Wanted, span: Span): Promise<TickSamples[]> {
  const { slo, scope, scrapeMs } = wanted;
  const [total, bad, good, ups, times] = await Promise.all([
    readCounters(asks, slo.total, { scope, span }),
    slo.bad === undefined ? undefined : readCounters(asks, slo.bad, { scope, span }),
    slo.good === undefined ? undefined : readCounters(asks, slo.good, { scope, span }),
    asks.ask(targetsQuery(slo.total, scope), span),
    asks.ask(targetTimesQuery(slo.total, scope), span),
  ]);
  return instants(span).map((at) => ({
    at,
    total: total(at),
    ...(bad === undefined ? {} : { bad: bad(at) }),
    ...(good === undefined ? {} : { good: good(at) }),
    targets: targetsOf(ups.get(at) ?? [], { times: times.get(at) ?? [], oldest: at - GHOST_SCRAPES * scrapeMs }),
  }));
}

function instants({ from, to, stepMs }: Span): Millis[] {
  return Array.from({ length: Math.floor((to - from) / stepMs) + 1 }, (_, index) => from + index * stepMs);
}

type At = (at: Millis) => ProcessSample[];

async function readCounters(asks: Asks, selector: Selector, where: { scope: Scope; span: Span }): Promise<At> {
  const { scope, span } = where;
  const [counts, scraped] = await Promise.all([
    asks.ask(countQuery(selector, scope), span),
    asks.ask(scrapedQuery(selector, scope), span),
  ]);
  return (at) => joinSamples(counts, scraped, at);
}

function joinSamples(counts: Grid, scraped: Grid, at: Millis): ProcessSample[] {
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
