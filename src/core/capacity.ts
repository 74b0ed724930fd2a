import { roundTo, type Weight, WHOLE } from '#lib/units.ts';
import { stricter } from './approval.ts';
import { rungAt, weightedSteps } from './ladder.ts';
import type { Bake, Plan, ReleaseState, State, Step } from './model.ts';
import type { Seen, SeenPod, SeenReplicaSet } from './seen.ts';

/**
 * Canary pods that carry `weight` as well as stable's pods carry the rest: min(N, ⌈N·w/(1−w)⌉), at least one.
 * Both arms then see the same load per pod, so that latency compares like with like.
 */
export function podsFor({ replicas, weight, shrinks = false }: Share): number {
  if (weight >= WHOLE) return Math.max(1, replicas);
  const stable = shrinks ? stableBeside({ replicas, weight }) : replicas;
  const asked = Math.ceil((stable * weight) / (WHOLE - weight));
  return Math.max(1, Math.min(replicas, asked));
}

interface Share {
  replicas: number;
  weight: Weight;
  /** Stable gets smaller with the weight. */
  shrinks?: boolean;
}

/** Pods of a stable that shrinks: those for its own share, and half of those for the canary's. */
export function stableBeside({ replicas, weight }: Pick<Share, 'replicas' | 'weight'>): number {
  return Math.ceil((replicas * (2 * WHOLE - weight)) / (2 * WHOLE));
}

/** Canary pods that a step asks for, by its own word or by its weight. */
export function podsAt(step: Step | undefined, replicas: number, shrinks = false): number {
  if (step === undefined) return Math.max(1, replicas);
  // Whoever gets copies takes nothing off stable.
  const { mirror } = step.reach ?? {};
  const weighed = mirror === undefined ? { weight: step.weight, shrinks } : { weight: mirror };
  return Math.min(Math.max(1, replicas), step.canaryReplicas ?? podsFor({ replicas, ...weighed }));
}

/** Canary pods that the step on record asks for, where stable is whole with `replicas`. */
export function podsOnRecord(
  { step, full }: Pick<ReleaseState, 'step' | 'full'>,
  plan: Plan,
  replicas: number,
): number {
  return podsAt(rungAt(plan, step), replicas, full !== undefined);
}

/**
 * The ladder without routes: each pod behind the Service gets its share of the connections, so that a weight can only be
 * one of 1/(N+1) to N/(N+N). Steps get the weight that their pods give, and the bake compares halves.
 */
export function podLadder<T extends { steps: Step[]; bake?: Bake }>(plan: T, replicas: number): T {
  const steps = weightedSteps(plan).map((step): Step => {
    const pods = podsAt(step, replicas);
    return { ...step, weight: shareOfPods(pods, replicas), canaryReplicas: pods };
  });
  const bake = plan.bake === undefined ? {} : { bake: { ...plan.bake, control: WHOLE / 2 } };
  return { ...plan, steps: merged(steps), ...bake };
}

/** The ladder of routes that cannot carry every weight: each step and the bake at the nearest one that they can. */
export function gridLadder<T extends { steps: Step[]; bake?: Bake }>(plan: T, granularity: Weight): T {
  const few = plan.steps.filter(({ reach }) => reach !== undefined);
  const steps = weightedSteps(plan).map((step): Step => ({ ...step, weight: roundTo(step.weight, granularity) }));
  const control = roundTo(plan.bake?.control ?? 0, granularity);
  const bake = plan.bake === undefined ? {} : { bake: { ...plan.bake, control } };
  return { ...plan, steps: [...few, ...merged(steps)], ...bake };
}

/** Steps of the same weight become one, which is held as long as the longest; a pause of one of them stays, and who must approve. */
function merged(steps: readonly Step[]): Step[] {
  const byWeight = new Map<Weight, Step>();
  for (const step of steps) {
    const { holdMs = 0, pause, approval, maxSurge } = byWeight.get(step.weight) ?? {};
    const stop = step.pause ?? pause;
    const asked = stricter(step.approval, approval);
    const pace = maxSurge === undefined ? {} : { maxSurge };
    const held = { ...pace, ...step, holdMs: Math.max(holdMs, step.holdMs) };
    const approved = asked === undefined ? held : { ...held, approval: asked };
    byWeight.set(step.weight, stop === undefined ? approved : { ...approved, pause: stop });
  }
  return [...byWeight.values()].sort((a, b) => a.weight - b.weight);
}

function shareOfPods(pods: number, replicas: number): Weight {
  return Math.round((pods * WHOLE) / (pods + Math.max(1, replicas)));
}

/** How many canary pods serve in-cluster clients too, share by share: the counts of the steps, then all. */
export function joinLadder(steps: readonly Step[], replicas: number): number[] {
  const counts = steps.map((step) => podsFor({ replicas, weight: step.weight }));
  return [...new Set([...counts, Math.max(1, replicas)])].sort((a, b) => a - b);
}

/** Pods that still count: not being deleted. */
export function living(set: SeenReplicaSet | undefined): SeenPod[] {
  return set === undefined ? [] : set.pods.filter((pod) => !pod.terminating);
}

/** The ReplicaSet of a revision. */
export function setOf(seen: Pick<Seen, 'replicaSets'>, revision: string | undefined): SeenReplicaSet | undefined {
  return seen.replicaSets.find((set) => set.revision === revision);
}

/** Pods of a revision that can serve. */
export function availableOf(seen: Seen, revision: string | undefined): SeenPod[] {
  return living(setOf(seen, revision)).filter((pod) => pod.available);
}

/** Pods of a revision that a gateway sends to. */
export function readyOf(seen: Seen, revision: string | undefined): SeenPod[] {
  return living(setOf(seen, revision)).filter((pod) => pod.ready);
}

/** Pods that the user's Service may send to now. */
export function servingOf(seen: Seen, revision: string | undefined): SeenPod[] {
  return availableOf(seen, revision).filter((pod) => pod.arms.stable);
}

/** True when no route splits the traffic: the canary's share is that of its pods behind the Service. */
export function isByPods({ routes }: ReleaseState): boolean {
  return routes?.length === 0;
}

/**
 * Replicas that each arm must hold. A higher spec.replicas applies at once to both arms; a lower one waits
 * for the end, because a release is no time to take capacity away. Where stable shrinks its own size no longer tells.
 */
export function replicasDuring(
  seen: Pick<Seen, 'replicaSets'>,
  { stable, release }: Pick<State, 'stable' | 'release'>,
  wanted: number,
): number {
  return Math.max(wanted, release?.full ?? 0, setOf(seen, stable)?.replicas ?? 0);
}

/** What the API server says about pods that it refuses, or the kubelet about the first pod in trouble, for people. */
export function podTrouble(seen: Seen, revision: string): string {
  const set = setOf(seen, revision);
  if (set?.refused !== undefined) return ` (ReplicaSet ${set.name}: ${set.refused})`;
  const pod = living(set).find((candidate) => candidate.trouble !== undefined);
  return pod === undefined ? '' : ` (${pod.name}: ${pod.trouble})`;
}
