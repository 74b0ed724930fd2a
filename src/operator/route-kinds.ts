import { splitRouteKey } from '#core/routes.ts';
import type { ObjectRef, Resource } from '#ports/kube-api.ts';
import type { Router } from '#routers/define.ts';
import type { Store } from '#runtime/cache.ts';
import { routers } from '#src/catalog.ts';
import type { Stores } from './stores.ts';

/** Where a route of a Rollout is found, and the lens for it. */
export interface RoutePlace {
  router: Router;
  store: Store;
  ref: ObjectRef & { resource: Resource };
}

/** The place of a route key; undefined for a kind that this version does not know. */
export function placeOf({ routes }: Pick<Stores, 'routes'>, key: string, namespace: string): RoutePlace | undefined {
  const { kind, name } = splitRouteKey(key);
  const router = routers.find((known) => known.router.resource.kind === kind)?.router;
  const store = routes.get(kind);
  return router === undefined || store === undefined
    ? undefined
    : { router, store, ref: { resource: router.resource, namespace, name } };
}
