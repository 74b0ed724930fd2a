import type { Effect } from '#core/effect.ts';
import {
  canaryServiceName,
  FIELD_MANAGER,
  FINALIZER,
  QUARANTINE_LABEL,
  ROLLOUT_LABEL,
  STABLE_LABEL,
} from '#core/labels.ts';
import { formatReach } from '#core/reach.ts';
import { routeTitle } from '#core/routes.ts';
import type { Arms } from '#core/seen.ts';
import type { Reach } from '#core/words.ts';
import { DEPLOYMENT, POD, REPLICA_SET, ROLLOUT, SERVICE } from '#kube/resources.ts';
import { assert, assertNever } from '#lib/assert.ts';
import { hasCode, OperatorError } from '#lib/errors.ts';
import type { JsonPatchOperation, KubeApi, KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';
import type { RouteReading, ServicePair } from '#routers/define.ts';
import { conflictOn } from '#runtime/cache.ts';
import { isCompanion, plantCompanion, removeCompanion, wantsCompanion } from './companions.ts';
import { keyOf } from './observe.ts';
import { armsOf } from './observe-pods.ts';
import { mustBeOurs } from './ours.ts';
import { forget } from './prune.ts';
import type { Recorder } from './record.ts';
import { placeOf, type RoutePlace } from './route-kinds.ts';
import { BY_ROLLOUT, namesOf, type Stores } from './stores.ts';
import { armLabels, canaryServiceFor, ownedBy, type PodsWish, replicaSetFor } from './workload.ts';

/** Field manager of traffic writes: a person who reads managedFields sees who moved the weight. */
const TRAFFIC_MANAGER = 'headgate-traffic';

export interface ApplyDeps {
  api: KubeApi;
  stores: Stores;
  record: Recorder;
  /** The accepted pods of a Rollout, as the decision saw them. */
  sourceOf(rollout: KubeObject): PodsWish | undefined;
}

/** Performs one effect. Each is idempotent, and each patch tests what the decision saw. */
export async function apply(deps: ApplyDeps, rollout: KubeObject, effect: Effect): Promise<void> {
  const namespace = rollout.metadata.namespace ?? '';
  const ref = (resource: Resource, name: string): ObjectRef => ({ resource, namespace, name });
  switch (effect.kind) {
    case 'SetWeight':
      return setWeight(deps, rollout, effect);
    case 'ClearFence':
      return clearFence(deps, rollout, routeOf(deps, rollout, effect.route));
    case 'CreateReplicaSet':
      return createSet(deps, rollout, effect);
    case 'ScaleReplicaSet':
      return patched(deps, ref(REPLICA_SET, effect.name), { spec: { replicas: effect.replicas } });
    case 'LabelTemplate':
      return patched(deps, ref(REPLICA_SET, effect.name), {
        spec: { template: { metadata: { labels: labelPatch(effect.arms) } } },
      });
    case 'DeleteReplicaSet':
      return deps.api.delete(ref(REPLICA_SET, effect.name), { propagation: 'Background' }).catch(ignoreMissing);
    case 'LabelPod':
      return labelPod(deps, ref(POD, effect.pod), effect.arms);
    case 'LabelGivenBack':
      return labelGivenBack(deps, ref(POD, effect.pod), effect.uid);
    case 'DeletePod':
      return deletePod(deps, ref(POD, effect.pod), effect);
    case 'QuarantinePod':
      return quarantine(deps, rollout, ref(POD, effect.pod), effect.release);
    case 'NarrowService':
      return patched(deps, ref(SERVICE, effect.service), { spec: { selector: { [STABLE_LABEL]: 'true' } } });
    case 'WidenService':
      return patched(deps, ref(SERVICE, effect.service), { spec: { selector: { [STABLE_LABEL]: null } } });
    case 'ScaleDeployment':
      return scaleDeployment(deps, ref(DEPLOYMENT, effect.name), effect.replicas);
    case 'ApplyCanaryService':
      return applyCanaryService(deps, rollout, ref(SERVICE, effect.service));
    case 'CreateRelease':
      return deps.record.create(rollout, effect.release, effect.plan);
    case 'RecordRelease':
      return deps.record.update(rollout, effect);
    case 'AnswerAction':
      return deps.record.answer(rollout, effect);
    case 'ReleaseFinalizer':
      return releaseFinalizer(deps, rollout);
    default:
      return assertNever(effect);
  }
}

/** Gracefully: it finishes what it has begun, and its ReplicaSet puts another one in its place. */
function deletePod({ api }: ApplyDeps, ref: ObjectRef, { uid }: { uid?: string }): Promise<void> {
  return api.delete(ref, uid === undefined ? {} : { uid }).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
}

type SetWeight = Extract<Effect, { kind: 'SetWeight' }>;

/** Most tries of one lowering before the queue takes over. */
const LOWER_TRIES = 5;

/** Lowering waits for nothing: no rate limit, no stale cache. Raising is for the very object that was judged. */
async function setWeight(deps: ApplyDeps, rollout: KubeObject, effect: SetWeight): Promise<void> {
  const place = routeOf(deps, rollout, effect.route);
  if (wantsCompanion(place, effect))
    return plantCompanion(deps.api, rollout, { place, services: servicesOf(rollout), fence: effect.fence });
  let route = place.store.get(place.ref);
  for (let tries = 1; route !== undefined; tries++) {
    // What stands there may be younger than the decision: the next one finds a stranger's, and says so.
    if (place.origin !== undefined && !isCompanion(route, rollout)) return;
    try {
      return await patchWeight(deps, rollout, effect, { ...place, route });
    } catch (error) {
      if (effect.raise || tries === LOWER_TRIES || !hasCode(error, 'KUBE_CONFLICT')) throw error;
      // The gateway writes its status on the route too: whatever moved the version, the traffic still has to go.
      route = await deps.api.get(place.ref, { urgent: true });
    }
  }
}

/** The route that the decision saw. One of a kind that nobody knows was never seen, so nothing was decided about it. */
function routeOf({ stores }: ApplyDeps, rollout: KubeObject, key: string): RoutePlace {
  const place = placeOf(stores, key, rollout.metadata.namespace ?? '');
  assert(place !== undefined, `${routeTitle(key)} is of a kind of the catalog`);
  return place;
}

function servicesOf(rollout: KubeObject): ServicePair {
  const service = String((rollout['spec'] as { service?: unknown } | undefined)?.service ?? '');
  return { stable: service, canary: canaryServiceName(service) };
}

async function patchWeight(
  { api }: ApplyDeps,
  rollout: KubeObject,
  effect: SetWeight,
  { router, store, ref, route }: RoutePlace & { route: KubeObject },
): Promise<void> {
  const { weight, fence, memo, raise } = effect;
  const resourceVersion = route.metadata.resourceVersion ?? '';
  if (raise && resourceVersion !== effect.resourceVersion)
    throw new OperatorError('KUBE_CONFLICT', `${routeTitle(effect.route)} has changed since it was judged`);
  const pair = servicesOf(rollout);
  const carries = router.read(route, pair, memo);
  const seenN = carries.fence?.release === fence.release ? carries.fence.n : 0;
  // Between judgement and write somebody may have lowered as far, or further: a lowering never raises.
  if (!raise && isLowered(carries, effect, seenN)) return;
  const n = raise ? fence.n : Math.max(fence.n, seenN + 1);
  // Rules that disagree go to the least of them, or one of them would be raised.
  const target = raise ? weight : Math.min(weight, carries.spread?.least ?? carries.weight ?? weight);
  const wish = {
    weight: target,
    fence: { ...fence, n, weight: target },
    memo,
    resourceVersion,
    ...reachTo(carries, effect),
  };
  const patch = router.write(route, pair, wish);
  if (patch.length === 0) return;
  const options = { fieldManager: TRAFFIC_MANAGER, urgent: !raise };
  store.noteWrite(await api.jsonPatch(ref, patch as JsonPatchOperation[], options).catch(conflictOn(store, route)));
}

/** It carries no more than the effect asks for, under a fence as new as the effect's. */
function isLowered(
  { weight: carried, reach }: RouteReading,
  { weight, fence, reach: wished }: SetWeight,
  n: number,
): boolean {
  if (carried === undefined || (reach !== undefined && reach !== formatReach(wished))) return false;
  return carried < weight || (carried === weight && n >= fence.n);
}

/** A lowering sends nobody to the canary who is not there already. */
function reachTo({ reach: carried }: RouteReading, { reach, raise }: SetWeight): { reach?: Reach } {
  return reach !== undefined && (raise || carried === formatReach(reach)) ? { reach } : {};
}

async function clearFence({ api }: ApplyDeps, rollout: KubeObject, place: RoutePlace): Promise<void> {
  const { router, store, ref } = place;
  if (place.origin !== undefined) return removeCompanion(api, rollout, place);
  const route = store.get(ref);
  const patch = route === undefined ? [] : router.clearFence(route);
  if (patch.length === 0) return;
  store.noteWrite(await api.jsonPatch(ref, patch as JsonPatchOperation[], { fieldManager: TRAFFIC_MANAGER }));
}

async function createSet(
  { api, stores, sourceOf }: ApplyDeps,
  rollout: KubeObject,
  effect: Extract<Effect, { kind: 'CreateReplicaSet' }>,
): Promise<void> {
  const source = sourceOf(rollout);
  assert(source !== undefined, 'only the pods of an accepted spec are made');
  const set = replicaSetFor(rollout, source, effect);
  try {
    stores.sets.noteWrite(await api.create(REPLICA_SET, set, { fieldManager: FIELD_MANAGER }));
  } catch (error) {
    // Made by an earlier pass whose answer was lost. A set of the same name that is not ours is found by its owner.
    if (!hasCode(error, 'KUBE_EXISTS')) throw error;
    await mustBeOurs(api, rollout, { resource: REPLICA_SET, object: set });
  }
}

/** By its scale alone: of a Deployment nothing else is ours to write. What it answers is no Deployment. */
async function scaleDeployment({ api }: ApplyDeps, ref: ObjectRef, replicas: number): Promise<void> {
  await api
    .mergePatch(ref, { spec: { replicas } }, { fieldManager: FIELD_MANAGER, subresource: 'scale' })
    .catch(ignoreMissing);
}

async function patched({ api, stores }: ApplyDeps, ref: ObjectRef, patch: unknown): Promise<void> {
  const written = await api.mergePatch(ref, patch, { fieldManager: FIELD_MANAGER });
  const store = ref.resource === REPLICA_SET ? stores.sets : stores.services;
  store.noteWrite(written);
}

/** Merge patch form of the wished arm labels: what is not wished is null, which takes it away. */
function labelPatch(arms: Arms): Record<string, string | null> {
  const blank = Object.fromEntries(Object.keys(armLabels({ stable: true, canary: true })).map((key) => [key, null]));
  return { ...blank, ...armLabels(arms) };
}

async function labelPod({ api, stores }: ApplyDeps, ref: ObjectRef, arms: Arms): Promise<void> {
  const pod = stores.pods.get(ref);
  if (pod === undefined) return;
  const { stable, canary } = armsOf(pod.metadata.labels);
  if (stable === arms.stable && canary === arms.canary) return;
  const patch = { metadata: { uid: pod.metadata.uid, labels: labelPatch(arms) } };
  await api
    .mergePatch(ref, patch, { fieldManager: FIELD_MANAGER })
    .then((written) => stores.pods.noteWrite(written), ignoreMissing);
}

/** No pod of ours: nothing of it is kept, and nothing else of it is written. */
async function labelGivenBack({ api }: ApplyDeps, ref: ObjectRef, uid: string): Promise<void> {
  const patch = { metadata: { uid, labels: { [STABLE_LABEL]: 'true' } } };
  await api.mergePatch(ref, patch, { fieldManager: FIELD_MANAGER }).catch(ignoreMissing);
}

/** The pod loses every label that a Service or its ReplicaSet selects, and belongs to the Rollout from now on. */
async function quarantine(
  { api, stores }: ApplyDeps,
  rollout: KubeObject,
  ref: ObjectRef,
  release: string,
): Promise<void> {
  const pod = stores.pods.get(ref);
  if (pod === undefined) return;
  const gone = Object.fromEntries(Object.keys(pod.metadata.labels ?? {}).map((key) => [key, null]));
  const labels = { ...gone, [ROLLOUT_LABEL]: rollout.metadata.name, [QUARANTINE_LABEL]: release };
  const patch = { metadata: { uid: pod.metadata.uid, labels, ownerReferences: [ownedBy(rollout, false)] } };
  await api
    .mergePatch(ref, patch, { fieldManager: FIELD_MANAGER })
    .then((written) => stores.pods.noteWrite(written), ignoreMissing);
}

async function applyCanaryService({ api, stores }: ApplyDeps, rollout: KubeObject, ref: ObjectRef): Promise<void> {
  const service = stores.services.get(ref);
  if (service === undefined) return;
  const wanted = canaryServiceFor(rollout, service, canaryServiceName(ref.name));
  const existing = stores.services.get({ namespace: ref.namespace, name: wanted.metadata.name });
  const foreign = existing !== undefined && existing.metadata.labels?.[ROLLOUT_LABEL] !== rollout.metadata.name;
  if (foreign)
    throw new OperatorError(
      'KUBE_INVALID',
      `Service ${wanted.metadata.name} exists and is not Headgate's: rename it, that name is needed`,
    );
  stores.services.noteWrite(await api.apply(SERVICE, wanted, { fieldManager: FIELD_MANAGER, force: true }));
}

async function releaseFinalizer({ api, stores }: ApplyDeps, rollout: KubeObject): Promise<void> {
  const { name, namespace = '', resourceVersion, finalizers = [] } = rollout.metadata;
  const index = finalizers.indexOf(FINALIZER);
  if (index < 0) return;
  const { service } = namesOf(rollout);
  // Nobody comes back to widen it: what our last write made of it has to show first.
  if (service !== undefined && !stores.services.fresh({ namespace, name: service }))
    throw new OperatorError('KUBE_CONFLICT', `our last write to Service ${service} does not show yet`);
  await forget(api, stores.actions.byIndex(BY_ROLLOUT, keyOf(rollout)));
  const patch: JsonPatchOperation[] = [
    { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
    { op: 'remove', path: `/metadata/finalizers/${index}` },
  ];
  await api
    .jsonPatch({ resource: ROLLOUT, namespace, name }, patch, { fieldManager: FIELD_MANAGER })
    .catch(ignoreMissing);
}
