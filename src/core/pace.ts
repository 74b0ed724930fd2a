import { type Millis, type Weight, WHOLE } from '#lib/units.ts';
import { failedOf } from './bad-pod.ts';
import { availableOf, podsAt, podsOnRecord, podTrouble, replicasDuring, setOf } from './capacity.ts';
import { rungAt } from './ladder.ts';
import type { Plan, ReleaseState, Spec, State, Step } from './model.ts';
import type { Seen } from './seen.ts';
import type { Surge } from './words.ts';

/**
 * How quickly a canary gets its pods, where that is limited: each new one is a place on a node, an image to pull and some
 * connections to a database. Told by what is seen alone, so that a lost, repeated or late pass asks for no more than it may.
 */

/** Canary pods that the record may have coming up at once; undefined: any number. */
function surgeOf(release: ReleaseState, plan: Plan, replicas: number): number | undefined {
  // Going back to what served recently is the remedy: it waits for nobody.
  if (plan.rollback) return undefined;
  const rung = release.stage === 'Promoting' ? undefined : rungAt(plan, release.step);
  const surge = rung?.maxSurge ?? plan.maxSurge;
  return surge === undefined ? undefined : podsOfSurge(surge, replicas);
}

/** So many of `replicas`, at least one. */
export function podsOfSurge(surge: Surge, replicas: number): number {
  if ('pods' in surge) return Math.max(1, surge.pods);
  return Math.max(1, shareOf(surge.share, replicas));
}

function shareOf(share: Weight, replicas: number): number {
  return Math.ceil((replicas * share) / WHOLE);
}

/**
 * Pods that the share which the canary has already asks for: what an autoscaler adds to them carries its load, and comes at
 * once.
 */
function podsReached(release: ReleaseState, plan: Plan, replicas: number): number {
  const reached = rungReached(release, plan);
  return reached === undefined ? 0 : podsAt(reached, replicas, release.full !== undefined);
}

/** The rung whose share the canary was seen to have: the one on record, or the one before it while that is being reached. */
function rungReached({ arrivedAt, step }: ReleaseState, plan: Plan): Step | undefined {
  return rungAt(plan, arrivedAt === undefined ? step - 1 : step);
}

/** The canary's share as it was seen last, never more than the record grants: pods for more may take their time. */
export function weightReached(release: ReleaseState, plan: Plan): Weight {
  return Math.min(release.weight, rungReached(release, plan)?.weight ?? 0);
}

interface Sight {
  plan: Plan;
  seen: Seen;
  /** Pods of each arm at its largest. */
  full: number;
}

/** As many of the `wanted` pods as the canary may be asked to have now. Never fewer than there are, if these are wanted. */
export function paced(wanted: number, release: ReleaseState, { plan, seen, full }: Sight): number {
  const surge = surgeOf(release, plan, full);
  if (surge === undefined) return wanted;
  const have = setOf(seen, release.revision)?.replicas ?? 0;
  // One that is to be replaced comes up no more: its successor waits for the others alone.
  const settled = availableOf(seen, release.revision).length + failedOf(release, seen).length;
  const may = settled + surge;
  // One that was ready and is not any more is no reason to take another one away.
  return Math.min(wanted, Math.max(may, have, podsReached(release, plan, full)));
}

/** Remembers when the canary last grew: its pods are late by the newest of them. */
export function noteGrowth(
  release: ReleaseState,
  { plan, seen, now }: Omit<Sight, 'full'> & { now: Millis },
): ReleaseState {
  const pods = setOf(seen, release.revision)?.replicas ?? 0;
  if (surgeOf(release, plan, 1) === undefined || pods <= (release.grownTo ?? 0)) return release;
  return { ...release, grownTo: pods, grownAt: now };
}

/** When time alone makes its newest pods late. */
export function growthEdges({ grownAt }: ReleaseState, spec: Spec | undefined): Millis[] {
  return grownAt === undefined || spec === undefined ? [] : [grownAt + spec.progressDeadlineMs + 1];
}

/** The canary's pods: how many the record asks for, how many are available, and both for people. */
export interface Capacity {
  wanted: number;
  available: number;
  words: string;
}

/** Pods of the canary that the record asks for, and how many of them are available. */
export function capacity(
  state: State,
  release: ReleaseState,
  { plan, seen, spec }: { plan: Plan; seen: Seen; spec: Spec },
): Capacity {
  const full = replicasDuring(seen, state, spec.replicas);
  const wanted = release.stage === 'Promoting' ? full : podsOnRecord(release, plan, full);
  const available = availableOf(seen, release.revision).length;
  const surge = surgeOf(release, plan, full);
  const grows = surge !== undefined && (setOf(seen, release.revision)?.replicas ?? 0) < wanted;
  const pace = grows ? `, at most ${surge} at a time` : '';
  const words = `${available} of ${wanted} canary pods are available${pace}${podTrouble(seen, release.revision)}`;
  return { wanted, available, words };
}
