import type { Millis, Weight } from '#lib/units.ts';

/** What the shell saw beyond the Rollout and what belongs to it: its group, its error budgets, rules that disagree. */

/** Rollouts that declare the same group: those of one namespace move one at a time. */
export interface GroupSight {
  name: string;
  /** The others of the namespace, by name. */
  members: GroupMember[];
  /** Those of other namespaces that have traffic on their canaries: they are not waited for, only named. */
  elsewhere: string[];
}

export interface GroupMember {
  rollout: string;
  /** Its canary has traffic. */
  carries: boolean;
  /** Since when it waits for its turn, or prepares its first raise; undefined: it wants none now. */
  wantsSince?: Millis;
}

/** The error budgets of the gates' objectives. */
export interface BudgetSight {
  budgets: BudgetLeft[];
  /** A release begins only while each budget has at least this share left. */
  least: number;
  /** Releases within the window may burn this share of a budget together. */
  most: number;
  onUnknown: 'Hold' | 'Proceed';
}

export interface BudgetLeft {
  slo: string;
  /** Share of the window's budget that is left; below 0 it is overspent; undefined: not known. */
  left?: number;
  /** Why it is not known. */
  unknown?: string;
  /** When it is back at `least` if nothing more fails, where that can be told. */
  backAt?: Millis;
  /** Share that the recorded releases of this Rollout burnt within the window. */
  carried: number;
  /** When so much of that has left the window that less than `most` remains. */
  carriedUntil?: Millis;
}

/** The least and the most that the rules of one route send to the canary. */
export interface Spread {
  least: Weight;
  most: Weight;
}
