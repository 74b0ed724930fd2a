import { formatPercent, type Millis, type Weight, WHOLE } from '#lib/units.ts';
import { readyOf, setOf, stableBeside } from './capacity.ts';
import type { ReleaseState, State } from './model.ts';
import { routesCarry, topFence } from './routes.ts';
import type { Seen, SeenRoute } from './seen.ts';

/**
 * Stable that gets smaller while the canary serves, where the Rollout asks for it. Its pods go after a raise has been
 * obeyed, never before. On the way back as much goes at once as its ready pods carry, and the rest as they come.
 */

/**
 * Longest that a way back waits for pods of stable. A bad canary serves on meanwhile: pods that need longer than that
 * would cost users more than a stable that is too small for a while.
 */
export const RETURN_MS: Millis = 60_000;

/** Pods that stable is whole with, by the newest wish, where this release shrinks it. */
export function noteFull(state: State, { spec }: Pick<Seen, 'spec'>): State {
  const { release } = state;
  if (release?.full === undefined || release.committed || spec === undefined || spec.replicas <= release.full)
    return state;
  return { ...state, release: { ...release, full: spec.replicas } };
}

/**
 * Remembers since when every route carries what is granted, and under which writes of ours. What was seen on a route
 * meanwhile begins that anew, and so does a write of ours whose record was lost: it has left its number. A hand that comes
 * and goes between two looks is seen by nobody.
 */
export function noteCarried(state: State, seen: Seen, now: Millis): State {
  const { release } = state;
  if (release?.full === undefined || release.committed || release.ending !== undefined) return state;
  const carries = release.weight > 0 && routesCarry(seen, release);
  if (carries && release.carriedUnder === writesOf(seen)) return state;
  const { carriedSince, carriedUnder: _, ...before } = release;
  if (carries) return { ...state, release: { ...before, carriedSince: now, carriedUnder: writesOf(seen) } };
  return carriedSince === undefined ? state : { ...state, release: before };
}

/** Grows with every write of ours to any route. */
function writesOf({ routes }: Seen): number {
  return routes.reduce((sum, { fence }) => sum + (fence?.n ?? 0), 0);
}

/** The data plane has had the time that it is given since anything was written to any route. */
function isObeyed(release: ReleaseState, seen: Seen, now: Millis): boolean {
  const { carriedSince, carriedUnder } = release;
  if (carriedSince === undefined || seen.spec === undefined) return false;
  const settled = carriedUnder === writesOf(seen) && now - carriedSince >= seen.spec.settleMs;
  return settled && routesCarry(seen, release);
}

interface Whole {
  /** As many pods as stable has without a canary. */
  full: number;
  now: Millis;
}

/** Pods that stable should have while a release moves. */
export function stableReplicas(release: ReleaseState, seen: Seen, { full, now }: Whole): number {
  const moves = release.stage !== 'Preparing' && release.stage !== 'Probing' && release.ending === undefined;
  if (release.full === undefined || !moves) return full;
  const needed = stableBeside({ replicas: full, weight: takenOff(release, seen) });
  // What was just written may not have reached a gateway yet: until then nothing goes, and what lacks comes.
  const have = setOf(seen, release.from)?.replicas ?? full;
  return isObeyed(release, seen, now) ? needed : Math.min(full, Math.max(needed, have));
}

/** The share that every route takes off stable, by record and by what they say. */
function takenOff({ weight }: ReleaseState, { routes }: Seen): Weight {
  return Math.min(weight, ...routes.map((route) => (route.exists ? leastOf(route) : 0)));
}

function leastOf({ weight, spread }: SeenRoute): Weight {
  return weight ?? spread?.least ?? 0;
}

/**
 * The share that the canary keeps for now when the traffic goes back: what ready pods of stable do not carry yet, a pod
 * for what it carries when it is whole. Nothing where the canary serves nobody, or where the pods do not come.
 */
export function keptOnReturn(release: ReleaseState, seen: Seen, now: Millis): Weight {
  const { full = 0, returningSince = now, ending, from, revision } = release;
  const inVain = setOf(seen, from)?.refused !== undefined || now - returningSince >= RETURN_MS;
  // What goes to the canary is answered by nobody, or by the gateway with errors.
  const dark = ending?.cause === 'DarkCanary' || seen.routes.some(({ barred }) => barred !== undefined);
  if (full === 0 || inVain || dark) return 0;
  const share = (pods: number) => Math.ceil((Math.min(full, pods) * WHOLE) / full);
  const missing = share(Math.max(0, full - readyOf(seen, from).length));
  const routes = seen.routes.filter(({ exists }) => exists);
  return Math.min(release.weight, missing, share(readyOf(seen, revision).length), ...routes.map(leastOf));
}

/** Goes on with a way back: down with every pod of stable that is ready. */
export function returnFurther(state: State, seen: Seen, now: Millis): State {
  const { release } = state;
  if (release?.returningSince === undefined) return state;
  const weight = keptOnReturn(release, seen, now);
  if (weight >= release.weight) return state;
  const lower = { ...release, weight, n: topFence(seen, release) + 1 };
  const { returningSince: _, ...whole } = lower;
  return { ...state, release: weight > 0 ? lower : whole };
}

/** When time alone ends a way back, or lets pods of stable go. */
export function shrinkEdges({ returningSince, carriedSince }: ReleaseState, { spec }: Pick<Seen, 'spec'>): Millis[] {
  const settled = carriedSince === undefined || spec === undefined ? [] : [carriedSince + spec.settleMs];
  return returningSince === undefined ? settled : [...settled, returningSince + RETURN_MS];
}

/** For people, where a way back stands; undefined when everything has been taken back. */
export function returnWords(release: ReleaseState, seen: Seen): string | undefined {
  const { full = 0, returningSince, from, weight } = release;
  if (returningSince === undefined) return undefined;
  const ready = readyOf(seen, from).length;
  return `the traffic goes back as stable's pods come: ${ready} of ${full} are ready, the canary keeps ${formatPercent(weight)}`;
}
