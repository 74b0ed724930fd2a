import type { Step } from '#core/model.ts';
import type { Reach } from '#core/words.ts';
import { randomOf } from './plan.ts';

/** Steps without a weight: matched users, and copies of requests. */

/** Share of the requests that a step without a weight sends. */
export const FEW = 0.1;
export const MATCHED: Reach = { headers: [{ name: 'x-beta', value: 'yes' }] };
export const COPIED: Reach = { mirror: FEW * 100_000 };

/** Drawn apart: the rest of the world does not depend on it. Steps that send a few come before those with a weight. */
export function stepsOfFew(seed: number): Step[] {
  const random = randomOf('few', seed);
  const reaches = [MATCHED, COPIED].filter(() => random() < 0.15);
  return reaches.map((reach) => ({ weight: 0, holdMs: 2000, reach }));
}
