import { BarredWorld } from './barred-world.ts';
import { drawTurns } from './consents.ts';
import type { Play } from './plan.ts';
import { CHAOS_TICKS, played, pure, wildnessOf } from './pure.ts';

/** The pure worlds, where owners of routes let the Rollout split them, and take that back. */
export const barred: Play = {
  name: 'barred',
  planOf(seed) {
    const plan = pure.planOf(seed);
    return [...plan, ...drawTurns(seed, CHAOS_TICKS, wildnessOf(seed), plan.length)];
  },
  run: (seed, plan) => played(new BarredWorld(seed), plan),
};
