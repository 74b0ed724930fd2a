import type { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import { sleep } from '#ports/clock.ts';
import type { InstantResult, Labels, MetricSource, QueryCost, Sample, Series } from '#ports/metric-source.ts';

/** A process whose counters are functions of time, scraped at its own offset within the interval. */
export interface FakeProcess {
  pod: string;
  bornAt: Millis;
  offsetMs: Millis;
  total(at: Millis): number;
  bad(at: Millis): number;
  /** How many targets scrape it; default 1. */
  targets?: number;
  /** Instants at which nobody scrapes it, without the mark that Prometheus leaves when it ends a target. */
  unscraped?: { from: Millis; to: Millis };
}

export interface FakePrometheus extends MetricSource {
  processes: FakeProcess[];
  /** Every question that reached it. */
  asked: { promql: string; from: Millis; to: Millis }[];
  /** While set, every question fails so. */
  failure: OperatorError | undefined;
  /** Fails the questions that contain the text alone. */
  failing: { text: string; error: OperatorError } | undefined;
  /** How long an answer takes. */
  delayMs: Millis;
  /** Questions under way at the same time, at most so far. */
  mostAtOnce: number;
}

const LOOKBACK_MS = 300_000;
const cost: QueryCost = { bytes: 0, series: 0, elapsedMs: 0 };

/** A port fake that computes answers to the queries of event SLIs from scripted counters; bad has a `code` matcher. */
export function fakePrometheus(options: { name?: string; clock: Clock; scrapeMs: Millis }): FakePrometheus {
  const { clock, scrapeMs, name = 'main' } = options;
  let atOnce = 0;
  async function answer<T>(promql: string, span: { from: Millis; to: Millis }, compute: () => T): Promise<T> {
    source.asked.push({ promql, ...span });
    atOnce += 1;
    source.mostAtOnce = Math.max(source.mostAtOnce, atOnce);
    try {
      if (source.delayMs > 0) await sleep(clock, source.delayMs);
      if (source.failure !== undefined) throw source.failure;
      if (source.failing !== undefined && promql.includes(source.failing.text)) throw source.failing.error;
      return compute();
    } finally {
      atOnce -= 1;
    }
  }
  const samples = (promql: string, at: Millis) =>
    source.processes.flatMap((one) => evaluate(one, { promql, at, scrapeMs }));
  const source: FakePrometheus = {
    name,
    processes: [],
    asked: [],
    failure: undefined,
    failing: undefined,
    delayMs: 0,
    mostAtOnce: 0,
    query: (promql, { at }) =>
      answer(promql, { from: at, to: at }, () => {
        const result: InstantResult = { kind: 'vector', samples: samples(promql, at), histograms: [] };
        return { result, warnings: [], cost };
      }),
    range: (promql, { from, to, stepMs }) =>
      answer(promql, { from, to }, () => {
        const series = new Map<string, Series>();
        for (let at = from; at <= to; at += stepMs) {
          for (const { labels, value } of samples(promql, at)) {
            const key = JSON.stringify(labels);
            const known = series.get(key) ?? { labels, points: [], histograms: [] };
            known.points.push({ at, value });
            series.set(key, known);
          }
        }
        return { result: { kind: 'matrix', series: [...series.values()] }, warnings: [], cost };
      }),
  };
  return source;
}

function evaluate(one: FakeProcess, ask: { promql: string; at: Millis; scrapeMs: Millis }): Sample[] {
  const { promql, at, scrapeMs } = ask;
  const scrapeBefore = (then: Millis) => Math.floor((then - one.offsetMs) / scrapeMs) * scrapeMs + one.offsetMs;
  const { from, to } = one.unscraped ?? { from: 0, to: 0 };
  const newest = scrapeBefore(at);
  const scrapedAt = newest >= from && newest < to ? scrapeBefore(from - 1) : newest;
  const prefixes = /pod=~"([^"]*)"/.exec(promql)?.[1] ?? '.*'; // left out where there are many
  if (!new RegExp(`^(?:${prefixes})$`).test(one.pod)) return [];
  if (scrapedAt < one.bornAt || at - scrapedAt > LOOKBACK_MS) return [];
  if (promql.includes('up{')) {
    return Array.from({ length: one.targets ?? 1 }, (_, index) => ({
      labels: { ...labelsOf(one), job: `job-${index}` },
      value: promql.startsWith('timestamp(') ? scrapedAt / 1000 : 1,
      at,
    }));
  }
  const value = promql.includes('code=~') ? one.bad(scrapedAt) : one.total(scrapedAt);
  if (value === 0) return []; // the client library shows a series with its first event
  return [{ labels: labelsOf(one), value: promql.includes('timestamp(') ? scrapedAt / 1000 : value, at }];
}

function labelsOf({ pod }: FakeProcess): Labels {
  return { namespace: 'shop', pod, container: 'app', instance: `${pod}:8080` };
}
