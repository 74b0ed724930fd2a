import type { Counts } from '#core/gate.ts';
import { ladder } from './argo.ts';
import { at, type Policy, promoted, type Run, stopped, type Wish } from './policy.ts';
import { sum } from './traffic.ts';

/** Pooled two-proportion z statistic: above 0 when the canary fails more often. 0 where nothing can be compared. */
export function zStatistic(canary: Counts, stable: Counts): number {
  const total = canary.total + stable.total;
  const pooled = (canary.bad + stable.bad) / total;
  const variance = pooled * (1 - pooled) * (1 / canary.total + 1 / stable.total);
  if (!(variance > 0) || !Number.isFinite(variance)) return 0;
  return (canary.bad / canary.total - stable.bad / stable.total) / Math.sqrt(variance);
}

/** One-sided 5 % and 0.1 % of the standard normal distribution. */
const LINES = { '0.05': 1.6448536269514722, '0.001': 3.090232306167813 };

/** What many scripts do: a significance test on all counts so far, looked at every tick. Argo's ladder. */
export function peeking(p: keyof typeof LINES): Policy {
  return { name: `z-${p}`, title: `z-test, p < ${p}`, start: () => new PeekingRun(LINES[p]) };
}

class PeekingRun implements Run {
  readonly shares = at(ladder(0) ?? 0).shares;
  private canary: Counts = { total: 0, bad: 0 };
  private stable: Counts = { total: 0, bad: 0 };
  private readonly line: number;

  constructor(line: number) {
    this.line = line;
  }

  tick(...[served, tick]: Parameters<Run['tick']>): Wish {
    if (served.scraped) {
      this.canary = sum([this.canary, ...served.canary]);
      this.stable = sum([this.stable, ...served.stable]);
      if (zStatistic(this.canary, this.stable) > this.line) return stopped;
    }
    const weight = ladder(tick + 1);
    return weight === undefined ? promoted : at(weight);
  }
}
