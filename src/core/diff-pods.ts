import { dispensable } from './bad-pod.ts';
import { living } from './capacity.ts';
import type { ArmWish, Wish } from './desired.ts';
import type { Effect } from './effect.ts';
import type { State } from './model.ts';
import type { Arms, Seen, SeenPod, SeenReplicaSet } from './seen.ts';
import { templateOf } from './undo.ts';

const nobody: ArmWish['arms'] = { stable: false, canary: false };

/** ReplicaSets and pods: sizes, arm labels, quarantine and history. */
export function diffPods(wish: Wish, next: State, seen: Seen): Effect[] {
  const effects: Effect[] = [];
  for (const arm of wish.arms) {
    const set = seen.replicaSets.find((candidate) => candidate.revision === arm.revision);
    if (set === undefined) effects.push(...create(arm, seen));
    else effects.push(...quarantine(wish, set, arm, seen), ...labels(set, arm), ...scale(set, arm));
  }
  const named = new Set(wish.arms.map((arm) => arm.revision));
  const others = seen.replicaSets.filter((set) => !named.has(set.revision));
  // While the first revision is still being found, one that serves already goes on until another one can.
  const retired = others.filter((set) => next.stable !== undefined || !set.pods.some((pod) => pod.available));
  for (const set of retired) effects.push(...retire(set));
  effects.push(...dispensable(next, seen).map(({ name, uid }): Effect => ({ kind: 'DeletePod', pod: name, uid })));
  effects.push(...stray(wish, next, seen), ...history(others, next, seen), ...release(wish, seen));
  // Before anything is known of a Rollout but its deletion, nothing is made.
  return next.stable === undefined && seen.deleting ? [] : effects;
}

/** Only the template that the spec holds now can be made into pods. */
function create(arm: ArmWish, seen: Seen): Effect[] {
  if (arm.revision !== templateOf(seen) || arm.replicas === undefined || arm.replicas === 0 || seen.deleting) return [];
  return [{ kind: 'CreateReplicaSet', revision: arm.revision, replicas: arm.replicas, arms: arm.arms }];
}

function scale(set: SeenReplicaSet, arm: ArmWish): Effect[] {
  if (arm.replicas === undefined || arm.replicas === set.replicas) return [];
  return [{ kind: 'ScaleReplicaSet', name: set.name, replicas: arm.replicas }];
}

/** Adding a label: pods first, template last; removing: template first. So no pod ever carries more than its arm may. */
function labels(set: SeenReplicaSet, arm: ArmWish): Effect[] {
  const template = sameArms(set.arms, arm.arms)
    ? []
    : [{ kind: 'LabelTemplate' as const, name: set.name, arms: arm.arms }];
  const joined = joinedPods(set, arm);
  const pods = living(set).flatMap((pod): Effect[] => {
    const arms = { ...arm.arms, stable: arm.arms.stable || joined.has(pod.name) };
    return sameArms(pod.arms, arms) ? [] : [{ kind: 'LabelPod', pod: pod.name, arms }];
  });
  const removes = (set.arms.stable && !arm.arms.stable) || (set.arms.canary && !arm.arms.canary);
  return removes ? [...template, ...pods] : [...pods, ...template];
}

/** The pods that serve in-cluster clients too: those that do already, then available ones by name. */
function joinedPods(set: SeenReplicaSet, arm: ArmWish): Set<string> {
  if (arm.joined === undefined) return new Set();
  const rank = (pod: SeenPod) => (pod.arms.stable ? 0 : 1);
  const able = living(set).filter((pod) => pod.available);
  able.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  return new Set(able.slice(0, arm.joined).map((pod) => pod.name));
}

/**
 * A retreat keeps one pod for diagnosis, without any label that a Service could select. It is picked right before the
 * scale-down to 0: effects run in order, and a set that lost one pod much earlier would start another in its place.
 */
function quarantine(wish: Wish, set: SeenReplicaSet, arm: ArmWish, seen: Seen): Effect[] {
  const wanted = wish.quarantine;
  if (wanted === undefined || wanted.revision !== set.revision || arm.replicas !== 0 || seen.quarantined.length > 0)
    return [];
  const pod = living(set).sort((a, b) => (a.name < b.name ? -1 : 1))[0];
  return pod === undefined ? [] : [{ kind: 'QuarantinePod', pod: pod.name, release: wanted.release }];
}

/** Once its release has been left, the quarantined pod has nothing more to tell. */
function release(wish: Wish, seen: Seen): Effect[] {
  if (wish.quarantine !== undefined) return [];
  return seen.quarantined.map((pod) => ({ kind: 'DeletePod', pod }));
}

/** A revision that nobody names any more serves nobody. */
function retire(set: SeenReplicaSet): Effect[] {
  const off = labels(set, { revision: set.revision, arms: nobody });
  return set.replicas === 0 ? off : [...off, { kind: 'ScaleReplicaSet', name: set.name, replicas: 0 }];
}

/**
 * A ReplicaSet that is deleted by hand leaves its pods behind for a moment, or for good (`--cascade=orphan`). They lose what
 * their arm may not carry, and gain nothing: what still serves rightly goes on serving.
 */
function stray({ arms }: Wish, next: State, { strays = [] }: Seen): Effect[] {
  if (next.stable === undefined) return [];
  return strays.flatMap((pod): Effect[] => {
    const arm = arms.find(({ revision }) => revision === pod.revision);
    const stable = arm !== undefined && (arm.arms.stable || (arm.joined ?? 0) > 0);
    const kept = { stable: pod.arms.stable && stable, canary: pod.arms.canary && arm?.arms.canary === true };
    return sameArms(pod.arms, kept) ? [] : [{ kind: 'LabelPod', pod: pod.name, arms: kept }];
  });
}

function history(others: SeenReplicaSet[], { pinned }: State, seen: Seen): Effect[] {
  const limit = seen.spec?.revisionHistoryLimit;
  if (limit === undefined) return [];
  // What is pinned may wait long for its turn, and its ReplicaSet is the one copy of its template.
  const empty = others.filter(
    (set) => set.replicas === 0 && set.pods.length === 0 && set.revision !== pinned?.revision,
  );
  empty.sort((a, b) => b.createdAt - a.createdAt || (a.name < b.name ? -1 : 1));
  return empty.slice(limit).map((set) => ({ kind: 'DeleteReplicaSet', name: set.name }));
}

function sameArms(a: Arms, b: Arms): boolean {
  return a.stable === b.stable && a.canary === b.canary;
}
