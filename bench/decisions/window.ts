import { histogramQuantile, THRESHOLD } from './latency.ts';
import { type Scenario, type Served, sum, type Tally, TICKS_PER_MINUTE } from './traffic.ts';

/** What a threshold policy asks of the last minutes of the canary: `rate(…[window])` and its like. */
export class Window {
  private readonly ticks: (Tally | undefined)[] = [];
  private readonly length: number;

  constructor(minutes: number) {
    this.length = minutes * TICKS_PER_MINUTE;
  }

  push({ canary, scraped }: Served): void {
    this.ticks.push(scraped ? sum(canary) : undefined);
    if (this.ticks.length > this.length) this.ticks.shift();
  }

  /** How good it is, so that more is better; NaN where there was no request; undefined where no sample is in the window. */
  quality(): number | undefined {
    const seen = this.ticks.filter((tick) => tick !== undefined);
    return seen.length === 0 ? undefined : qualityOf(sum(seen));
  }
}

/** Share of requests that succeeded, or the 99th percentile of durations below 0. */
export function qualityOf({ total, bad, within }: Tally): number {
  return within === undefined ? 1 - bad / total : -histogramQuantile(0.99, { total, within });
}

/** Orders may fall by a fifth before a threshold on their rate is passed, as its author would choose it. */
const TOLERATED_DIP = 0.2;

/** The least quality that a threshold policy accepts: `threshold` where failures count. */
export function leastQuality({ latency, business }: Scenario, threshold: number): number {
  if (latency !== undefined) return -THRESHOLD;
  return business === undefined ? threshold : (1 - TOLERATED_DIP) * business.rate;
}
