import type { Clock } from '#ports/clock.ts';

/** Time moves only when told to; timers fire on the way. */
export function handClock(): Clock & { advance(ms: number): void } {
  let now = 1_700_000_000_000;
  const timers = new Set<{ at: number; fire: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    timer(delayMs, fire) {
      const timer = { at: now + delayMs, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].filter(({ at }) => at <= now)) {
        timers.delete(timer);
        timer.fire();
      }
    },
  };
}
