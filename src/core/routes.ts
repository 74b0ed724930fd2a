import type { Millis } from '#lib/units.ts';
import type { ReleaseState, State } from './model.ts';
import { formatReach } from './reach.ts';
import type { Fence, Seen, SeenRoute } from './seen.ts';
import type { Reach } from './words.ts';

/** What a key says: a kind, a name, and a namespace where it is not the Rollout's own. */
export interface RouteName {
  kind: string;
  name: string;
  namespace?: string;
}

/**
 * A route is known by its name; one of another kind than HTTPRoute by kind and name, `GRPCRoute/checkout`, so that two of
 * one name are two; one of another namespace than the Rollout's by all three, `HTTPRoute/edge/checkout`.
 */
export function routeKey({ kind, name, namespace }: RouteName): string {
  if (namespace !== undefined) return `${kind}/${namespace}/${name}`;
  return kind === 'HTTPRoute' ? name : `${kind}/${name}`;
}

export function splitRouteKey(key: string): RouteName {
  const [first = '', second, third] = key.split('/');
  if (second === undefined) return { kind: 'HTTPRoute', name: first };
  return third === undefined ? { kind: first, name: second } : { kind: first, namespace: second, name: third };
}

/**
 * For people: `HTTPRoute checkout`, or `HTTPRoute edge/checkout` of another namespace. Behind a dot a kind may say who
 * reads it, `Ingress.alb`: nobody asks kubectl for that.
 */
export function routeTitle(key: string): string {
  const { kind, name, namespace } = splitRouteKey(key);
  return `${kind.split('.')[0]} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

/** True for a route of another namespace than the Rollout's: it does not go with that. */
export function isAbroad({ name }: Pick<SeenRoute, 'name'>): boolean {
  return splitRouteKey(name).namespace !== undefined;
}

/** What the routes say about the traffic that a release was granted. */
export type Drift =
  | { kind: 'None' }
  /** A raise of ours vanished, fence and all: it may be written again. */
  | { kind: 'Lost' }
  /** Our own lowering whose record was lost in a crash: the gates will find its reason again. */
  | { kind: 'Lowered' }
  /** Somebody else took the traffic back, or the route itself away. */
  | { kind: 'Changed'; message: string };

/** True when the fence on the route was written by this release. */
export function fenced(route: SeenRoute, release: ReleaseState): boolean {
  return route.fence?.release === release.name;
}

/** A fence that a release of this Rollout wrote: another Rollout's is its own business, at rest too. */
export function isOwnFence({ release }: Pick<Fence, 'release'>, rollout: string): boolean {
  return release.startsWith(`${rollout}-`) && /^\d+$/.test(release.slice(rollout.length + 1));
}

export function hasOwnFence({ exists, fence }: SeenRoute, rollout: string): boolean {
  return exists && fence !== undefined && isOwnFence(fence, rollout);
}

function numberOf(release: string): number {
  return Number(release.slice(release.lastIndexOf('-') + 1));
}

/**
 * Routes that nothing of this Rollout splits any more. One that a release wrote which this record does not know yet is
 * none of them: a new leader's cache may be older than the route.
 */
export function abandoned(next: State, { rollout, leftRoutes = [] }: Seen): SeenRoute[] {
  const known = ({ release }: Fence) => isOwnFence({ release }, rollout) && numberOf(release) <= next.releases;
  return leftRoutes.filter(({ fence, conflict }) => fence !== undefined && conflict === undefined && known(fence));
}

/** The highest fence number that any route carries for this release. */
export function topFence(seen: Seen, release: ReleaseState): number {
  const seenNumbers = seen.routes.map((route) => (fenced(route, release) ? (route.fence?.n ?? 0) : 0));
  return Math.max(release.n, ...seenNumbers);
}

/**
 * Raised by a record newer than ours: a new leader whose cache still shows an older one has no business to lower it. No
 * record grants a weight and somebody beside it.
 */
function isAhead({ weight, reach, ...route }: SeenRoute, release: ReleaseState): boolean {
  const { release: name, n, weight: given } = route.fence ?? { release: '', n: 0 };
  return name === release.name && n > release.n && weight === given && (reach === undefined || weight === 0);
}

/** It sends more than the record grants, and no newer record may have granted it: it is lowered, whatever else is to be done. */
export function exceeds(route: SeenRoute, release: ReleaseState): boolean {
  return (isAbove(route, release) || reachesTooFar(route, release)) && !isAhead(route, release);
}

function isAbove({ weight, spread }: SeenRoute, { weight: granted }: ReleaseState): boolean {
  return weight === undefined ? granted === 0 || (spread?.most ?? 0) > granted : weight > granted;
}

/**
 * Somebody is sent to the canary whom the record does not grant. What the step before this one granted stays until the
 * raise is written that takes its place.
 */
function reachesTooFar(route: SeenRoute, release: ReleaseState): boolean {
  if (route.reach === undefined || route.reach === formatReach(release.reach)) return false;
  return grantsNothing(release) || !fenced(route, release) || (route.fence?.n ?? 0) >= release.n;
}

export function grantsNothing({ weight, reach }: Pick<ReleaseState, 'weight' | 'reach'>): boolean {
  return weight === 0 && reach === undefined;
}

/**
 * What is to be lowered before anything more is granted, for people. A lowering starts beside the store of its record: to
 * a weight that this very record grants, it would stay there as nobody's grant if the store were lost.
 */
export function excessWords({ routes }: Seen, release: ReleaseState): string | undefined {
  const over = routes.find((route) => route.exists && exceeds(route, release));
  return over && `${routeTitle(over.name)} sends more to the canary than was granted, and is lowered first`;
}

/**
 * A lowering to 0 has a number that its record has too, at the latest when all is at rest: under a newer one it would look
 * like another record's grant, and whom somebody matches by hand afterwards would be left alone.
 */
export function numbered(state: State, seen: Seen): State {
  const { release } = state;
  if (release === undefined || release.weight > 0 || release.reach !== undefined) return state;
  const top = topFence(seen, release);
  if (seen.routes.some((route) => falls(route, release))) return { ...state, release: { ...release, n: top + 1 } };
  return routesSend(seen) || top === release.n ? state : { ...state, release: { ...release, n: top } };
}

/** Whom it sends to the canary is taken back now, from beside a fence that is no older than the record. */
function falls(route: SeenRoute, release: ReleaseState): boolean {
  const known = fenced(route, release) && (route.fence?.n ?? 0) >= release.n;
  return sends(route) && known && !isAhead(route, release);
}

/** Every route carries exactly the granted weight under this record, and every parent took it. */
export function routesCarry(seen: Seen, release: ReleaseState): boolean {
  return seen.routes.every(
    (route) =>
      route.exists &&
      route.accepted &&
      route.weight === release.weight &&
      route.reach === formatReach(release.reach) &&
      fenced(route, release) &&
      (route.fence?.n ?? 0) >= release.n,
  );
}

/** It says that somebody is sent to the canary, whether or not its parents took that. */
function sends({ exists, weight, reach }: SeenRoute): boolean {
  return exists && (weight !== 0 || reach !== undefined);
}

export function routesSend({ routes }: Seen): boolean {
  return routes.some(sends);
}

/** No route sends anything to the canary, and every parent took that. A route that is gone sends nothing. */
export function routesAtRest(seen: Seen): boolean {
  return !routesSend(seen) && seen.routes.every(({ exists, accepted }) => !exists || accepted);
}

/**
 * Nothing is granted any more, and its fence is older than that: the user's own text has not been written back yet. A weight
 * that somebody set to 0 by hand still names the canary's Service, and without our fence that would look like the user's.
 */
export function awaitsText({ exists, conflict, fence }: SeenRoute, release: ReleaseState): boolean {
  if (release.weight > 0 || release.reach !== undefined || !exists || conflict !== undefined) return false;
  return fence?.release === release.name && fence.n < release.n;
}

export function routesGivenBack({ routes }: Seen, release: ReleaseState): boolean {
  return !routes.some((route) => awaitsText(route, release));
}

/** The default of progressDeadline, for a Rollout whose spec cannot be read any more. */
const GIVE_UP_MS: Millis = 600_000;

/**
 * A gateway that is gone or broken accepts nothing any more, and must not keep a deleted Rollout for ever: what was
 * written long enough ago is then taken for obeyed.
 */
export function obeyed(seen: Seen, { release }: State, now: Millis): Seen {
  const since = release?.ending?.at;
  if (!seen.deleting || since === undefined || now - since <= (seen.spec?.progressDeadlineMs ?? GIVE_UP_MS))
    return seen;
  return { ...seen, routes: seen.routes.map((route) => ({ ...route, accepted: true })) };
}

/**
 * Compares the routes with the record: never answers "raise". Whoever finds less traffic than granted and
 * cannot prove that its own write was lost must assume that a person wanted it so (principle 3).
 */
export function driftOf(seen: Seen, release: ReleaseState): Drift {
  let drift: Drift = { kind: 'None' };
  const before = seen.release?.name === release.name ? seen.release.plan.steps[release.step - 1]?.reach : undefined;
  for (const route of seen.routes) {
    const one = takenOn(route, release, before) ?? driftOn(route, release);
    if (one.kind === 'Changed') return one;
    if (one.kind === 'Lowered' || drift.kind === 'None') drift = one;
  }
  return drift;
}

function driftOn(route: SeenRoute, release: ReleaseState): Drift {
  const name = routeTitle(route.name);
  if (!route.exists) return changed(`${name} is gone`);
  if (route.conflict !== undefined) return changed(`${name}: ${route.conflict}`);
  const by = route.manager === undefined ? '' : ` by ${route.manager}`;
  if (route.weight === undefined) return changed(`${name}: its rules disagree about the canary's weight, changed${by}`);
  if (route.fence === undefined || !fenced(route, release)) return changed(`${name}: the fence is gone, changed${by}`);
  // A lowering of ours writes the fence too, so this was none, even where the record grants no more by now.
  if (route.weight < route.fence.weight) return changed(`${name}: the canary's traffic was taken back${by}`);
  // Above the wish is lowered at once, not discussed.
  if (route.weight > release.weight || (route.weight === release.weight && reachesAll(route, release)))
    return { kind: 'None' };
  if (route.fence.n > release.n) return { kind: 'Lowered' };
  if (route.fence.n === release.n) {
    // The fence does not tell who was matched: at the weight that it grants, somebody else took them away.
    return route.fence.weight < release.weight
      ? { kind: 'Lowered' }
      : changed(`${name}: ${takenFrom(release.reach)}${by}`);
  }
  // The fence is older than the record: in Shifting the raise has not been written yet, later it was lost.
  return release.stage === 'Shifting' ? { kind: 'None' } : { kind: 'Lost' };
}

/** Whom the record grants is sent there, or it grants nobody. */
function reachesAll({ reach }: SeenRoute, release: ReleaseState): boolean {
  return release.reach === undefined || reach === formatReach(release.reach);
}

/**
 * The raise that takes the place of a reach is on record and not written yet, and what it takes the place of is gone:
 * the fence, which knows weights alone, does not tell.
 */
function takenOn(route: SeenRoute, { stage, n }: ReleaseState, before: Reach | undefined): Drift | undefined {
  const { name, exists, reach, fence, manager } = route;
  const taken = before !== undefined && exists && reach === undefined && stage === 'Shifting' && fence?.n === n - 1;
  const by = manager === undefined ? '' : ` by ${manager}`;
  return taken ? changed(`${routeTitle(name)}: ${takenFrom(before)}${by}`) : undefined;
}

function takenFrom(reach: Reach | undefined): string {
  return reach?.mirror === undefined ? 'the matched users were taken back' : 'the copies were taken back';
}

function changed(message: string): Drift {
  return { kind: 'Changed', message };
}
