import { defineRouter, type RouteReading, type Router, type RouteWish, type ServicePair } from './define.ts';

/**
 * The same lens for a route of another namespace than the Rollout's: it looks for the Services in that of the Rollout, and
 * the fence says whose release it is, because another Rollout of the same name may live where the route does.
 * Only for kinds that can `namespaces`.
 */
export function abroad(router: Router, namespace: string): Router {
  const there = (services: ServicePair): ServicePair => ({ ...services, namespace });
  const { refuses } = router;
  return defineRouter({
    ...router,
    read: (route, services, memo) => namedAtHome(router.read(route, there(services), memo), namespace),
    capture: (route, services) => router.capture(route, there(services)),
    write: (route, services, wish) => router.write(route, there(services), namedAbroad(wish, namespace)),
    ...(refuses && { refuses: (route, services, reach) => refuses(route, there(services), reach) }),
  });
}

/** A fence without the namespace was written for a Rollout of the route's own: its release gets a name that is nobody's. */
function namedAtHome({ fence, ...reading }: RouteReading, namespace: string): RouteReading {
  if (fence === undefined) return reading;
  const mine = fence.release.startsWith(`${namespace}/`);
  const release = mine ? fence.release.slice(namespace.length + 1) : `?/${fence.release}`;
  return { ...reading, fence: { ...fence, release } };
}

function namedAbroad(wish: RouteWish, namespace: string): RouteWish {
  return { ...wish, fence: { ...wish.fence, release: `${namespace}/${wish.fence.release}` } };
}
