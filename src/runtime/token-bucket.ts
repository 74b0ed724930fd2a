import { type Clock, sleep } from '#ports/clock.ts';

export interface TokenBucket {
  /** Takes one token if there is one now. */
  tryTake(): boolean;
  /** Takes one token as soon as there is one; those who asked first get first. Rejects when the signal aborts. */
  take(signal?: AbortSignal): Promise<void>;
}

/** At most `burst` at once and `perSecond` in the long run, on the monotonic clock. */
export function createTokenBucket(
  clock: Clock,
  { perSecond, burst }: { perSecond: number; burst: number },
): TokenBucket {
  // Below zero: tokens promised to those who wait, which keeps the order of asking.
  let tokens = burst;
  let at = clock.monotonic();
  const refill = () => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
    at = now;
  };
  return {
    tryTake() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    async take(signal) {
      signal?.throwIfAborted();
      refill();
      tokens -= 1;
      if (tokens >= 0) return;
      try {
        await sleep(clock, (-tokens / perSecond) * 1000, signal);
      } catch (error) {
        tokens += 1;
        throw error;
      }
    },
  };
}
