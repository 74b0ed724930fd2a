import { DEPLOYMENT, POD, REPLICA_SET } from '#kube/resources.ts';
import { shortHash } from '#lib/hash.ts';
import { canonicalJson, sameJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type Actor, createActor, refOf, runController } from '#sandbox/actor.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import type { Sandbox } from '#sandbox/sandbox.ts';

/** The Deployment controller, as far as a take-over meets it: one ReplicaSet a template, new pods before old ones go. */

const HASH = 'pod-template-hash';

export function runDeployments(sandbox: Sandbox): () => void {
  const actor = createActor(sandbox, 'kube-controller-manager');
  return runController({
    sandbox,
    delayMs: 30,
    concerns: ({ kind }) => ['deployments.apps', 'replicasets.apps', 'pods.'].includes(kind),
    sweep() {
      for (const deployment of actor.list(DEPLOYMENT)) keep(actor, deployment);
      return undefined;
    },
  });
}

function keep(actor: Actor, deployment: KubeObject): void {
  const { name, namespace, uid } = deployment.metadata;
  const { replicas = 1, template } = deployment['spec'] as {
    replicas?: number;
    template: { metadata: { labels: object } };
  };
  const hash = shortHash(canonicalJson(template));
  const sets = actor
    .list(REPLICA_SET, namespace)
    .filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.uid === uid));
  const newest = sets.find(({ metadata }) => metadata.labels?.[HASH] === hash);
  if (newest === undefined) {
    const labels = { ...template.metadata.labels, [HASH]: hash };
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true, blockOwnerDeletion: true };
    const metadata = {
      name: `${name}-${hash}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ownerReferences: [owner],
    };
    const pods = { ...template, metadata: { ...template.metadata, labels } };
    actor.create(REPLICA_SET, { metadata, spec: { replicas, selector: { matchLabels: labels }, template: pods } });
    return;
  }
  scale(actor, newest, replicas);
  const ready = podsOf(actor, newest).filter((pod) => readySince(pod) !== undefined).length;
  const old = sets.filter((set) => set !== newest);
  if (ready >= replicas) for (const set of old) scale(actor, set, 0);
  report(actor, deployment, { newest, old });
}

function scale(actor: Actor, set: KubeObject, replicas: number): void {
  if (dig(set, ['spec', 'replicas']) !== replicas) actor.merge(refOf(REPLICA_SET, set), { spec: { replicas } });
}

function podsOf(actor: Actor, set: KubeObject): KubeObject[] {
  return actor
    .list(POD, set.metadata.namespace)
    .filter(
      ({ metadata }) =>
        metadata.deletionTimestamp === undefined &&
        metadata.ownerReferences?.some((owner) => owner.uid === set.metadata.uid),
    );
}

function report(actor: Actor, deployment: KubeObject, sets: { newest: KubeObject; old: KubeObject[] }): void {
  const updated = podsOf(actor, sets.newest);
  const all = [...updated, ...sets.old.flatMap((set) => podsOf(actor, set))];
  const ready = all.filter((pod) => readySince(pod) !== undefined).length;
  const status = {
    observedGeneration: deployment.metadata.generation,
    replicas: all.length,
    updatedReplicas: updated.length,
    readyReplicas: ready,
    availableReplicas: ready,
  };
  if (!sameJson(status, deployment['status'])) actor.merge(refOf(DEPLOYMENT, deployment), { status }, 'status');
}
