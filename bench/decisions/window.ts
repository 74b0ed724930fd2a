import type { Counts } from '#core/gate.ts';
import { type Served, sum, TICKS_PER_MINUTE } from './traffic.ts';

/** `rate(…[window])` over the canary as a threshold policy asks for it. */
export class Window {
  private readonly ticks: (Counts | undefined)[] = [];
  private readonly length: number;

  constructor(minutes: number) {
    this.length = minutes * TICKS_PER_MINUTE;
  }

  push({ canary, scraped }: Served): void {
    this.ticks.push(scraped ? sum(canary) : undefined);
    if (this.ticks.length > this.length) this.ticks.shift();
  }

  /** Share of requests that succeeded; NaN where there was none; undefined where no sample is in the window. */
  successRate(): number | undefined {
    const seen = this.ticks.filter((tick) => tick !== undefined);
    if (seen.length === 0) return undefined;
    const { total, bad } = sum(seen);
    return 1 - bad / total;
  }
}
