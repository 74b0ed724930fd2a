import type { Step } from '#core/model.ts';
import { routeTitle } from '#core/routes.ts';
import type { Problem } from '#core/seen.ts';
import type { Reach } from '#core/words.ts';
import type { Ability, RouteObject, Router, ServicePair } from '#routers/define.ts';
import { placeOf } from './route-kinds.ts';
import type { Stores } from './stores.ts';

/** One route of the spec, and its object when it exists. */
export interface ReachPlace {
  name: string;
  router: Router | undefined;
  object: RouteObject | undefined;
}

/** The routes of the spec, as far as they are there. */
export function reachPlaces(stores: Stores, routes: readonly string[], namespace: string): ReachPlace[] {
  return routes.map((name) => {
    const place = placeOf(stores, name, namespace);
    return { name, router: place?.router, object: place?.store.get(place.ref) };
  });
}

/** What the gateways of a route lack for this reach, where they say so. */
export type Lacks = (route: RouteObject, reach: Reach) => string | undefined;

/** Steps without a weight that the routes of this Rollout cannot carry, found before a canary pod exists. Pure. */
export function reachProblems(
  steps: readonly Step[],
  places: readonly ReachPlace[],
  services: ServicePair,
  lacks: Lacks,
): Problem[] {
  return steps.flatMap(({ reach }, index) =>
    reach === undefined
      ? []
      : problemsOf(reach, places, services, lacks).map((message) => ({ field: fieldOf(reach, index), message })),
  );
}

function fieldOf(reach: Reach, index: number): string {
  return `spec.steps[${index}].${reach.headers === undefined ? 'mirror' : 'headers'}`;
}

function problemsOf(reach: Reach, places: readonly ReachPlace[], services: ServicePair, lacks: Lacks): string[] {
  const [ability, what]: [Ability, string] =
    reach.headers === undefined ? ['mirror', 'copy requests'] : ['header', 'match headers'];
  if (places.length === 0)
    return [`without a route nothing can ${what}: name one in spec.traffic, or take the step out`];
  return places.flatMap(({ name, router, object }) => {
    const title = routeTitle(name);
    if (router === undefined) return [];
    if (!router.can.includes(ability))
      return [`${title} cannot ${what}: take the step out, or name routes in spec.traffic that can`];
    const why = object && (router.refuses?.(object, services, reach) ?? lacks(object, reach));
    return why === undefined ? [] : [`${title}: ${why}`];
  });
}
