import type { ReleaseState } from '#core/model.ts';
import type { Fence } from '#core/seen.ts';
import { RELEASE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { dig } from '#sandbox/kind.ts';
import { ref, type ShopSpec } from './shop.ts';
import type { World } from './world.ts';

/** A step for the users that a header names; and what routes say of them and of everybody else, read without our lenses. */

const HEADER = 'x-beta';

interface Rule {
  matches?: { headers?: { name: string }[] }[];
  backendRefs?: { name: string; weight?: number }[];
}

/** Mishaps of worlds with such a step, and their chances each second. */
export const MATCHING: Readonly<
  Record<string, { chance: number; befall(moment: { world: World; random: Random }): void }>
> = {
  'matched users taken back by hand': { chance: 0.04, befall: ({ world, random }) => takeBack(world, random) },
};

export function matching(shop: ShopSpec): ShopSpec {
  return { ...shop, steps: [{ headers: [{ name: HEADER, value: 'yes' }], hold: '4s' }, ...shop.steps] };
}

function takeBack(world: World, random: Random): void {
  const place = world.shop.routes[Math.floor(random() * world.shop.routes.length)]?.ref;
  const route = place && world.actor.get(place);
  if (place === undefined || !matchesUsers(route)) return;
  world.note(`the matched users of ${place.name} are taken back by hand`);
  world.actor.merge(place, { spec: { rules: rulesOf(route).filter((rule) => !asksForHeader(rule)) } });
}

function rulesOf(route: KubeObject | undefined): Rule[] {
  return (dig(route, ['spec', 'rules']) ?? []) as Rule[];
}

function asksForHeader({ matches = [] }: Rule): boolean {
  const asks = (match: { headers?: { name: string }[] }) => match.headers?.some(({ name }) => name === HEADER) === true;
  return matches.length > 0 && matches.every(asks);
}

function shareOf({ backendRefs = [] }: Rule): number {
  const total = backendRefs.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const canary = backendRefs.find(({ name }) => name === 'shop-canary')?.weight ?? 1;
  return backendRefs.some(({ name }) => name === 'shop-canary') && total > 0 ? (100_000 * canary) / total : 0;
}

/** Users with the header are sent to the canary by a rule of their own. */
export function matchesUsers(route: KubeObject | undefined): boolean {
  return rulesOf(route).some((rule) => asksForHeader(rule) && shareOf(rule) > 0);
}

/** Parts of 100,000 that users without the header get of the canary. */
export function ordinaryShare(route: KubeObject | undefined): number {
  return Math.max(0, ...rulesOf(route).map((rule) => (asksForHeader(rule) ? 0 : shareOf(rule))));
}

/** The step that the record stands on is one of headers. The way back to what served recently has no steps. */
function isNamed(world: World, grant: ReleaseState | undefined): boolean {
  if (grant === undefined || world.shop.steps[grant.step]?.headers === undefined) return false;
  return dig(world.actor.get(ref(RELEASE, grant.name)), ['spec', 'plan', 'rollback']) !== true;
}

interface Turn {
  object: KubeObject;
  previous: KubeObject | undefined;
  fence: Fence | undefined;
}

/** What an operator's write of a route must not have done to anybody. */
export function wronglyReached(world: World, { object, previous, fence }: Turn): string | undefined {
  const grant = world.state()?.release;
  const [was, is] = [ordinaryShare(previous), ordinaryShare(object)];
  const named = isNamed(world, grant);
  if (named) world.looked('matched');
  if (is > was && is > (named ? 0 : (grant?.weight ?? 0) + 1))
    return `ordinary users get ${is} of the canary at step ${grant?.step}`;
  if (matchesUsers(previous) || !matchesUsers(object)) return undefined;
  world.looked('matched');
  if (grant?.reach === undefined || fence?.release !== grant.name)
    return 'matched users are sent to the canary without a stored grant';
  return undefined;
}
