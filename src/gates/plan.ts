import type { Gate } from '#core/gate.ts';
import type { Step } from '#core/model.ts';
import type { Millis } from '#lib/units.ts';
import { DEFAULT_HOLD_MS } from './bounds.ts';
import { deriveMaxWait, deriveWeights, forecastSteps } from './ramp.ts';

/** What the planner knows of the service when a release begins. */
export interface Live {
  /** Requests per second of both arms; 0 when nothing is known. */
  rps: number;
  /** Scrape + tick + routing. */
  reactionMs: Millis;
  /** Share of the budget that one undetected fault may burn. */
  targetSpend: number;
  /** Stable's error ratio; a tenth of what the objective allows when it is not known. */
  base?: number;
}

/** Steps of a release that gives none: the tightest guardrail decides. */
export function proposeSteps(gates: readonly Gate[], { rps, reactionMs, targetSpend }: Live): Step[] {
  const slos = gates.filter(({ role }) => role === 'Guardrail').map(({ slo }) => slo);
  return deriveWeights({ slos, rps, reactionMs, targetSpend }).map((weight) => ({ weight, holdMs: DEFAULT_HOLD_MS }));
}

/** How long the gate may hold a step: three times the slowest step's forecast at the live rate, at least 30 minutes. */
export function forecastMaxWait(
  { slo, tolerate }: Gate,
  { steps, base, ...live }: Live & { steps: readonly Step[] },
): Millis {
  const weights = steps.map(({ weight }) => weight);
  const { objective, windowMs } = slo;
  return deriveMaxWait(
    forecastSteps({ ...live, weights, objective, windowMs, tolerate, base: base ?? (1 - objective) / 10 }),
  );
}
