import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';

export interface VirtualClock extends Clock {
  /** Moves both clocks on, firing timers in order and letting promises settle after each. */
  advance(ms: Millis): Promise<void>;
  /** Moves time on without firing: what a process that was stopped finds when it wakes. */
  freeze(ms: Millis): void;
  /** Steps the wall clock alone, as NTP or a person would. */
  jumpWall(ms: Millis): void;
  /** How many timers wait. */
  readonly pending: number;
}

interface Timer {
  at: Millis;
  order: number;
  fire: () => void;
}

/** Time that passes only when told to. Equal due times fire in the order they were set. `turns` as in `settle`. */
export function createVirtualClock({ wall = 1_700_000_000_000, start = 0, turns = TURNS } = {}): VirtualClock {
  let monotonic = start;
  let offset = wall - start;
  let order = 0;
  const timers = new Set<Timer>();
  const nextDue = (until: Millis): Timer | undefined => {
    let first: Timer | undefined;
    for (const timer of timers) {
      if (timer.at > until) continue;
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  };
  return {
    now: () => monotonic + offset,
    monotonic: () => monotonic,
    timer(delayMs, fire) {
      order += 1;
      const timer = { at: monotonic + Math.max(0, delayMs), order, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const until = monotonic + ms;
      await settle(turns);
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        monotonic = Math.max(monotonic, timer.at);
        timer.fire();
        await settle(turns);
      }
      monotonic = until;
    },
    freeze(ms) {
      monotonic += ms;
    },
    jumpWall(ms) {
      offset += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}

const TURNS = 3;

/**
 * Lets every promise that can settle do so: longer than any chain of awaits in one tick of our code. One turn of the event
 * loop does for chains of promises alone; each wait for the loop itself, as after a long answer, takes another one.
 */
export async function settle(turns = TURNS): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** mulberry32: small, fast, good enough to be unpredictable to the code under test. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
