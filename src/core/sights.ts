import type { Millis, Weight } from '#lib/units.ts';
import type { Culprit } from './breach.ts';

/** What the shell saw beyond the Rollout and what belongs to it: its group, its error budgets, rules that disagree. */

/**
 * What Rollouts of a group in one namespace do: move one at a time, or at once, each judged by its own arms at the edge.
 * Two move at once when both say so.
 */
export type GroupMode = 'Serialise' | 'Attribute';

/** Rollouts that declare the same group. */
export interface GroupSight {
  name: string;
  /** Default Serialise. */
  mode?: GroupMode;
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
  /** Default Serialise. */
  mode?: GroupMode;
  /** What its release has breached, whatever became of it since. */
  breach?: MemberBreach;
}

export interface MemberBreach extends Omit<Culprit, 'rollout'> {
  cause: string;
  /** When every gateway had taken its canary off; undefined: users may still meet it. */
  remediedAt?: Millis;
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
