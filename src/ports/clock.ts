import type { Millis } from '#lib/units.ts';

/** The only way to know or to wait for time. A virtual clock stands in for it in simulation. */
export interface Clock {
  /** Wall clock, for what is stored and compared across processes. May jump. */
  now(): Millis;
  /** Never jumps and never runs backwards; its zero means nothing. For measuring and for leases. */
  monotonic(): Millis;
  /** Calls `fire` once after `delayMs`. The returned function cancels it. */
  timer(delayMs: Millis, fire: () => void): () => void;
}

/** Waits, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const cancel = clock.timer(delayMs, () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    const abort = () => {
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Waits for `work`, and not longer than `boundMs`: true when it has ended by then, well or badly. It goes on all the same. */
export async function endsWithin(clock: Clock, boundMs: Millis, work: Promise<unknown>): Promise<boolean> {
  const timer = new AbortController();
  const ended = work.then(
    () => true,
    () => true,
  );
  const late = sleep(clock, boundMs, timer.signal).then(
    () => false,
    () => false,
  );
  const inTime = await Promise.race([ended, late]);
  timer.abort();
  return inTime;
}
