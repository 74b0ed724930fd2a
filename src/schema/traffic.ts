import { gridLadder, podLadder } from '#core/capacity.ts';
import type { Bake, Spec, Step } from '#core/model.ts';
import { routeKey, splitRouteKey } from '#core/routes.ts';
import type { Weight } from '#lib/units.ts';
import { keyKind } from '#routers/define.ts';
import { routers } from '#src/catalog.ts';
import { group, label, list, name, ruled } from './vocabulary.ts';

const kinds = routers.map(({ router }) => router.kind);

/** Kinds of which a Rollout may name one of another namespace. */
const travelling = routers.flatMap(({ router }) => (router.can.includes('namespaces') ? [router.kind] : []));

const namespace = label()
  .exactOptional()
  .describe(
    `Namespace of the object. Left out: the Rollout's. Another one is for ${travelling.join(' and ')} alone, and has to be allowed: by a ReferenceGrant in the Rollout's namespace for both Services, and by the annotation headgate.dev/allow-rollout: <namespace>/<Rollout> on the route.`,
  );

const fields = Object.fromEntries([
  ...routers.map(({ router: { kind, resource } }) => {
    const what = `${resource.kind} (${resource.group}/${resource.version})`;
    return [kind, name().exactOptional().describe(`Name of an object of the kind ${what}.`)] as const;
  }),
  ['namespace', namespace] as const,
]);

/**
 * A reserved word of CEL, as the API server escapes it. Unescaped it is found too, but at no known length, and a rule that
 * compares it is refused for what it might cost.
 */
const NAMESPACE = '__namespace__';

/** Objects of which each names one route: one field for each kind of the catalog. */
const route = ruled(
  group(fields),
  {
    cel: `[${kinds.map((kind) => `has(self.${kind})`).join(', ')}].exists_one(given, given)`,
    message: `give exactly one of ${kinds.slice(0, -1).join(', ')} and ${kinds.at(-1)}`,
    holds: (entry) => kinds.filter((kind) => entry[kind] !== undefined).length === 1,
  },
  {
    cel: `!has(self.${NAMESPACE}) || ${travelling.map((kind) => `has(self.${kind})`).join(' || ')}`,
    message: `can only be given beside ${travelling.join(' or ')}: objects of other kinds are found in the Rollout's own namespace`,
    field: '.namespace',
    holds: (entry) => entry['namespace'] === undefined || travelling.some((kind) => entry[kind] !== undefined),
  },
);

const same = [
  `(${kinds.map((kind) => `(has(a.${kind}) && has(b.${kind}) && a.${kind} == b.${kind})`).join(' || ')})`,
  `((!has(a.${NAMESPACE}) && !has(b.${NAMESPACE})) || (has(a.${NAMESPACE}) && has(b.${NAMESPACE}) && a.${NAMESPACE} == b.${NAMESPACE}))`,
].join(' && ');

/** Rollout.spec.traffic: the routes that split the traffic, of any kind of the catalog, none of them twice. */
export const traffic = ruled(list(route, { max: 8 }), {
  cel: `self.all(a, self.exists_one(b, ${same}))`,
  message: 'must not have two entries of the same route',
  holds: (all) => new Set(all.map((entry) => JSON.stringify(entry))).size === all.length,
});

/** The key of the route that an entry of `traffic` names, in a Rollout of the namespace `home`. The schema asks for exactly one kind. */
export function routeKeyOf(entry: Readonly<Record<string, string | undefined>>, home?: string): string {
  const found = routers.find(({ router }) => entry[router.kind] !== undefined)?.router;
  const { namespace } = entry;
  return routeKey({
    kind: found === undefined ? 'HTTPRoute' : keyKind(found),
    name: entry[found?.kind ?? ''] ?? '',
    ...(namespace === undefined || namespace === home ? {} : { namespace }),
  });
}

/** The finest share that all of these routes can carry: that of the coarsest of them. */
export function granularityOf(routes: readonly string[]): Weight {
  const finest = routes.map((key) => {
    const { kind } = splitRouteKey(key);
    return routers.find(({ router }) => keyKind(router) === kind)?.router.granularity ?? 1;
  });
  return Math.max(1, ...finest);
}

/** The ladder as this Rollout can climb it: by the shares that its routes can carry, or without routes its pods. */
export function climbable<T extends { steps: Step[]; bake?: Bake }>(
  ladder: T,
  { routes, replicas }: Pick<Spec, 'routes' | 'replicas'>,
): T {
  return routes.length === 0 ? podLadder(ladder, replicas) : gridLadder(ladder, granularityOf(routes));
}
