import { DEATHS, partingPlan } from './companions.ts';
import { type Play, randomOf } from './plan.ts';
import { playWorld, withTraits } from './play.ts';
import type { Traits } from './traits.ts';

/** Quiet worlds but for a misfortune or two, each at its second. */
function few(name: string, misfortunes: readonly { at: number; what: string }[], traits: Traits = {}): Play {
  return {
    name,
    run: (seed, plan) => playWorld(seed, plan, traits),
    planOf: (seed) => misfortunes.map((one, index) => ({ index, ...one, random: randomOf(seed, index) })),
  };
}

/** The first operator that lowers traffic dies of it. */
export const dying = few('dying', [{ at: 1, what: 'death waits for a lowering' }]);

/** Somebody takes the traffic back again and again. */
export const taken = few(
  'taken',
  [12, 14, 16].map((at) => ({ at, what: 'weight by hand' })),
);

/** Nothing breaks, and people approve well and badly. */
export const asking = withTraits('asking', { asks: true });

/** Nothing breaks, and people undo what is released. */
export const undoing = withTraits('undoing', { undoes: true });

/** Nothing breaks, and the first step is for users that a header names. */
export const matching = withTraits('matching', { matches: true });

/** Nothing breaks, and the first step is of copies. */
export const mirroring = withTraits('mirroring', { mirrors: true });

/** A Deployment is taken over, released and given back, whatever operators die of. */
export const adopting = withTraits('adopting', { adopts: true });

/** Nothing else breaks, and whoever writes a companion dies of it, before or after. */
export const mortal = few('mortal', [DEATHS], { companions: true });

/** The Rollout of an Ingress is deleted, at every second of its release. */
export const parting: Play = {
  name: 'parting',
  planOf: partingPlan,
  run: (seed, plan) => playWorld(seed, plan, { companions: true }),
};
