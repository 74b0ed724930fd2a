import { assert } from '#lib/assert.ts';
import type { Policy, Run, Wish } from './policy.ts';
import { excessServed, type Scenario, type Shares, serve, TICKS, TICKS_PER_MINUTE } from './traffic.ts';

/** How one release went. Minutes count from the canary's first user request. */
export interface Ending {
  outcome: Wish['outcome'];
  /** When its traffic was off, or all of the traffic on it. */
  minutes?: number;
  /** When the last step was left. */
  climbed?: number;
  /** Expected failures that users met beyond those of stable. */
  excess: number;
  cause?: string;
}

/** A release that has met no user after this many ticks never will. */
const MAX_WARM_UP = 40;

/**
 * Plays one release for an hour. What a policy wants after the evidence of tick k holds from tick k + 2 on: measuring,
 * deciding and moving the traffic take a tick together, whoever does it.
 */
export function play(policy: Policy, scenario: Scenario, seed: number): Ending {
  const run = policy.start(scenario);
  const ending: Ending = { outcome: 'open', excess: 0 };
  lookBack(run, scenario, seed);
  let { now, next, wish } = warmUp(run, scenario, seed);
  for (let tick = 0; tick < TICKS; tick += 1) {
    ending.excess += excessServed(scenario, tick, now.canary);
    if (wish.outcome === 'open') {
      wish = run.tick(serve(scenario, seed, tick, now), tick);
      note(ending, wish, tick);
    }
    [now, next] = [next, wish.shares];
  }
  return ending;
}

/** The hour before the release, for policies that look at it. */
function lookBack(run: Run, scenario: Scenario, seed: number): void {
  if (run.before === undefined) return;
  for (let ago = TICKS; ago > 0; ago -= 1) run.before(serve(scenario, seed, -MAX_WARM_UP - ago, run.shares), ago);
}

/** Until the canary meets its first user; policies that begin with a weight need none. */
function warmUp(run: Run, scenario: Scenario, seed: number): { now: Shares; next: Shares; wish: Wish } {
  let [now, next] = [run.shares, run.shares];
  let wish: Wish = { shares: run.shares, outcome: 'open' };
  for (let early = 1; now.canary === 0; early += 1) {
    assert(early <= MAX_WARM_UP, 'a release meets users within ten minutes');
    wish = run.tick(serve(scenario, seed, -early, now), -early);
    [now, next] = [next, wish.shares];
  }
  return { now, next, wish };
}

function note(ending: Ending, wish: Wish, tick: number): void {
  if (wish.climbed === true) ending.climbed ??= minutesAt(tick);
  if (wish.cause !== undefined) ending.cause = wish.cause;
  if (wish.outcome !== 'open') Object.assign(ending, { outcome: wish.outcome, minutes: minutesAt(tick) });
}

/** A wish of tick k holds from the start of tick k + 2. */
function minutesAt(tick: number): number {
  return (tick + 2) / TICKS_PER_MINUTE;
}
