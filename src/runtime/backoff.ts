import type { Millis } from '#lib/units.ts';
import type { Random } from '#ports/random.ts';

export interface Backoff {
  /** The first delay. */
  baseMs: Millis;
  /** No delay is longer. */
  capMs: Millis;
}

/**
 * The delay before try `failures + 1`: doubling, capped, the upper half random.
 * Equal jitter: never so short that it hammers, never so equal that a crowd comes back at once.
 */
export function backoffDelay({ baseMs, capMs }: Backoff, failures: number, random: Random): Millis {
  const whole = Math.min(capMs, baseMs * 2 ** Math.min(Math.max(0, failures - 1), 30));
  return whole / 2 + (random() * whole) / 2;
}
