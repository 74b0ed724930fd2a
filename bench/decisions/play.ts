import type { KubeObject } from '#ports/kube-api.ts';
import { nothing, type Policy, type Run, type Wish } from './policy.ts';
import {
  excessServed,
  mended,
  type Scenario,
  type Served,
  type Shares,
  serve,
  TICKS,
  TICKS_PER_MINUTE,
} from './traffic.ts';

/** How one release went. Minutes count from the canary's first user request. */
export interface Ending {
  outcome: Wish['outcome'];
  /** When its traffic was off, or all of the traffic on it. */
  minutes?: number;
  /** When the last step was left, when that had been forecast, and when 95 % of the traffic was on it. */
  climbed?: number;
  forecast?: number;
  most?: number;
  /** Expected harm to users beyond stable's: failures, slow answers, lost orders. */
  excess: number;
  cause?: string;
  /** Of releases beside this one: how many were stopped, and whether any was before it. */
  accused?: { others: number; before: boolean };
}

/** What counts as all of the traffic where a small control is kept. */
const MOST = 0.95;

/** A release that has met no user after this many ticks waits for stable, and is not played on. */
const MAX_WARM_UP = 40;

/**
 * A release under way, with the traffic it has and will have. What a policy wants after the evidence of tick k holds
 * from tick k + 2 on: measuring, deciding and moving the traffic take a tick together, whoever does it.
 */
export class Ride {
  now: Shares;
  wish: Wish;
  readonly ending: Ending;
  private next: Shares;
  private readonly run: Run;

  constructor(run: Run) {
    this.run = run;
    this.now = run.shares;
    this.next = run.shares;
    this.wish = { shares: run.shares, outcome: 'open' };
    this.ending = { outcome: 'open', excess: 0, ...(run.forecast === undefined ? {} : { forecast: run.forecast }) };
  }

  /** Its Rollout as the others see it, under its own name. */
  face(name: string): KubeObject[] {
    const face = this.run.face?.();
    return face === undefined ? [] : [{ ...face, metadata: { ...face.metadata, name } }];
  }

  meet(others: readonly KubeObject[], tick: number): void {
    this.run.meet?.(others, tick);
  }

  /** The hour before the release, for policies that look at it. */
  lookBack(served: (tick: number) => Served): void {
    this.run.lookBack?.((ago) => served(-MAX_WARM_UP - ago));
  }

  /** How a release stands that meets no user: stable itself is bad, and it waits for that to pass. */
  notBegun(): Ending {
    return { ...this.ending, ...(this.wish.cause === undefined ? {} : { cause: this.wish.cause }) };
  }

  /** Takes one tick; those before the first user request are negative and not noted. */
  tick(served: () => Served, tick: number): void {
    if (this.wish.outcome === 'open') {
      this.wish = this.run.tick(served(), tick);
      if (tick >= 0) note(this.ending, this.wish, tick);
    }
    [this.now, this.next] = [this.next, this.wish.shares];
  }
}

/** Plays one release for an hour. */
export function play(policy: Policy, scenario: Scenario, seed: number): Ending {
  const ride = new Ride(policy.start(scenario, seed));
  const lag = scenario.business?.lag ?? 0;
  ride.lookBack((tick) => serve(scenario, seed, tick, nothing));
  if (!warmUp(ride, (tick) => ride.tick(() => serve(scenario, seed, tick, ride.now), tick))) return ride.notBegun();
  const past: Shares[] = [];
  for (let tick = 0; tick < TICKS; tick += 1) {
    const met = ride.now.mended === true && scenario.onePod === true ? mended(scenario) : scenario;
    ride.ending.excess += excessServed(met, tick, ride.now.canary);
    past.push(ride.now);
    ride.tick(() => serve(met, seed, tick, ride.now, past[tick - lag] ?? nothing), tick);
  }
  return ride.ending;
}

/** Until the canary meets its first user; policies that begin with a weight need none. False: it never does. */
export function warmUp(ride: Ride, tick: (early: number) => void): boolean {
  for (let early = 1; ride.now.canary === 0; early += 1) {
    if (early > MAX_WARM_UP) return false;
    tick(-early);
  }
  return true;
}

function note(ending: Ending, wish: Wish, tick: number): void {
  if (wish.climbed === true) ending.climbed ??= minutesAt(tick);
  if (wish.shares.canary >= MOST) ending.most ??= minutesAt(tick);
  if (wish.cause !== undefined) ending.cause = wish.cause;
  if (wish.outcome !== 'open') Object.assign(ending, { outcome: wish.outcome, minutes: minutesAt(tick) });
}

/** A wish of tick k holds from the start of tick k + 2. */
function minutesAt(tick: number): number {
  return (tick + 2) / TICKS_PER_MINUTE;
}
