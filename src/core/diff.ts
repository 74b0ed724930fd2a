import { isCleared, scaleDeployment } from './adopt.ts';
import { availableOf, podsOnRecord, replicasDuring } from './capacity.ts';
import type { Wish } from './desired.ts';
import { diffPods } from './diff-pods.ts';
import type { Effect } from './effect.ts';
import type { ReleaseState, State } from './model.ts';
import { formatReach } from './reach.ts';
import { abandoned, awaitsText, exceeds, fenced, grantsNothing, hasOwnFence, isAbroad, isOwnFence } from './routes.ts';
import type { Fence, Seen, SeenRoute } from './seen.ts';
import { awaitsNarrowing } from './widened.ts';

/** Wish minus world: everything that has to be done, lowering first. No effects means that nothing is missing. */
export function diff(wish: Wish, next: State, seen: Seen): Effect[] {
  return [
    ...lowerings(wish, next, seen),
    ...abandoned(next, seen).flatMap((route) => giveBack(route, next)),
    ...records(next, seen),
    ...services(wish, next, seen),
    ...diffPods(wish, next, seen),
    ...scaleDeployment(wish.deployment, seen),
    ...raises(wish, next, seen),
    ...farewell(wish, next, seen),
  ];
}

/** Down is free: every route that sends more than granted, all at once. The fence is planted at weight 0 the same way. */
function lowerings(wish: Wish, next: State, seen: Seen): Effect[] {
  return seen.routes.flatMap((route) => {
    const fence = loweringFence(route, wish, next.release, seen);
    if (fence === undefined) return [];
    // Whoever is rightly there stays; nobody comes with a lowering.
    const stays = route.reach !== undefined && route.reach === formatReach(wish.reach);
    return [setWeight(route, fence, { next, raise: false, reach: stays ? wish.reach : undefined })];
  });
}

/** What was left in the middle of a release goes back to the user's text, fence and all. */
function giveBack(route: SeenRoute, next: State): Effect[] {
  const { name, fence, resourceVersion } = route;
  if (fence === undefined) return [];
  if (rests(route)) return [{ kind: 'ClearFence', route: name, resourceVersion }];
  return [setWeight(route, { ...fence, n: fence.n + 1, weight: 0 }, { next, raise: false, reach: undefined })];
}

/** The fence that a lowering of this route would write; undefined when there is nothing to lower or to plant. */
function loweringFence(
  route: SeenRoute,
  wish: Wish,
  release: ReleaseState | undefined,
  { rollout, deleting }: Pick<Seen, 'rollout' | 'deleting'>,
): Fence | undefined {
  if (!route.exists) return undefined;
  if (release === undefined) {
    const { fence } = route;
    return fence === undefined || !isOwnFence(fence, rollout) || rests(route)
      ? undefined
      : { ...fence, n: fence.n + 1, weight: 0 };
  }
  const seenN = fenced(route, release) ? (route.fence?.n ?? 0) : 0;
  if (exceeds(route, release)) {
    // Rules that disagree all go to the least of them, or one of them would be raised.
    const weight = Math.min(wish.weight, route.weight ?? route.spread?.least ?? 0);
    return { release: release.name, n: Math.max(seenN + 1, release.n), weight };
  }
  // At weight 0 a fence older than the record is passed, so that a raise still on its way finds a newer one.
  // A route that somebody set to 0 by hand still names the canary's Service: the write gives back the user's own text.
  const plants = fenced(route, release) || (!deleting && splits(release, route));
  const unplanted = plants && grantsNothing(wish) && seenN < release.n && route.conflict === undefined;
  return unplanted ? { release: release.name, n: release.n, weight: 0 } : undefined;
}

/** The look that begins a release still shows the routes of the one before it. */
function splits({ routes }: ReleaseState, { name }: SeenRoute): boolean {
  return routes?.includes(name) ?? true;
}

/** It sends nothing to the canary. */
function rests({ weight, reach }: SeenRoute): boolean {
  return weight === 0 && reach === undefined;
}

interface Write {
  next: State;
  raise: boolean;
  reach: Wish['reach'];
}

function setWeight(route: SeenRoute, fence: Fence, { next, raise, reach }: Write): Effect {
  return {
    kind: 'SetWeight',
    route: route.name,
    weight: fence.weight,
    ...(reach === undefined ? {} : { reach }),
    raise,
    ...(rests(route) && !raise ? { plants: true as const } : {}),
    fence,
    ...(route.fence === undefined ? {} : { seenFence: route.fence }),
    resourceVersion: route.resourceVersion,
    memo: next.release?.memo[route.name] ?? route.memo,
  };
}

/**
 * One route at a time, and only while the record says Shifting and no end, the fence is ours and older than the record,
 * and the pods that shall carry the weight are available.
 */
function raises(wish: Wish, next: State, seen: Seen): Effect[] {
  const release = next.release;
  if (release === undefined || release.ending !== undefined || seen.deleting) return [];
  if (next.phase !== 'Progressing' || release.stage !== 'Shifting') return [];
  if (!canCarry(next, release, seen)) return [];
  const behind = seen.routes.find((route) => isBehind(route, wish, release));
  if (behind === undefined || !mayRaise(behind, release)) return [];
  const fence = { release: release.name, n: release.n, weight: wish.weight };
  return [setWeight(behind, fence, { next, raise: true, reach: wish.reach })];
}

/** Somebody may have given as much meanwhile: without a fence that says so nobody knows it for the grant. */
function isBehind(route: SeenRoute, wish: Wish, release: ReleaseState): boolean {
  const { weight, reach, fence } = route;
  if (weight === undefined || weight > wish.weight) return false;
  const unfenced = fenced(route, release) && (fence?.n ?? 0) < release.n;
  return weight < wish.weight || reach !== formatReach(wish.reach) || unfenced;
}

function mayRaise(route: SeenRoute, release: ReleaseState): boolean {
  if (!route.exists || route.conflict !== undefined || route.barred !== undefined || !fenced(route, release))
    return false;
  const { fence, weight = 0 } = route;
  // Less than its fence says was taken by somebody; more was given, and what is within the grant is in nobody's way.
  return (fence?.n ?? 0) < release.n && weight >= (fence?.weight ?? 0);
}

function canCarry(next: State, release: ReleaseState, seen: Seen): boolean {
  const plan = seen.release?.plan;
  if (plan === undefined || seen.spec === undefined || seen.service?.narrowed !== true) return false;
  const wanted = podsOnRecord(release, plan, replicasDuring(seen, next, seen.spec.replicas));
  return availableOf(seen, release.revision).length >= wanted;
}

function services(wish: Wish, next: State, seen: Seen): Effect[] {
  const service = seen.spec?.service;
  if (service === undefined || seen.service === undefined) return [];
  const effects: Effect[] = [];
  if (wish.canaryService && seen.canaryService?.current !== true) effects.push({ kind: 'ApplyCanaryService', service });
  // Narrowed only once labelled pods serve: until then the Service must go on as it was. A release that waits for it may
  // be the one that mends stable, and then no such pod comes before it.
  const labelled = seen.replicaSets.flatMap(({ pods }) => pods.filter(({ arms }) => arms.stable));
  const served = awaitsNarrowing(next, seen) || labelled.some((pod) => !pod.terminating && pod.available);
  if (wish.narrow && !seen.service.narrowed && served) effects.push({ kind: 'NarrowService', service });
  return effects;
}

/** The Release object follows the state; it never leads. */
function records(next: State, seen: Seen): Effect[] {
  const effects: Effect[] = [];
  if (next.ended !== undefined && !seen.endedRecorded) {
    effects.push({
      kind: 'RecordRelease',
      name: next.ended.name,
      record: `ended/${next.ended.outcome}`,
      outcome: next.ended.outcome,
    });
  }
  const release = next.release;
  if (release !== undefined) {
    const there = seen.release?.name === release.name ? seen.release : undefined;
    const record = recordOf(next, release);
    // A release that is given back needs no record to be given back by.
    if (there === undefined && seen.proposal !== undefined && !seen.deleting)
      effects.push({ kind: 'CreateRelease', release, plan: seen.proposal });
    else if (there !== undefined && there.recorded !== record)
      effects.push({ kind: 'RecordRelease', name: release.name, record });
  }
  for (const result of next.actions) {
    const action = seen.actions.find((candidate) => candidate.uid === result.uid && !candidate.acknowledged);
    if (action !== undefined) effects.push({ kind: 'AnswerAction', action: action.name, uid: action.uid, result });
  }
  return effects;
}

/** What the Release object should have recorded: changes exactly when people would want to read of it. */
export function recordOf(state: State, release: ReleaseState): string {
  const place = release.joined === undefined ? release.step : `join${release.joined}`;
  const face = `${state.phase}/${state.reason ?? ''}/${release.stage}/${place}/${release.weight}`;
  const replaced = release.replaced === undefined ? '' : `/replaced${release.replaced.length}`;
  const remedied = release.ending?.remediedAt === undefined ? '' : '/remedied';
  const held = release.held === undefined || release.held.until !== undefined ? '' : `/held${release.held.since}`;
  const { approvals } = release;
  const approved = approvals === undefined ? '' : `/approved${approvals.step}.${approvals.people.length}`;
  const more = `${remedied}${replaced}${approved}${held}${release.committed ? '/committed' : ''}`;
  return `${face}/${release.attempt}${release.expedited === undefined ? '' : '/expedited'}/${release.ending?.kind ?? ''}${more}`;
}

/** At rest no trace stays on a route; before deletion the Service gets its own selector back. */
function farewell(wish: Wish, next: State, seen: Seen): Effect[] {
  if (next.release !== undefined && !seen.deleting) return [];
  const clears = seen.routes.flatMap((route): Effect[] => {
    if (!hasOwnFence(route, seen.rollout) || !rests(route)) return [];
    if (next.release !== undefined && awaitsText(route, next.release)) return [];
    return [{ kind: 'ClearFence', route: route.name, resourceVersion: route.resourceVersion }];
  });
  return seen.deleting ? [...clears, ...goodbye(wish, next, seen)] : clears;
}

function isFencedAbroad({ rollout, routes, leftRoutes = [] }: Seen): boolean {
  return [...routes, ...leftRoutes].some((route) => isAbroad(route) && hasOwnFence(route, rollout));
}

function goodbye({ handover }: Wish, next: State, seen: Seen): Effect[] {
  // Everything here goes with its namespace: whoever waits for anything holds that up. A route of another one stays there.
  if (seen.terminating === true) return isFencedAbroad(seen) ? [] : [{ kind: 'ReleaseFinalizer' }];
  if (!isCleared(next, seen)) return [];
  // What was narrowed is widened even where the spec cannot be read any more.
  const service = seen.spec?.service ?? seen.service?.name;
  // One that never had a stable revision has narrowed nothing: the Service may be another Rollout's.
  const widens = next.stable !== undefined && seen.service?.narrowed === true && service !== undefined;
  const widen: Effect[] = widens ? [{ kind: 'WidenService', service }] : [];
  if (handover.kind === 'Widen') return widen;
  if (handover.kind === 'Label')
    return handover.pods.map(({ name, uid }): Effect => ({ kind: 'LabelGivenBack', pod: name, uid }));
  const over = handover.kind === 'None' || handover.kind === 'Done';
  return over ? [...widen, { kind: 'ReleaseFinalizer' }] : [];
}
