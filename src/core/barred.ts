import type { Millis } from '#lib/units.ts';
import type { ReleaseState, State } from './model.ts';
import { routeTitle } from './routes.ts';
import type { Seen } from './seen.ts';
import { end, ROUTE_BARRED } from './state.ts';

/**
 * Who has a say in a route took it back while a release stands on it: a gateway answers what goes to the canary with
 * errors then, or the route's owner wants nothing of ours in it. The canary leaves, and a person decides. It comes before
 * every breach: what users met since is no fault of the revision.
 */
export function onBarred(
  state: State,
  release: ReleaseState,
  { seen, now }: { seen: Seen; now: Millis },
): State | undefined {
  // Before anything is sent anywhere the problem of the spec says so.
  if (release.stage === 'Preparing') return undefined;
  const barred = seen.routes.find((route) => route.barred !== undefined);
  if (barred === undefined) return undefined;
  const why = `${routeTitle(barred.name)}: ${barred.barred}`;
  return end(state, release, { kind: 'Retreat', at: now, why, cause: ROUTE_BARRED }, seen);
}

/** Past the commit point nothing goes back, but what a gateway would answer with errors is sent to the Service at once. */
export function isBarred({ routes }: Pick<Seen, 'routes'>): boolean {
  return routes.some(({ barred }) => barred !== undefined);
}
