import { performance } from 'node:perf_hooks';
import type { Clock } from '#ports/clock.ts';
import type { Random } from '#ports/random.ts';

/** Longer than this, setTimeout fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The real clock. Its timers keep the process alive: whoever sets one cancels it at the stop. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  timer: startTimer,
};

/** Uniform in [0, 1), not for secrets. */
export const systemRandom: Random = () => Math.random();

function startTimer(delayMs: number, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (leftMs: number) => {
    const partMs = Math.min(leftMs, LONGEST_MS);
    timer = setTimeout(() => (leftMs > partMs ? arm(leftMs - partMs) : fire()), partMs);
  };
  arm(Math.max(0, delayMs));
  return () => clearTimeout(timer);
}
