import type { PodInfo, ProcessSample, TickSamples } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import { BOUNDS } from './latency.ts';
import { type Scenario, type Served, type Tally, TICK_MS } from './traffic.ts';

/** Counters in the pods, and what Prometheus has of them: the samples of each tick as the production gate reads them. */

/** Each scrape comes this long before the tick ends. */
const SCRAPE_LEAD_MS = 1000;

/** Prometheus answers with samples up to five minutes old, and has no `up` of targets that are gone longer. */
const LOOKBACK_MS = 300_000;

interface Counter {
  pod: string;
  values: readonly number[];
  /** What the last scrape saw. */
  scraped?: { values: readonly number[]; at: Millis };
}

/** What a process of this scenario counts, and what a tick adds to it. */
export function countersOf({ latency, business }: Scenario): {
  names: readonly string[];
  grown: (tally: Tally) => readonly number[];
} {
  if (latency !== undefined)
    return { names: ['total', ...BOUNDS.map(String)], grown: ({ total, within = [] }) => [total, ...within] };
  if (business !== undefined) return { names: ['exposure', 'events'], grown: ({ total, bad }) => [total, total - bad] };
  return { names: ['total', 'bad'], grown: ({ total, bad }) => [total, bad] };
}

export class Exporters {
  private readonly counters = new Map<string, Counter>();
  private readonly scenario: Scenario;
  private readonly names: readonly string[];
  private readonly grown: (tally: Tally) => readonly number[];

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    const { names, grown } = countersOf(scenario);
    this.names = names;
    this.grown = grown;
  }

  /** The same counters, which go their own way from now on. */
  copy(): Exporters {
    const copy = new Exporters(this.scenario);
    for (const [pod, counter] of this.counters) copy.counters.set(pod, { ...counter });
    return copy;
  }

  /** Spreads a tick over the pods that were there, and scrapes them. `restart` is told of the pod that began again. */
  observe(served: Served, pods: readonly PodInfo[], at: Millis, restart: (pod: string, at: Millis) => void): void {
    for (const arm of ['canary', 'stable'] as const) {
      const living = pods.filter((pod) => pod.arm === arm && startOf(pod) < at);
      for (const [slot, tally] of served[arm].entries()) {
        const pod = living[slot % Math.max(1, living.length)];
        const again = served.restarted?.arm === arm && served.restarted.slot === slot;
        if (again && pod !== undefined) restart(pod.pod, at - TICK_MS / 2);
        if (pod !== undefined) this.count(pod.pod, this.grown(tally), again);
      }
    }
    if (served.scraped) this.scrape(pods, at - SCRAPE_LEAD_MS);
  }

  private scrape(pods: readonly PodInfo[], at: Millis): void {
    for (const info of pods.filter((pod) => startOf(pod) < at)) {
      // Before its first request a pod has no series, but it has a target.
      if (!this.counters.has(info.pod)) this.count(info.pod, [], false);
      const counter = this.counters.get(info.pod);
      if (counter !== undefined) counter.scraped = { values: counter.values, at };
    }
  }

  private count(pod: string, grown: readonly number[], again: boolean): void {
    const before = this.counters.get(pod);
    const base = again ? undefined : before?.values;
    const values = this.names.map((_, index) => (base?.[index] ?? 0) + (grown[index] ?? 0));
    this.counters.set(pod, { pod, values, ...(before?.scraped === undefined ? {} : { scraped: before.scraped }) });
  }

  /** What the queries answer at the instant `at`. */
  tick(at: Millis, scraped: boolean): TickSamples {
    const fresh = [...this.counters.values()].filter((counter) => (counter.scraped?.at ?? -1) >= at - LOOKBACK_MS);
    const targets = fresh.map(({ pod }) => ({ pod, count: 1, up: scraped ? 1 : 0 }));
    return { at, names: this.names, samples: fresh.flatMap(sampleOf), targets };
  }
}

/** Series are born by their first event, as with client libraries that do not initialise them. */
function sampleOf({ pod, scraped }: Counter): ProcessSample[] {
  if (scraped === undefined || !scraped.values.some((value) => value > 0)) return [];
  const process = `shop/${pod}/app/10.0.0.1:8080`;
  return [{ process, pod, container: 'app', values: scraped.values, scrapedAt: scraped.at }];
}

function startOf({ containers }: PodInfo): Millis {
  return Math.min(...containers.map(({ startedAt }) => startedAt));
}
