import type { KubeObject } from '#ports/kube-api.ts';
import type { Scenario, Served, Shares } from './traffic.ts';

/** One way to decide about releases. */
export interface Policy {
  name: string;
  title: string;
  /** Whether it is played on a scenario; undefined: on all. */
  only?: (scenario: Scenario) => boolean;
  start(scenario: Scenario, seed: number): Run;
}

/** One release under way. */
export interface Run {
  /** Before the first tick. */
  shares: Shares;
  /** Minutes from the first user request until the last step is left, as it was forecast, by those who do. */
  forecast?: number;
  /** Takes the hour before the release: `served` tells what was counted so many ticks before it began. */
  lookBack?(served: (ago: number) => Served): void;
  /** Takes what was measured of tick `tick`, and says what it wants from now on. Negative before the first user request. */
  tick(served: Served, tick: number): Wish;
  /** Its Rollout as others of its group see it, for policies that look at each other. */
  face?(): KubeObject;
  /** Takes the faces of the others of its group. */
  meet?(others: readonly KubeObject[], tick: number): void;
}

export interface Wish {
  shares: Shares;
  /** `open` goes on, and is what a release that waits for a person stays. */
  outcome: 'open' | 'stopped' | 'promoted';
  /** Every step of the ladder has been left with its evidence. */
  climbed?: boolean;
  /** Why it was stopped, where the policy says so. */
  cause?: string;
}

export const nothing: Shares = { canary: 0, baseline: 0 };
export const everything: Shares = { canary: 1, baseline: 0 };

export const stopped: Wish = { shares: nothing, outcome: 'stopped' };
export const promoted: Wish = { shares: everything, outcome: 'promoted' };

export function at(canary: number, baseline = 0): Wish {
  return { shares: { canary, baseline }, outcome: 'open' };
}
