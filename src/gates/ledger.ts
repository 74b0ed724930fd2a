import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { MIN_SPENT_EVENTS } from './bounds.ts';
import type { ArmCounts } from './samples.ts';

/** What the canary's users lost against stable's, in failed requests, since the attempt began. */
export interface Ledger {
  /** Σ max(0, e_c − p_s·n_c) over ticks: what is charged to the budget. Luck in one tick pays for nothing in another. */
  charged: number;
  /** Σ (e_c − p_s·n_c): the same without the cut, for the excess that was observed. */
  net: number;
}

export const emptyLedger: Ledger = { charged: 0, net: 0 };

/** Takes one tick. `p_s` is stable's error ratio in the same tick, or over the attempt where the tick has none. */
export function foldLedger(ledger: Ledger, tick: ArmCounts, stableSoFar: Counts): Ledger {
  const control = tick.stable.total > 0 ? tick.stable : stableSoFar;
  const rate = control.total > 0 ? control.bad / control.total : 0;
  const excess = tick.canary.bad - rate * tick.canary.total;
  return { charged: ledger.charged + Math.max(0, excess), net: ledger.net + excess };
}

export interface BudgetQuestion {
  objective: number;
  windowMs: Millis;
  /** Requests of both arms, and the time in which they were counted. */
  requests: number;
  elapsedMs: Millis;
}

/**
 * Share of the window's whole error budget: charged / ((1−SLO) · requests in the window). How many requests a window
 * holds is estimated by the rate since the attempt began, held for the whole window: it needs no long query, and is
 * wrong by as much as this hour differs from an average one.
 */
export function spendOf({ charged }: Ledger, { objective, windowMs, requests, elapsedMs }: BudgetQuestion): number {
  if (charged <= 0 || requests <= 0 || elapsedMs <= 0) return 0;
  const budget = (1 - objective) * (requests / elapsedMs) * windowMs;
  return budget > 0 ? charged / budget : 1;
}

/** True when the release burnt more than it may. A handful of failures is no proof, however small the budget is. */
export function overspent({ charged }: Ledger, spend: number, maxSpend: number): boolean {
  return charged >= MIN_SPENT_EVENTS && spend >= maxSpend;
}
