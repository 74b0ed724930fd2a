import type { GateContext } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { DISPERSION, HISTORY } from './bounds.ts';

/**
 * What stable did in the hour before the release: how much its own pods differ is known by then, while a release of a few
 * minutes would be over before it were measured. Ticks of a minute, because dispersion is counted in minutes.
 */
export function historyOf({ tickMs }: Pick<GateContext, 'tickMs'>, to: Millis): { from: Millis; stepMs: Millis } {
  const stepMs = Math.ceil(DISPERSION.blockMs / tickMs) * tickMs;
  return { from: to - HISTORY.minutes * stepMs, stepMs };
}

/** The context of those ticks: they belong to no attempt, and no user traffic was due on the canary. */
export function pastContext(context: GateContext): GateContext {
  const { raisedAt: _, ...rest } = context;
  return { ...rest, epoch: '', stepEpoch: '', weight: 0, arrived: false };
}
