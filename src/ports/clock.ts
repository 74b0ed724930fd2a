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
