import type { ReleaseState, State } from '#core/model.ts';
import type { Fence } from '#core/seen.ts';
import type { WorldRoute } from './world.ts';

/** What a hand that takes traffic back means, and how long that can be seen. */

/** Less than our own fence says. Who sets a route to 0 means everybody on it. */
export function isTaken({ fence, reach }: WorldRoute, weight: number, release: ReleaseState): boolean {
  const due = fence?.release === release.name ? fence.weight : 0;
  return weight < due || (weight === 0 && release.reach !== undefined && reach !== undefined);
}

/**
 * A lowering over what a hand has left, where the record granted no more by then: a request on its way, or a pass that
 * lost its record. Nothing of the hand is left to see, unless it stands in the record.
 */
export function isCovered(
  routes: readonly WorldRoute[],
  lowering: { route: string; fence: Fence },
  { phase, reason, release }: State,
): boolean {
  const route = routes.find(({ name, exists }) => name === lowering.route && exists);
  const told = phase === 'Paused' && reason === 'RouteChanged';
  if (route?.fence === undefined || told || release === undefined) return false;
  return release.weight <= lowering.fence.weight && route.weight === route.fence.weight;
}
