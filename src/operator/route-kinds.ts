import { ROLLOUT_LABEL } from '#core/labels.ts';
import { routeKey, splitRouteKey } from '#core/routes.ts';
import type { KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';
import { abroad } from '#routers/abroad.ts';
import { keyKind, type Router } from '#routers/define.ts';
import type { Store } from '#runtime/cache.ts';
import { routers } from '#src/catalog.ts';
import type { Stores } from './stores.ts';

/** Where a route of a Rollout is found, and the lens for it. */
export interface RoutePlace {
  router: Router;
  store: Store;
  ref: ObjectRef & { resource: Resource };
  /** The user's object, where `ref` is one of ours beside it. */
  origin?: ObjectRef & { resource: Resource };
}

/** The place of a route key of a Rollout in this namespace; undefined for a kind that this version does not know. */
export function placeOf({ routes }: Pick<Stores, 'routes'>, key: string, namespace: string): RoutePlace | undefined {
  const { kind, name, namespace: elsewhere } = splitRouteKey(key);
  const router = routers.find((known) => keyKind(known.router) === kind)?.router;
  const store = routes.get(kind);
  if (router === undefined || store === undefined) return undefined;
  if (elsewhere !== undefined) {
    if (!router.can.includes('namespaces')) return undefined;
    return { router: abroad(router, namespace), store, ref: { resource: router.resource, namespace: elsewhere, name } };
  }
  const named = { resource: router.resource, namespace, name };
  const { companion } = router;
  if (companion === undefined) return { router, store, ref: named };
  return { router, store, ref: { ...named, name: `${name}${companion.suffix}` }, origin: named };
}

/**
 * The key of the route that a fence on this object belongs to, for a Rollout of the namespace `home`: of one of ours, that
 * of the user's object beside it. Undefined where another router of the same kind of object put it there.
 */
export function fencedKey(kind: string, { metadata }: KubeObject, home: string): string | undefined {
  const { name, namespace, labels } = metadata;
  if (namespace !== undefined && namespace !== home) return routeKey({ kind, namespace, name });
  const router = routers.find((known) => keyKind(known.router) === kind)?.router;
  const twins = routers.filter((known) => known.router.resource.kind === router?.resource.kind);
  const suffix = twins.find((twin) => twin.router.companion !== undefined)?.router.companion?.suffix;
  const ours = suffix !== undefined && name.endsWith(suffix) && labels?.[ROLLOUT_LABEL] !== undefined;
  if (ours !== (router?.companion !== undefined)) return undefined;
  return routeKey({ kind, name: ours ? name.slice(0, -suffix.length) : name });
}
