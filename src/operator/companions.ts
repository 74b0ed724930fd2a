import { ROLLOUT_LABEL } from '#core/labels.ts';
import { isOwnFence } from '#core/routes.ts';
import type { Fence, SeenRoute } from '#core/seen.ts';
import { apiVersionOf } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { RouteObject, ServicePair } from '#routers/define.ts';
import { FENCE_ANNOTATION, formatFence, readFence } from '#routers/fence.ts';
import { TRAFFIC_FIELD_MANAGER } from '#routers/gateway-status.ts';
import { conflictOn } from '#runtime/cache.ts';
import type { RoutePlace } from './route-kinds.ts';
import { ownedBy } from './workload.ts';

/**
 * Routes whose split stands in an object of ours beside the user's. It is made at weight 0 when the fence is planted, and
 * never later: one that somebody has deleted in the middle of a release is traffic taken back. It goes with the fence.
 */

/** Longest name of an object that the API server takes. */
const NAME_MAX = 253;

/** The two objects of such a route. */
interface Pair {
  user: KubeObject | undefined;
  ours: KubeObject | undefined;
}

function pairOf({ store, ref, origin }: RoutePlace): Pair {
  return { user: origin === undefined ? undefined : store.get(origin), ours: store.get(ref) };
}

export interface CompanionSight {
  rollout: KubeObject;
  services: ServicePair;
}

/** Such a route as the core sees it. While ours is not there it is a route at rest. */
export function observeCompanion(name: string, place: RoutePlace, { rollout, services }: CompanionSight): SeenRoute {
  const { user, ours } = pairOf(place);
  const foreign = ours !== undefined && !isCompanion(ours, rollout);
  const found = foreign ? undefined : ours;
  if (user === undefined && found === undefined)
    return { name, exists: false, resourceVersion: '', accepted: false, memo: '' };
  const conflict = conflictOf(place, { user, foreign, services });
  const seen = { name, exists: true, accepted: true, memo: '', ...(conflict === undefined ? {} : { conflict }) };
  if (found === undefined) return { ...seen, resourceVersion: '', weight: 0 };
  const { weight, spread, fence, sticky } = place.router.read(found, services);
  const manager = place.router.manager(found);
  return {
    ...seen,
    resourceVersion: found.metadata.resourceVersion ?? '',
    ...(weight === undefined ? {} : { weight }),
    ...(spread === undefined ? {} : { spread }),
    ...(fence === undefined ? {} : { fence }),
    ...(sticky === undefined ? {} : { sticky }),
    ...(manager === undefined ? {} : { manager }),
  };
}

function conflictOf(
  place: RoutePlace,
  { user, foreign, services }: { user: KubeObject | undefined; foreign: boolean; services: ServicePair },
): string | undefined {
  const { kind } = place.ref.resource;
  if (foreign) return `${kind} ${place.ref.name} exists and is not Headgate's: rename it, that name is needed`;
  if (place.ref.name.length > NAME_MAX)
    return `its name is too long: ${kind} ${place.ref.name.slice(0, 32)}… is needed beside it, and names have at most ${NAME_MAX} characters`;
  if (user === undefined) return `${kind} ${place.origin?.name} is gone, and its canary is left: apply it again`;
  const made = place.router.companion?.made(user, services);
  return made !== undefined && isConflict(made) ? made.conflict : undefined;
}

function isConflict(made: RouteObject | { conflict: string }): made is { conflict: string } {
  return 'conflict' in made;
}

/**
 * Ours by its owner. One whose owner somebody took off, `--cascade=orphan` say, is known by label and fence together: it may
 * carry traffic, which has to come down before pods go. An Ingress with neither is somebody's, whatever its name is.
 */
export function isCompanion(object: KubeObject, rollout: KubeObject): boolean {
  const { ownerReferences: owners = [], labels } = object.metadata;
  if (owners.some(({ uid }) => uid === rollout.metadata.uid)) return true;
  const fence = readFence(object);
  const { name } = rollout.metadata;
  return owners.length === 0 && labels?.[ROLLOUT_LABEL] === name && fence !== undefined && isOwnFence(fence, name);
}

/** True when planting this fence means making ours. Within a release it is made once. */
export function wantsCompanion(place: RoutePlace, { raise, weight }: { raise: boolean; weight: number }): boolean {
  return place.origin !== undefined && !raise && weight === 0 && place.store.get(place.ref) === undefined;
}

/**
 * Makes ours with this fence, at weight 0. It is created and not applied: a cache that is behind must not reset one that
 * carries traffic under a newer fence.
 */
export async function plantCompanion(
  api: KubeApi,
  rollout: KubeObject,
  { place, services, fence }: { place: RoutePlace; services: ServicePair; fence: Fence },
): Promise<void> {
  const { user } = pairOf(place);
  const made = user === undefined ? undefined : place.router.companion?.made(user, services);
  if (made === undefined || isConflict(made)) return;
  const metadata = {
    ...made.metadata,
    name: place.ref.name,
    namespace: rollout.metadata.namespace ?? '',
    annotations: { ...made.metadata.annotations, [FENCE_ANNOTATION]: formatFence(fence) },
    labels: { [ROLLOUT_LABEL]: rollout.metadata.name },
    ownerReferences: [ownedBy(rollout)],
  };
  const { resource } = place.ref;
  const object: KubeObject = { ...made, apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
  const written = await api.create(resource, object, { fieldManager: TRAFFIC_FIELD_MANAGER });
  place.store.noteWrite(written);
}

/** Ours goes when its release has ended: only as it was seen, for the next release may have raised it since, and never a stranger's. */
export async function removeCompanion(api: KubeApi, rollout: KubeObject, place: RoutePlace): Promise<void> {
  const { ours } = pairOf(place);
  if (ours === undefined || !isCompanion(ours, rollout)) return;
  const { uid, resourceVersion } = ours.metadata;
  const seen = { ...(uid === undefined ? {} : { uid }), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  await api.delete(place.ref, seen).catch((error: unknown) => {
    if (!hasCode(error, 'KUBE_NOT_FOUND')) conflictOn(place.store, ours)(error);
  });
}
