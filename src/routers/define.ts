import type { Fence } from '#core/seen.ts';
import type { Spread } from '#core/sights.ts';
import type { Reach } from '#core/words.ts';
import type { Json } from '#lib/json.ts';
import type { Weight } from '#lib/units.ts';

/**
 * A router is a lens over one object of the user's: what share of its traffic does the canary get, and which
 * JSON patch gives it another share? Pure: the shell fetches and patches.
 *
 * Laws, checked by test/routers/laws.ts for every kind in the catalog; `w` is any weight, `m` is
 * `capture(route)` at rest, and patches are applied as RFC 6902 says:
 * 1. Get what you put: after `write(w)`, `read` says `w`, or the next lower mark of the granularity, and so does the fence.
 * 2. Put twice is put once: after `write(w)`, the same `write(w)` is an empty patch.
 * 3. No trace at rest: after any writes and `write(0, m)`, `spec` is the user's text, byte for byte in canonical
 *    JSON; after `clearFence` the annotations are too.
 * 4. Hands off: nothing but `writes` and our annotation is patched; rules that do not name the user's Service, and all other fields, never change.
 * 5. The whole is the whole: in every rule that is split the two arms' weights sum to 100,000 over the granularity.
 * 6. No blind write: if the object has another resourceVersion, fence or list than was read, the patch fails
 *    as a whole.
 * 7. No guess: rules that disagree read as undefined, with their spread, and the next write mends them.
 * 8. A conflict stays a conflict, and no write gives the canary traffic in a rule that is in conflict.
 * 9. Of kinds that can `header` or `mirror`: after `write(0, reach)`, `read` says weight 0 and that reach; laws 2, 3, 4
 *    and 6 hold for such a write too, and a write without reach leaves nothing of one before it.
 * 10. Always an answer: any JSON in place of a list of the object, or of an entry of one, gives a reading and a patch, and
 *    no exception; where a rule is not to be read, a conflict names it.
 * A law that cannot apply to a kind is named in its `skips`, with the reason.
 */
export interface Router {
  /** The key of `spec.traffic[]` that chooses it. */
  kind: string;
  /** The kind that it reads and patches, as the API server's paths name it. */
  resource: { group: string; version: string; plural: string; kind: string; namespaced: boolean };
  /** How keys of its routes say the kind, where another router reads the same kind of object. Default: `resource.kind`. */
  keyed?: string;
  can: readonly Ability[];
  /** The part of the object that weights are written to, as a JSON pointer: what GitOps has to leave alone. */
  writes: string;
  /**
   * The finest share that it can write, in 1/100,000: 1, or 1,000 where only whole percents make sense. It divides the
   * whole. A plan is rounded to it before a release begins; a wish between two of its marks is written as the lower one.
   */
  granularity: Weight;
  /** `memo` is the release's memory, undefined when no release has captured this route. */
  read(route: RouteObject, services: ServicePair, memo?: string): RouteReading;
  /** What rest looks like where the split text cannot tell; at most 1 KiB. Taken before the first raise. */
  capture(route: RouteObject, services: ServicePair): string;
  /** Empty when the route already says so. Total: a route in conflict gets its canary taken out, never put in. */
  write(route: RouteObject, services: ServicePair, wish: RouteWish): PatchOperation[];
  /** Why this route cannot carry a step of such a reach, naming rule and fix. Of kinds that can header or mirror alone. */
  refuses?(route: RouteObject, services: ServicePair, reach: Reach): string | undefined;
  /** Takes our annotation away once the release has ended. Empty when there is none. */
  clearFence(route: RouteObject): PatchOperation[];
  /**
   * True when the data plane has accepted this very generation, with resolved references, everywhere. Left out by kinds
   * without the ability: their controllers report nothing on the object, and what was written counts as taken once
   * `settle` is over.
   */
  accepted?(route: RouteObject): boolean;
  /**
   * Given by kinds whose split stands in an object of ours beside the user's, of the same kind. Then the lens reads and
   * writes ours alone, at rest there is none, and the user's object is only read.
   */
  companion?: Companion;
  /** Laws that cannot apply to this kind. */
  skips?: readonly { law: Law; reason: string }[];
  /** The field manager other than us that wrote `spec` last, by the API server's clock. */
  manager(route: RouteObject): string | undefined;
}

/** The kind in the keys of a router's routes. */
export function keyKind({ keyed, resource }: Pick<Router, 'keyed' | 'resource'>): string {
  return keyed ?? resource.kind;
}

/** An object of ours that carries the split of the user's object: made when a release begins, deleted when it ends. */
export interface Companion {
  /** What its name adds to that of the user's object. */
  suffix: string;
  /** Ours as it begins, at weight 0 and without a fence; or why the user's cannot be split, with the fix. */
  made(object: RouteObject, services: ServicePair): RouteObject | { conflict: string };
}

/** The laws above, as the tests and the table in docs/routers.md call them. */
export const LAWS = [
  '1: read says what write put',
  '2: the same write again is an empty patch',
  '3: rest is the text of the user, byte for byte',
  '4: what is not ours never changes',
  '5: both arms sum to the whole in every split rule',
  '6: a patch fails as a whole when anything moved',
  '7: rules that disagree are unknown, and the next write mends them',
  '8: a conflict stays a conflict and gets no canary',
  '10: what is no list gets an answer, not an exception',
] as const;

export type Law = (typeof LAWS)[number];

/** `namespaces`: the route may stand in another namespace than the Services, as `abroad` reads and writes it. */
export type Ability = 'weight' | 'header' | 'mirror' | 'acceptance' | 'namespaces';

/** Names of the two Services. */
export interface ServicePair {
  /** Left out: they are in the route's namespace. */
  namespace?: string;
  /** The user's Service. */
  stable: string;
  /** Ours, beside it. */
  canary: string;
}

export interface RouteReading {
  /** Canary's share as written, 0 at rest; undefined when our rules disagree or send nowhere. */
  weight: Weight | undefined;
  /** The least and the most that a rule of ours sends to the canary, where they disagree. */
  spread?: Spread;
  fence?: Fence;
  /** Who is sent to the canary beside the weight, as `formatReach` says it. Left out: nobody. */
  reach?: string;
  /** Why this route cannot be used, naming rule and fix. */
  conflict?: string;
  /** The memo handed in, else `capture(route)`. */
  memo: string;
  /** How many rules carry the canary now. */
  rulesSplit: number;
  /** Rules that name the Service but came after the capture: untouched until the next release. */
  extra: string[];
  /** Whoever has met one arm through a rule of ours stays with it: the shares of requests follow the weight late. */
  sticky?: true;
}

/** The fields of a SetWeight effect that a lens needs. */
export interface RouteWish {
  weight: Weight;
  /** Left out: nobody is sent to the canary beside the weight. Only for kinds that can. */
  reach?: Reach;
  fence: Fence;
  memo: string;
  /** Of the object that the decision saw: the patch tests it, so a newer object refuses the patch. */
  resourceVersion: string;
}

/** A Kubernetes object as raw JSON, with the metadata that lenses look at. */
export interface RouteObject {
  metadata: {
    name: string;
    namespace?: string;
    resourceVersion?: string;
    generation?: number;
    annotations?: Record<string, string>;
    managedFields?: Json[];
  };
  [field: string]: unknown;
}

/** RFC 6902, as far as lenses use it. */
export interface PatchOperation {
  op: 'add' | 'remove' | 'replace' | 'test';
  path: string;
  value?: unknown;
}

/** Checks a router against the contract where it is written. */
export function defineRouter(router: Router): Router {
  return router;
}
