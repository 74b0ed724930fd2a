import type { Millis } from '#lib/units.ts';
import { printBad } from './figures.ts';
import type { Counts } from './gate.ts';

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
  /** What the gate had counted in both arms since the attempt began. Left out where no gate failed. */
  arms?: ArmEvidence;
}

/** Requests of both arms, and those that were bad. */
export interface ArmEvidence {
  canary: Counts;
  stable: Counts;
}

/** The Rollout of a group whose own arms differ. */
export interface Culprit {
  rollout: string;
  /** When its breach was found. */
  at: Millis;
  /** Undefined: its probes failed, or it had no pods left. */
  gate?: string;
  arms?: ArmEvidence;
}

/** A stay at which a release of a group held for another one. */
export interface Held {
  since: Millis;
  /** Undefined while it holds. */
  until?: Millis;
  /** Undefined: both arms were bad, and no split of the group showed it. */
  culprit?: Culprit;
}

/** Requests that the canary finished, those that were bad, and bad ones above stable's rate. Whole numbers. */
export interface Exposure {
  requests: number;
  bad: number;
  excess: number;
}

/** `checkout-edge 31 of 310 (10%), stable 2 of 1,200 (0.17%)`. */
export function proofOf({ gate, arms }: Pick<Culprit, 'gate' | 'arms'>): string {
  const counts = arms === undefined ? '' : ` ${printBad(arms.canary)}, stable ${printBad(arms.stable)}`;
  return `${gate ?? 'its probes or pods'}${counts}`;
}
