import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';

/** Wants a Rollout to be looked at again after this time: for what nobody tells of. */
export type Remind = (key: string, afterMs: Millis) => void;

/**
 * One reminder a Rollout at a time. A pass that sets one is often woken by something else first, and each such pass would
 * set another, which wakes a pass that sets another.
 */
export function createReminders(clock: Clock, again: (key: string) => void): Remind {
  const waiting = new Set<string>();
  return (key, afterMs) => {
    if (waiting.has(key)) return;
    waiting.add(key);
    clock.timer(afterMs, () => {
      waiting.delete(key);
      again(key);
    });
  };
}
