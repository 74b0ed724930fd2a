import { at, type Policy, promoted, type Run, stopped, type Wish } from './policy.ts';
import { TICK_MS, TICKS_PER_MINUTE } from './traffic.ts';
import { leastQuality, Window } from './window.ts';

/** Weights of its documented example, each held for five minutes. */
const WEIGHTS = [0.05, 0.1, 0.25, 0.5];
const HOLD_TICKS = 5 * TICKS_PER_MINUTE;

const FAILURE_LIMIT = 3;
const CONSECUTIVE_ERROR_LIMIT = 4;
const ERROR_RETRY_MS = 10_000;

/** The steps of a ladder with fixed times; undefined past its end. */
export function ladder(tick: number): number | undefined {
  return WEIGHTS[Math.floor(tick / HOLD_TICKS)];
}

/**
 * Counters of one metric of an AnalysisRun (`analysis/analysis.go`): failures count over the whole run and never go
 * away; errors count in a row; the run ends when either passes its limit. An error is tried again after 10 s whatever
 * the interval is.
 */
export class Analysis {
  failed = 0;
  consecutiveErrors = 0;

  /** True when the run has failed or broken down. */
  measure(result: 'Successful' | 'Failed' | 'Error'): boolean {
    this.consecutiveErrors = result === 'Error' ? this.consecutiveErrors + 1 : 0;
    if (result === 'Failed') this.failed += 1;
    return this.failed > FAILURE_LIMIT || this.consecutiveErrors > CONSECUTIVE_ERROR_LIMIT;
  }
}

/** A success rate against a threshold. Empty vectors are errors; authors guard against NaN, as its docs advise. */
export function measurement(rate: number | undefined, threshold: number): 'Successful' | 'Failed' | 'Error' {
  if (rate === undefined) return 'Error';
  return Number.isNaN(rate) || rate >= threshold ? 'Successful' : 'Failed';
}

interface Options {
  /** Least success rate; undefined: the objective of the SLO. */
  threshold?: number;
  /** Interval, and window of the query. */
  minutes: number;
}

/** Argo Rollouts with a background analysis of the canary; the first measurement after one interval. */
export function argo(name: string, title: string, { threshold, minutes }: Options): Policy {
  return {
    name,
    title,
    start: (scenario) => new ArgoRun(leastQuality(scenario, threshold ?? scenario.objective), minutes),
  };
}

class ArgoRun implements Run {
  readonly shares = at(WEIGHTS[0] ?? 0).shares;
  private readonly analysis = new Analysis();
  private readonly window: Window;
  private readonly threshold: number;
  private readonly intervalMs: number;
  private dueMs: number;

  constructor(threshold: number, minutes: number) {
    this.threshold = threshold;
    this.window = new Window(minutes);
    this.intervalMs = minutes * 60_000;
    this.dueMs = this.intervalMs;
  }

  tick(...[served, tick]: Parameters<Run['tick']>): Wish {
    this.window.push(served);
    const now = (tick + 1) * TICK_MS;
    while (this.dueMs <= now) {
      const result = measurement(this.window.quality(), this.threshold);
      if (this.analysis.measure(result)) return stopped;
      this.dueMs += result === 'Error' ? ERROR_RETRY_MS : this.intervalMs;
    }
    const weight = ladder(tick + 1);
    return weight === undefined ? promoted : at(weight);
  }
}
