import { HTTP_ROUTE, RELEASE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { matchesUsers, ordinaryShare } from './matching.ts';
import { ROUTES, ref, type ShopSpec } from './shop.ts';
import type { World } from './world.ts';

/** A first step of copies, whose answers no user gets; and what routes say of copies, read without our lenses. */

interface Rule {
  filters?: { requestMirror?: { backendRef?: { name?: string } } }[];
}

/** Mishaps of worlds with such a step, and their chances each second. */
export const MIRRORING: Readonly<
  Record<string, { chance: number; befall(moment: { world: World; random: Random }): void }>
> = {
  'copies taken back by hand': { chance: 0.04, befall: ({ world, random }) => takeBack(world, random) },
};

/** A mesh has no class that would say what it can. */
const MESH = { group: '', kind: 'Service', name: 'shop', port: 80 };

/** By routes that can copy. */
export function mirroring(shop: ShopSpec): ShopSpec {
  const routes = shop.routes.filter((route) => route.ref.resource === HTTP_ROUTE);
  const steps = [{ mirror: { percent: 10 }, hold: '4s' }, ...shop.steps];
  const copying = routes.length > 0 ? routes : (ROUTES[0] ?? []);
  return { ...shop, steps, routes: copying.map((route) => ({ ...route, parent: MESH })) };
}

function takeBack(world: World, random: Random): void {
  const place = world.shop.routes[Math.floor(random() * world.shop.routes.length)]?.ref;
  const route = place && world.actor.get(place);
  if (place === undefined || !copies(route)) return;
  world.note(`the copies of ${place.name} are taken back by hand`);
  world.actor.merge(place, { spec: { rules: rulesOf(route).map(({ filters: _, ...rule }) => rule) } });
}

function rulesOf(route: KubeObject | undefined): Rule[] {
  return (dig(route, ['spec', 'rules']) ?? []) as Rule[];
}

/** The canary gets copies by one of its rules. */
export function copies(route: KubeObject | undefined): boolean {
  return rulesOf(route).some(({ filters = [] }) =>
    filters.some(({ requestMirror }) => requestMirror?.backendRef?.name === 'shop-canary'),
  );
}

/** Somebody, or a copy, is sent to the canary beside the weight. */
export function sendsFew(route: KubeObject | undefined): boolean {
  return matchesUsers(route) || copies(route);
}

/** What an operator's write of a route must not have done: a user answered by a canary that is shown copies alone. */
export function wronglyCopied(
  world: World,
  { object, previous }: { object: KubeObject; previous: KubeObject | undefined },
): string | undefined {
  if (world.traits.mirrors === undefined) return undefined;
  const grant = world.state()?.release;
  const raised = ordinaryShare(object) > ordinaryShare(previous);
  const isStep = grant !== undefined && dig(world.shop.steps[grant.step], ['mirror']) !== undefined;
  const record = grant && world.actor.get(ref(RELEASE, grant.name));
  if (isStep && dig(record, ['spec', 'plan', 'rollback']) !== true) {
    world.looked('copied');
    if (raised) return `users get ${ordinaryShare(object)} of the canary at a step of copies`;
  }
  if (raised && copies(object)) return 'copies are left beside a weight';
  if (copies(previous) || !copies(object)) return undefined;
  world.looked('copied');
  return grant?.reach?.mirror === undefined ? 'the canary gets copies without a stored grant' : undefined;
}
