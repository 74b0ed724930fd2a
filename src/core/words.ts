import type { Millis, Weight } from '#lib/units.ts';

/** Words that a plan and a state are made of, and that know nothing of either. */

/** So many pods, or a share of all. */
export type Surge = { pods: number } | { share: Weight };

/** Asked for before a step is left, or before in-cluster clients move. */
export interface Approval {
  /** So many different people. */
  minimum: number;
  /** Only those count who are in one of these groups; empty: everybody who has the right to say it. */
  groups: string[];
  /** The author of the change does not count. */
  notAuthor: boolean;
}

/** What was said about one stay of one attempt: all of it together is void as soon as one of these differs. */
export interface Approvals {
  /** UID of the Release. */
  uid: string;
  attempt: number;
  step: number;
  /** Images that were shown to everybody who approved, as `container=sha256:…`. */
  digests: string[];
  people: Approver[];
}

export interface Approver {
  by: string;
  at: Millis;
  /** Those of the groups asked for that the API server has proved. */
  groups: string[];
}

/** A canary pod that a gate blames, for as long as it goes on doing so. */
export interface Suspect {
  pod: string;
  uid: string;
  gate: string;
  /** Newest tick that was counted for it, and the bad requests of the canary by then. */
  at: Millis;
  bad: number;
  /** Ticks that brought failures and named it, without one between them that did not; up to `CONFIRM_TICKS`. */
  ticks: number;
}

/** A canary pod whose replacement was decided. It is deleted as soon as the others can carry the weight without it. */
export interface Replaced {
  pod: string;
  uid: string;
  /** Node that it ran on. */
  node?: string;
  gate: string;
  at: Millis;
  /** The gate's sentence, with its figures. */
  why: string;
}

/**
 * Whom a step without a weight sends to the canary: the users that a header names, or copies of everybody's requests
 * whose answers are dropped. Exactly one of the two is given.
 */
export interface Reach {
  /** A request is matched when all of them match. */
  headers?: HeaderMatch[];
  /** Share of requests that are copied. */
  mirror?: Weight;
}

/** Exactly one of value and regex is given; names are compared without case. */
export interface HeaderMatch {
  name: string;
  value?: string;
  regex?: string;
}
