import type { Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';

/** One thing to bring to an end. The signal aborts when its time is over. */
export interface DrainStep {
  name: string;
  stop: (signal: AbortSignal) => Promise<void> | void;
  /** Most time for this step [all that is left]. */
  limitMs?: Millis;
}

/**
 * Ends things in order within a bound: whoever takes work first, then the work, then the Lease, connections last.
 * A step that fails or takes too long is logged and the next one starts. Returns the names of those.
 */
export async function drain(
  steps: readonly DrainStep[],
  { boundMs, clock, log }: { boundMs: Millis; clock: Clock; log: Log },
): Promise<string[]> {
  const until = clock.monotonic() + boundMs;
  const unfinished: string[] = [];
  for (const { name, stop, limitMs = boundMs } of steps) {
    const leftMs = Math.max(0, Math.min(limitMs, until - clock.monotonic()));
    const over = new AbortController();
    const timer = new AbortController();
    const late = sleep(clock, leftMs, timer.signal).then(
      () => 'late' as const,
      () => 'cancelled' as const,
    );
    const ended = Promise.resolve()
      .then(() => stop(over.signal))
      .then(
        () => 'ended' as const,
        (error: unknown) => {
          log.error('could not be stopped cleanly', { step: name, error });
          return 'failed' as const;
        },
      );
    const result = await Promise.race([ended, late]);
    timer.abort();
    if (result === 'late') {
      over.abort(new Error(`${name} did not stop within ${leftMs} ms`));
      log.warn('did not stop in time', { step: name, leftMs });
    }
    if (result !== 'ended') unfinished.push(name);
  }
  return unfinished;
}
