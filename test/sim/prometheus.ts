import { CANARY_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { SourcePool } from '#operator/source-pool.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { InstantResult, Labels, MetricSource, QueryCost, Sample, Series } from '#ports/metric-source.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import { ANSWERS, ODD } from './shapes.ts';
import { NAMESPACE_NAME } from './shop.ts';

/**
 * Users, and a Prometheus that counts what they meet: requests go as the gateway sends them now, fail as their images do,
 * and are scraped once a second. It answers the queries of an events SLI for the production gate engine, whole or in every
 * odd shape.
 */

export const SHAPES = [...ANSWERS, 'twice scraped', 'partial', 'both arms bad'] as const;
export type Shape = (typeof SHAPES)[number];

/** Shapes that tell nothing of what users meet. */
export const SILENT: readonly Shape[] = ['down', 'empty', 'NaN', '+Inf', '-Inf', 'twice scraped'];

/** Requests a second, of all users together. */
const RATE = 2000;
/** Share of requests that a bad image fails. A sound one fails none, so whoever blames it has no reason. */
const ROTTEN = 0.4;
const SCRAPE_MS = 1000;
const ANSWER_MS = 20;
const SLOW_MS = 15_000;
const LOOKBACK_MS = 300_000;
/** Scrapes that are kept of each process. */
const KEPT = 400;
const cost: QueryCost = { bytes: 0, series: 0, elapsedMs: 0 };

export interface Shop {
  clock: Clock;
  pods(): KubeObject[];
  /** Share of the traffic that the gateway sends to the canary at this moment. */
  canaryShare(): number;
  isRotten(pod: KubeObject): boolean;
  shape(): Shape;
}

interface Scrape {
  at: Millis;
  total: number;
  bad: number;
}

interface Process {
  pod: string;
  total: number;
  bad: number;
  scrapes: Scrape[];
  /** Its target is gone: from here on Prometheus knows it no more. */
  goneAt: Millis;
}

export class Prometheus {
  readonly #shop: Shop;
  readonly #processes = new Map<string, Process>();

  constructor(shop: Shop) {
    this.#shop = shop;
    const second = () => {
      this.#serve();
      this.#scrape();
      shop.clock.timer(SCRAPE_MS, second);
    };
    shop.clock.timer(SCRAPE_MS, second);
  }

  /** All counters begin again, though no process did. */
  reset(): void {
    for (const process of this.#processes.values()) Object.assign(process, { total: 0, bad: 0 });
  }

  /** As one operator process reaches it: what has died hears no answer. */
  pool(clock: Clock): SourcePool {
    const source = this.#source(clock);
    return { refresh: async () => undefined, sourceFor: () => source, close: () => undefined };
  }

  #serve(): void {
    const ready = this.#shop.pods().filter((pod) => readySince(pod) !== undefined);
    const share = this.#shop.canaryShare();
    for (const [label, requests] of [
      [CANARY_LABEL, RATE * share],
      [STABLE_LABEL, RATE * (1 - share)],
    ] as const) {
      const pods = ready.filter(({ metadata }) => metadata.labels?.[label] === 'true');
      for (const pod of pods) this.#count(pod, requests / pods.length);
    }
  }

  #count(pod: KubeObject, requests: number): void {
    const process = this.#processOf(pod.metadata.name);
    process.total += requests;
    if (this.#shop.shape() === 'both arms bad' || this.#shop.isRotten(pod)) process.bad += requests * ROTTEN;
  }

  #processOf(pod: string): Process {
    const known = this.#processes.get(pod) ?? { pod, total: 0, bad: 0, scrapes: [], goneAt: Number.POSITIVE_INFINITY };
    this.#processes.set(pod, known);
    return known;
  }

  #scrape(): void {
    const at = this.#shop.clock.now();
    const there = new Set(this.#shop.pods().map(({ metadata }) => metadata.name));
    for (const pod of there) this.#processOf(pod);
    for (const process of this.#processes.values()) {
      if (!there.has(process.pod)) process.goneAt = Math.min(process.goneAt, at);
      else process.scrapes.push({ at, total: Math.floor(process.total), bad: Math.floor(process.bad) });
      if (process.scrapes.length > KEPT * 2) process.scrapes.splice(0, KEPT);
    }
  }

  #source(clock: Clock): MetricSource {
    const answer = async <T>(compute: () => T): Promise<T> => {
      await sleep(clock, this.#shop.shape() === 'slow' ? SLOW_MS : ANSWER_MS);
      if (this.#shop.shape() === 'down') throw new OperatorError('SOURCE_UNREACHABLE', 'the source is down');
      return compute();
    };
    return {
      name: 'main',
      query: (promql, { at }) =>
        answer(() => {
          const result: InstantResult = { kind: 'vector', samples: this.#samples(promql, at), histograms: [] };
          return { result, warnings: [], cost };
        }),
      range: (promql, { from, to, stepMs }) =>
        answer(() => {
          const series = new Map<string, Series>();
          for (let at = from; at <= to; at += stepMs)
            for (const { labels, value } of this.#samples(promql, at)) {
              const key = JSON.stringify(labels);
              const known = series.get(key) ?? { labels, points: [], histograms: [] };
              known.points.push({ at, value });
              series.set(key, known);
            }
          return { result: { kind: 'matrix' as const, series: [...series.values()] }, warnings: [], cost };
        }),
    };
  }

  #samples(promql: string, at: Millis): Sample[] {
    const shape = this.#shop.shape();
    // Budgets and the past of stable are asked for by functions: nobody knows them here.
    if (shape === 'empty' || promql.includes('increase(')) return [];
    const prefixes = new RegExp(`^(?:${/pod=~"([^"]*)"/.exec(promql)?.[1] ?? '.*'})$`);
    const found = [...this.#processes.values()].filter(({ pod }) => prefixes.test(pod));
    const told = shape === 'partial' ? found.slice(0, Math.floor(found.length / 2)) : found;
    return told.flatMap((process) => this.#sample(process, { promql, at, shape }));
  }

  #sample(process: Process, { promql, at, shape }: { promql: string; at: Millis; shape: Shape }): Sample[] {
    const scrape = process.scrapes.findLast((one) => one.at <= at);
    if (scrape === undefined || at >= process.goneAt || at - scrape.at > LOOKBACK_MS) return [];
    const labels = labelsOf(process);
    const isTime = promql.includes('timestamp(');
    if (promql.includes('up{')) {
      const jobs = shape === 'twice scraped' ? ['a', 'b'] : ['a'];
      return jobs.map((job) => ({ labels: { ...labels, job }, value: isTime ? scrape.at / 1000 : 1, at }));
    }
    const count = promql.includes('code=~') ? scrape.bad : scrape.total;
    // A client library shows a series with its first event.
    if (count === 0) return [];
    const one = { labels, value: isTime ? scrape.at / 1000 : (ODD[shape] ?? count), at };
    return shape === 'doubled' ? [one, { ...one, labels: { ...labels, container: 'proxy' } }] : [one];
  }
}

function labelsOf({ pod }: Process): Labels {
  return { namespace: NAMESPACE_NAME, pod, container: 'app', instance: `${pod}:8080` };
}
