import type { Effect } from '#core/effect.ts';
import type { Plan, ReleaseState, Step } from '#core/model.ts';
import type { Surge } from '#core/words.ts';
import { podsBehind } from '#test/sim/raise-rules.ts';
import type { World, WorldPod } from './world.ts';

/** What a canary whose pods come by and by owes its cluster, told again from the documents, not from the code. */

const WHOLE = 100_000;

/** Canary pods that may be coming up at once; undefined: any number. */
function surgeAt(release: ReleaseState, plan: Plan, replicas: number): number | undefined {
  if (plan.rollback) return undefined;
  const own = release.stage === 'Promoting' ? undefined : plan.steps[release.step]?.maxSurge;
  const surge = own ?? plan.maxSurge;
  return surge && most(surge, replicas);
}

function most(surge: Surge, replicas: number): number {
  return 'pods' in surge ? surge.pods : Math.max(1, Math.ceil((replicas * surge.share) / WHOLE));
}

/** Pods that the share which the canary was seen to have asks for: an autoscaler's part of them may come at once. */
function podsOfShare(release: ReleaseState, plan: Plan, replicas: number): number {
  const at = release.arrivedAt === undefined ? release.step - 1 : release.step;
  if (at < 0) return 0;
  const step: Partial<Step> = plan.steps[at] ?? {};
  const { mirror } = step.reach ?? {};
  const weight = mirror ?? step.weight ?? release.weight;
  const shrinks = release.full !== undefined && mirror === undefined;
  return podsBehind(weight, { replicas, asked: step.canaryReplicas, shrinks });
}

interface Asking {
  release: ReleaseState;
  plan: Plan;
  /** Pods of each arm at its largest. */
  replicas: number;
  available: number;
  /** Pods that the canary's ReplicaSet was asked for before, and is now. */
  had: number;
  asked: number;
}

/** What is wrong with asking for so many canary pods; undefined: nothing. */
function tooQuick({ release, plan, replicas, available, had, asked }: Asking): string | undefined {
  const surge = surgeAt(release, plan, replicas);
  if (surge === undefined || asked <= had || asked - available <= surge) return undefined;
  if (asked <= podsOfShare(release, plan, replicas)) return undefined;
  return `${asked - available} canary pods come up at once where ${surge} may`;
}

/** The same of one effect; empty: it is as it may be, undefined: it asks for no canary pods, or nobody limits them. */
export function tooQuickBy(effect: Effect, world: World): string | undefined {
  if (effect.kind !== 'ScaleReplicaSet' && effect.kind !== 'CreateReplicaSet') return undefined;
  const { release, stable } = world.state;
  const set = world.sets.find(({ name }) => 'name' in effect && name === effect.name);
  const revision = 'revision' in effect ? effect.revision : set?.revision;
  const plan = world.releases.get(release?.name ?? '')?.plan;
  if (release === undefined || plan === undefined || revision !== release.revision) return undefined;
  if (release.committed || release.ending !== undefined) return undefined;
  const beside = world.sets.find((candidate) => candidate.revision === stable)?.replicas ?? 0;
  const replicas = Math.max(world.spec.replicas, beside, release.full ?? 0);
  if (surgeAt(release, plan, replicas) === undefined) return undefined;
  // A bad pod that is to be replaced is none of those that come up, whether it is available or not.
  const condemned = ({ name, terminating }: WorldPod) =>
    terminating === undefined && release.replaced?.some(({ uid }) => uid === `uid-${name}`);
  const settles = (pod: WorldPod) => world.available(pod) || condemned(pod);
  const available = world.pods.filter((pod) => pod.set === set?.name && settles(pod)).length;
  return tooQuick({ release, plan, replicas, available, had: set?.replicas ?? 0, asked: effect.replicas }) ?? '';
}

/** Pods come one by one, or by the half; at the second step by two. */
export function byAndBy(plan: Plan, seed: number): Plan {
  const steps = plan.steps.map((step, i) => (i === 1 ? { ...step, maxSurge: { pods: 2 } } : step));
  return { ...plan, steps, maxSurge: seed % 2 === 0 ? { pods: 1 } : { share: 50_000 } };
}
