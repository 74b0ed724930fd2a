import type { Millis } from '#lib/units.ts';
import type { State } from './model.ts';
import type { Mover, PlacesSight, Seen } from './seen.ts';
import { whoIsFirst } from './turn.ts';

/** How many releases may move at once, and who is next: the queue of the whole operator. */

/** Most others that a sentence names. */
const NAMED_MAX = 3;

const rank = { Carries: 0, Begun: 1, Waits: 2 } as const;

/** What a first raise waits for among other releases, with its place kept; undefined: nothing. */
export function queue(
  before: State,
  seen: Seen,
  { now, since }: { now: Millis; since: Millis },
): { state: State; waits: string } | undefined {
  const first = whoIsFirst(before, seen);
  const waits = first ?? placeHolds(before, seen, now);
  if (waits === undefined) return undefined;
  const { inQueueSince = since, queuedAt = since, ...rest } = before;
  // Whoever waits for its group is not about to move: nobody stands behind it. Whoever waits for a place keeps its turn.
  const turn = first === undefined && seen.group === undefined ? {} : { queuedAt };
  return { state: { ...rest, ...turn, ...(first === undefined ? { inQueueSince } : {}) }, waits };
}

/**
 * Why no release may begin, or be raised from 0, yet; undefined: it may. Whoever has traffic keeps its place, then whoever
 * has begun, then the queue by arrival. Who waits for its namespace alone is passed by those of others. A release that is
 * paused at weight 0 has no place, so nobody waits for it; one that is paused with traffic has, for it does move users.
 */
export function placeHolds(
  state: State,
  { places, rollout, proposal, release }: Seen,
  now: Millis,
): string | undefined {
  const plan = state.release === undefined ? proposal : release?.plan;
  // The remedy stands in no queue: neither the way back nor what mends an outage.
  if (places === undefined || plan?.rollback === true || state.release?.expedited !== undefined) return undefined;
  const { namespace } = places;
  const own: Mover = {
    ...{ namespace, rollout },
    stands: state.release === undefined || state.inQueueSince !== undefined ? 'Waits' : 'Begun',
    since: state.inQueueSince ?? state.release?.startedAt ?? now,
  };
  const line = [...places.others, own].sort(inOrder);
  return admitted(line, places).has(own) ? undefined : placeWords(own, line, places);
}

function inOrder(a: Mover, b: Mover): number {
  return rank[a.stands] - rank[b.stands] || a.since - b.since || (nameOf(a) < nameOf(b) ? -1 : 1);
}

function nameOf({ namespace, rollout }: Mover): string {
  return `${namespace}/${rollout}`;
}

/** Those of the line that may move now. What carries traffic counts whether it should or not. */
function admitted(line: readonly Mover[], { cluster, perNamespace }: PlacesSight): ReadonlySet<Mover> {
  const moving = new Set<Mover>();
  const inNamespace = new Map<string, number>();
  for (const mover of line) {
    const near = inNamespace.get(mover.namespace) ?? 0;
    const room =
      moving.size < (cluster ?? Number.POSITIVE_INFINITY) && near < (perNamespace ?? Number.POSITIVE_INFINITY);
    if (mover.stands !== 'Carries' && !room) continue;
    moving.add(mover);
    inNamespace.set(mover.namespace, near + 1);
  }
  return moving;
}

/** `its place: third of 5 in the queue, after shop/a, shop/b; 2 move (pay/c, pay/d), and the cluster allows 2 at once`. */
function placeWords(own: Mover, line: readonly Mover[], places: PlacesSight): string {
  const { cluster, perNamespace, namespace } = places;
  const ahead = line.filter((mover) => mover !== own && mover.stands !== 'Waits');
  const full = cluster !== undefined && ahead.length >= cluster;
  const near = full ? ahead : ahead.filter((mover) => mover.namespace === namespace);
  const queue = line.filter((mover) => mover === own || mover.stands === 'Waits');
  const place = queue.indexOf(own);
  const before = queue.slice(0, place);
  const after = before.length === 0 ? '' : `, after ${named(before)}`;
  const allows = full ? `the cluster allows ${cluster}` : `namespace ${namespace} allows ${perNamespace ?? 0}`;
  const moves = near.length === 1 ? '1 moves' : `${near.length} move`;
  return `its place: ${ordinal(place + 1)} of ${queue.length} in the queue${after}; ${moves} (${named(near)}) and ${allows} at once`;
}

function named(movers: readonly Mover[]): string {
  const names = movers.slice(0, NAMED_MAX).map(nameOf).join(', ');
  return movers.length > NAMED_MAX ? `${names} and ${movers.length - NAMED_MAX} more` : names;
}

const words = ['first', 'second', 'third', 'fourth', 'fifth'];

function ordinal(place: number): string {
  return words[place - 1] ?? `number ${place}`;
}
