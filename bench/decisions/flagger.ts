import { at, type Policy, promoted, type Run, stopped, type Wish } from './policy.ts';
import { TICKS_PER_MINUTE } from './traffic.ts';
import { leastQuality, Window } from './window.ts';

const STEP = 0.1;
const MAX = 0.5;
const THRESHOLD = 5;
const LEAST_RATE = 0.99;

export interface FlaggerState {
  weight: number;
  failedChecks: number;
}

/**
 * One run of `advanceCanary` (`pkg/controller/scheduler.go`). The rollback is looked at before the metrics, so it comes
 * one interval after the last failure; a failed check holds the weight and is never forgotten; no value is a failure.
 */
export function advanceCanary(
  state: FlaggerState,
  quality: number | undefined,
  least = LEAST_RATE,
): FlaggerState | 'rollback' | 'promote' {
  const { weight, failedChecks } = state;
  if (failedChecks >= THRESHOLD) return 'rollback';
  const passes = quality !== undefined && quality >= least;
  if (!passes) return { weight, failedChecks: failedChecks + 1 };
  // Steps in whole percent, because 0.1 + 0.2 is more than 0.3.
  return weight < MAX ? { weight: Math.round((weight + STEP) * 100) / 100, failedChecks } : 'promote';
}

/** Flagger with its built-in success rate of 99 % over a minute, or duration: 10 % more a minute up to half, then everything. */
export const flagger: Policy = {
  name: 'flagger-99',
  title: 'Flagger 99 %',
  start: (scenario) => new FlaggerRun(leastQuality(scenario, LEAST_RATE)),
};

class FlaggerRun implements Run {
  readonly shares = at(STEP).shares;
  private readonly window = new Window(1);
  private state: FlaggerState = { weight: STEP, failedChecks: 0 };
  private readonly least: number;

  constructor(least: number) {
    this.least = least;
  }

  tick(...[served, tick]: Parameters<Run['tick']>): Wish {
    this.window.push(served);
    if ((tick + 1) % TICKS_PER_MINUTE !== 0) return at(this.state.weight);
    const next = advanceCanary(this.state, this.window.quality(), this.least);
    if (next === 'rollback') return stopped;
    if (next === 'promote') return promoted;
    this.state = next;
    return at(next.weight);
  }
}
