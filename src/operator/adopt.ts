import { FIELD_MANAGER } from '#core/labels.ts';
import type { State } from '#core/model.ts';
import { figure, record, records, text } from '#core/raw.ts';
import type { Seen, SeenDeployment } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import { revisionOf } from '#schema/translate.ts';
import { deploymentNameOf, readDeployment } from '#schema/workload-ref.ts';
import { onceEach, rolloutOf } from './reading.ts';

/** The Deployment behind a Rollout with `workloadRef`, as the core sees it. No I/O. */

/** Of all caches the one that is read here. */
interface Deployments {
  deployments: Store;
}

/** The Deployment that a Rollout names; undefined when it names none, or there is none. */
export function deploymentOf(rollout: KubeObject, { deployments }: Deployments): KubeObject | undefined {
  const name = deploymentNameOf(rollout);
  if (name === undefined) return undefined;
  const found = deployments.get({ namespace: rollout.metadata.namespace, name });
  // One that is being deleted will not serve anybody again.
  return found?.metadata.deletionTimestamp === undefined ? found : undefined;
}

export function observeWorkload(
  rollout: KubeObject,
  { adopted }: Pick<State, 'adopted'>,
  stores: Deployments,
  bare?: SeenDeployment['bare'],
): Pick<Seen, 'workload'> {
  const name = deploymentNameOf(rollout) ?? adopted?.deployment;
  if (name === undefined) return {};
  const object = deploymentOf(rollout, stores);
  if (object === undefined) return { workload: { name } };
  const deployment = observeDeployment(object);
  return { workload: { name, deployment: bare === undefined ? deployment : { ...deployment, bare } } };
}

const shapeOf = onceEach(readDeployment);

function observeDeployment(object: KubeObject): SeenDeployment {
  const { name, generation = 0 } = object.metadata;
  const { replicas = 1 } = record(object, 'spec');
  const status = record(object, 'status');
  const read = shapeOf(object);
  const manager = replicasManager(object);
  return {
    name,
    replicas: figure(replicas) ?? 1,
    // One that cannot be read is no revision that ever served.
    revision: read?.ok ? revisionOf(read.value.template) : 'unreadable',
    generation,
    observed: (figure(status['observedGeneration']) ?? 0) >= generation,
    pods: figure(status['replicas']) ?? 0,
    updated: figure(status['updatedReplicas']) ?? 0,
    available: figure(status['availableReplicas']) ?? 0,
    ...(manager === undefined ? {} : { manager }),
  };
}

/** Who wrote the replicas last, ourselves left out. */
function replicasManager({ metadata }: KubeObject): string | undefined {
  const others = writersOf(metadata.managedFields).filter(({ manager }) => manager !== FIELD_MANAGER);
  const time = (entry: Record<string, unknown>) => text(entry['time']) ?? '';
  others.sort((a, b) => (time(a) < time(b) ? 1 : -1));
  return text(others[0]?.['manager']);
}

function writersOf(managedFields: unknown): Record<string, unknown>[] {
  return records(managedFields).filter((entry) => 'f:replicas' in record(entry, 'fieldsV1', 'f:spec'));
}

/** What is kept of a Deployment: one of ten thousand that no Rollout names must not cost its whole text. */
export function trimDeployment(object: KubeObject): KubeObject {
  const { annotations: _, labels: _labels, ownerReferences: _owners, managedFields, ...kept } = object.metadata;
  const { replicas, minReadySeconds, template } = record(object, 'spec');
  const { observedGeneration, replicas: pods, updatedReplicas, availableReplicas } = record(object, 'status');
  const writers = writersOf(managedFields).map(({ manager, time }) => ({
    manager: text(manager) ?? '',
    time: text(time) ?? '',
    fieldsV1: { 'f:spec': { 'f:replicas': {} } },
  }));
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...kept, managedFields: writers },
    spec: { replicas, minReadySeconds, template },
    status: { observedGeneration, replicas: pods, updatedReplicas, availableReplicas },
  };
}

/** What `spec.replicas` would be if somebody had given it; undefined when somebody has, or when nobody knows yet. */
export function missingReplicas(rollout: KubeObject, stores: Deployments): number | undefined {
  if (record(rollout, 'spec')['replicas'] !== undefined) return undefined;
  const read = rolloutOf(rollout, deploymentOf(rollout, stores));
  return read.ok ? read.spec.replicas : undefined;
}

/** Deleted with `--cascade=orphan`: its pods outlive it. The garbage collector takes the owners off before we are done. */
export function orphaningOf({ metadata }: KubeObject, sets: readonly KubeObject[]): Pick<Seen, 'orphaning'> {
  const { finalizers = [], deletionTimestamp } = metadata;
  if (deletionTimestamp === undefined) return {};
  const ownerless = sets.some((set) => (set.metadata.ownerReferences ?? []).length === 0);
  return finalizers.includes('orphan') || ownerless ? { orphaning: true } : {};
}
