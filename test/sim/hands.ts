import { formatReach } from '#core/reach.ts';
import type { Arms } from '#core/seen.ts';
import type { World, WorldPod, WorldSet } from '#test/core/world.ts';
import { COPIED, MATCHED } from './few-users.ts';
import { drawPlan, type Mishap } from './plan.ts';

/** What people do by hand to pods, ReplicaSets and Services of a pure world, beside what befalls routes and specs. */

type Hands = Pick<World, 'pods' | 'routes' | 'sets' | 'now' | 'act' | 'deleting' | 'state' | 'room'> & {
  narrowed: boolean;
  canaryService: boolean;
};

interface Hand {
  world: Hands;
  random: () => number;
}

const CHANCE = 0.01;
const REACHES = [MATCHED, COPIED].map((reach) => formatReach(reach));

const HANDS: Readonly<Record<string, (hand: Hand) => void>> = {
  'Service selector by hand': ({ world }) => {
    world.narrowed = false;
  },
  'canary Service deleted by hand': ({ world }) => {
    world.canaryService = false;
  },
  'ReplicaSet scaled by hand': (hand) => {
    const set = one(hand.world.sets, hand);
    if (set !== undefined) set.replicas = one([0, 1, 2, 5], hand) ?? 0;
  },
  'ReplicaSet deleted by hand': dropSet,
  'pod labels by hand': (hand) => relabel(one(hand.world.pods, hand), hand),
  'labels of a ReplicaSet by hand': (hand) => relabel(one(hand.world.sets, hand), hand),
  'a full namespace': (hand) => {
    const { world } = hand;
    world.room = Number.isFinite(world.room)
      ? Number.POSITIVE_INFINITY
      : world.pods.length + (one([0, 1, 3], hand) ?? 0);
  },
  'users matched by hand': matchByHand,
  undo: ({ world }) => world.act('undo'),
};

/** Drawn apart, so that what befalls a world otherwise does not depend on them. */
export function drawHands(seed: number, moments: number, wildness: number, from: number): Mishap[] {
  const chances = Object.fromEntries(Object.keys(HANDS).map((what) => [what, CHANCE]));
  return drawPlan(-1 - seed, moments, chances, wildness).map((mishap) => ({ ...mishap, index: from + mishap.index }));
}

/** False: it is no hand's work. */
export function byHand(what: string, hand: Hand): boolean {
  HANDS[what]?.(hand);
  return what in HANDS;
}

function one<T>(list: readonly T[], { random }: Hand): T | undefined {
  return list[Math.floor(random() * list.length)];
}

/** Stable's is the one copy of its template: without it nothing can be brought back. */
function dropSet(hand: Hand): void {
  const { world } = hand;
  const { stable, release, pinned } = world.state;
  const set = one(
    world.sets.filter(({ revision }) => ![stable, release?.from, pinned?.revision].includes(revision)),
    hand,
  );
  if (set === undefined) return;
  world.sets.splice(world.sets.indexOf(set), 1);
  for (const pod of world.pods) if (pod.set === set.name) pod.terminating ??= world.now + 2000;
}

function relabel(target: WorldPod | WorldSet | undefined, hand: Hand): void {
  if (target !== undefined)
    target.arms =
      one<Arms>(
        [
          { stable: false, canary: false },
          { stable: true, canary: false },
          { stable: false, canary: true },
          { stable: true, canary: true },
        ],
        hand,
      ) ?? target.arms;
}

/**
 * Not in the pass that lets a deleted Rollout go, where a lowering of this would come too late to be cleared; nor beside a
 * fence newer than the record, where nothing tells it from the grant of another leader: a known limit.
 */
function matchByHand(hand: Hand): void {
  const { state, deleting, routes } = hand.world;
  const route = one(routes, hand);
  const { release, n = 0 } = route?.fence ?? {};
  const looksGranted = release === state.release?.name && n > (state.release?.n ?? 0);
  if (route === undefined || deleting || looksGranted) return;
  Object.assign(route, { reach: one(REACHES, hand), version: route.version + 1, manager: 'kubectl-edit' });
}
