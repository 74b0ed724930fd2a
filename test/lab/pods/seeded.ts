/** Randomness that a pod's name fixes, so that a failing run can be repeated. */

import { createHash } from 'node:crypto';
import type { Random } from '#ports/random.ts';

/** Uniform numbers in [0, 1) from a text: the same text gives the same sequence (mulberry32). */
export function seeded(text: string): Random {
  let state = createHash('sha256').update(text).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A lognormal number around its median. `spread` is the standard deviation of the logarithm. */
export function lognormal(random: Random, { median, spread }: { median: number; spread: number }): number {
  // Box-Muller; 1 - u because log(0) is -Infinity.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(spread * normal);
}
