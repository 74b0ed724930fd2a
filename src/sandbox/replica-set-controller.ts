import { POD, REPLICA_SET } from '#kube/resources.ts';
import { sameJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type Actor, createActor, type Newborn, refOf, runController } from './actor.ts';
import { dig } from './kind.ts';
import type { Sandbox } from './sandbox.ts';

/** Keeps as many pods as each ReplicaSet wishes, and says in its status how they do. */

interface SetSpec {
  replicas?: number;
  minReadySeconds?: number;
  selector?: { matchLabels?: Record<string, string> };
  template?: { metadata?: { labels?: object; annotations?: object }; spec?: object };
}

export function runReplicaSets(sandbox: Sandbox, { delayMs = 20 }: { delayMs?: number } = {}): () => void {
  const actor = createActor(sandbox, 'kube-controller-manager');
  return runController({
    sandbox,
    delayMs,
    concerns: ({ kind }) => kind === 'replicasets.apps' || kind === 'pods.',
    sweep() {
      const waits = actor.list(REPLICA_SET).map((set) => keep(actor, set, sandbox.clock.now()));
      const soonest = Math.min(...waits.filter((wait) => wait !== undefined));
      return Number.isFinite(soonest) ? soonest : undefined;
    },
  });
}

function specOf(set: KubeObject): SetSpec {
  return (set['spec'] ?? {}) as SetSpec;
}

/** Says in how many milliseconds the next pod becomes available, if one does. */
function keep(actor: Actor, set: KubeObject, now: number): number | undefined {
  const { replicas = 1 } = specOf(set);
  const mine = claimed(actor, set);
  const living = mine.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (set.metadata.deletionTimestamp === undefined) {
    for (let missing = replicas - living.length; missing > 0; missing -= 1) actor.create(POD, podOf(set));
    for (const pod of leaving(living, living.length - replicas)) actor.remove(refOf(POD, pod), {});
  }
  return report(actor, set, claimed(actor, set), now);
}

/** The pods that a set owns. A pod that lost the set's labels is let go. */
function claimed(actor: Actor, set: KubeObject): KubeObject[] {
  const wanted = Object.entries(specOf(set).selector?.matchLabels ?? {});
  return actor.list(POD, set.metadata.namespace).filter((pod) => {
    const { labels = {}, ownerReferences = [] } = pod.metadata;
    if (!ownerReferences.some(({ uid }) => uid === set.metadata.uid)) return false;
    if (wanted.every(([key, value]) => labels[key] === value)) return true;
    const left = ownerReferences.filter(({ uid }) => uid !== set.metadata.uid);
    actor.merge(refOf(POD, pod), { metadata: { ownerReferences: left.length === 0 ? null : left } });
    return false;
  });
}

function podOf(set: KubeObject): Newborn {
  const { name, namespace, uid } = set.metadata;
  const { template = {} } = specOf(set);
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid, controller: true, blockOwnerDeletion: true };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...template.metadata,
      generateName: `${name}-`,
      ...(namespace === undefined ? {} : { namespace }),
      ownerReferences: [owner],
    },
    spec: template.spec ?? {},
  };
}

/** Those that do not serve go first, then the youngest. */
function leaving(pods: readonly KubeObject[], count: number): KubeObject[] {
  const rank = (pod: KubeObject) => (readySince(pod) === undefined ? 0 : 1);
  const born = ({ metadata }: KubeObject) => metadata.creationTimestamp ?? '';
  return [...pods]
    .sort((a, b) => rank(a) - rank(b) || (born(a) > born(b) ? -1 : born(a) < born(b) ? 1 : 0))
    .slice(0, Math.max(0, count));
}

/** When a pod became ready, or undefined while it is not. */
export function readySince(pod: KubeObject): number | undefined {
  const conditions = (dig(pod, ['status', 'conditions']) ?? []) as Record<string, string>[];
  const ready = conditions.find(({ type, status }) => type === 'Ready' && status === 'True');
  return ready === undefined ? undefined : Date.parse(ready['lastTransitionTime'] ?? '');
}

function report(actor: Actor, set: KubeObject, pods: readonly KubeObject[], now: number): number | undefined {
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const minReadyMs = (specOf(set).minReadySeconds ?? 0) * 1000;
  const ages = living.flatMap((pod) => readySince(pod) ?? []).map((since) => now - since);
  const status = {
    replicas: living.length,
    fullyLabeledReplicas: living.length,
    readyReplicas: ages.length,
    availableReplicas: ages.filter((age) => age >= minReadyMs).length,
    observedGeneration: set.metadata.generation,
  };
  if (!sameJson(status, set['status'])) actor.merge(refOf(REPLICA_SET, set), { status }, 'status');
  const young = ages.filter((age) => age < minReadyMs).map((age) => minReadyMs - age);
  return young.length === 0 ? undefined : Math.min(...young);
}
