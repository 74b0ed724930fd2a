import type { Millis } from '#lib/units.ts';

/** What it takes to say who did it, how soon it was found and what it had cost by then. */
export interface BreachRecord {
  at: Millis;
  cause: string;
  /** Name of the gate that failed; undefined: the probes did, or no pod was left. */
  gate?: string;
  /** The newest raise before it; undefined: nothing was granted. */
  raisedAt?: Millis;
  exposure: Exposure;
  /** Rollouts of the same group that had traffic on their canaries at that moment, as `namespace/name`. */
  beside?: string[];
}

/** Requests that the canary finished, those that were bad, and bad ones above stable's rate. Whole numbers. */
export interface Exposure {
  requests: number;
  bad: number;
  excess: number;
}
