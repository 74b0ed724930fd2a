import type { Counts } from '#core/gate.ts';
import { type CounterSample, joinCounters, type PodInfo, type TickSamples } from '#gates/evidence.ts';
import type { Millis } from '#lib/units.ts';
import { type Served, TICK_MS } from './traffic.ts';

/** Counters in the pods, and what Prometheus has of them: the samples of each tick as the production gate reads them. */

/** Each scrape comes this long before the tick ends. */
const SCRAPE_LEAD_MS = 1000;

/** Prometheus answers with samples up to five minutes old, and has no `up` of targets that are gone longer. */
const LOOKBACK_MS = 300_000;

interface Counter extends Counts {
  pod: string;
  /** What the last scrape saw. */
  scraped?: Counts & { at: Millis };
}

export class Exporters {
  private readonly counters = new Map<string, Counter>();

  /** Spreads a tick over the pods that were there, and scrapes them. `restart` is told of the pod that began again. */
  observe(served: Served, pods: readonly PodInfo[], at: Millis, restart: (pod: string, at: Millis) => void): void {
    for (const arm of ['canary', 'stable'] as const) {
      const living = pods.filter((pod) => pod.arm === arm && startOf(pod) < at);
      for (const [slot, counts] of served[arm].entries()) {
        const pod = living[slot % Math.max(1, living.length)];
        const again = served.restarted?.arm === arm && served.restarted.slot === slot;
        if (again && pod !== undefined) restart(pod.pod, at - TICK_MS / 2);
        if (pod !== undefined) this.count(pod.pod, counts, again);
      }
    }
    if (served.scraped) this.scrape(pods, at - SCRAPE_LEAD_MS);
  }

  private scrape(pods: readonly PodInfo[], at: Millis): void {
    for (const info of pods.filter((pod) => startOf(pod) < at)) {
      // Before its first request a pod has no series, but it has a target.
      if (!this.counters.has(info.pod)) this.count(info.pod, { total: 0, bad: 0 }, false);
      const counter = this.counters.get(info.pod);
      if (counter !== undefined) counter.scraped = { total: counter.total, bad: counter.bad, at };
    }
  }

  private count(pod: string, { total, bad }: Counts, again: boolean): void {
    const before = this.counters.get(pod);
    const base = again || before === undefined ? { total: 0, bad: 0 } : before;
    const scraped = before?.scraped === undefined ? {} : { scraped: before.scraped };
    this.counters.set(pod, { pod, total: base.total + total, bad: base.bad + bad, ...scraped });
  }

  /** What the queries answer at the instant `at`. */
  tick(at: Millis, scraped: boolean): TickSamples {
    const fresh = [...this.counters.values()].filter((counter) => (counter.scraped?.at ?? -1) >= at - LOOKBACK_MS);
    const samples = (part: keyof Counts) => fresh.flatMap((counter) => sampleOf(counter, part));
    // Series are born by their first event, as with client libraries that do not initialise them.
    const nonzero = (part: keyof Counts) => samples(part).filter(({ value }) => value > 0);
    const targets = fresh.map(({ pod }) => ({ pod, count: 1, up: scraped ? 1 : 0 }));
    return { at, names: ['total', 'bad'], samples: joinCounters([nonzero('total'), nonzero('bad')]), targets };
  }
}

function sampleOf({ pod, scraped }: Counter, part: keyof Counts): CounterSample[] {
  if (scraped === undefined) return [];
  const process = `shop/${pod}/app/10.0.0.1:8080`;
  return [{ process, pod, container: 'app', value: scraped[part], scrapedAt: scraped.at }];
}

function startOf({ containers }: PodInfo): Millis {
  return Math.min(...containers.map(({ startedAt }) => startedAt));
}
