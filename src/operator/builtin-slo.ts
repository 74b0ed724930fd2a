import { isBuiltin } from '#core/builtin.ts';
import type { Slo } from '#core/gate.ts';
import { canaryServiceName } from '#core/labels.ts';
import { splitRouteKey } from '#core/routes.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { entriesOf, recordsOf, specOf } from '#routers/lists.ts';
import type { SloWish } from '#schema/translate-inputs.ts';
import type { Target, TargetRoute } from '#sources/catalogue/define.ts';
import { resolveBuiltin } from '#sources/catalogue/list.ts';
import { resolveProbe } from './probe-slo.ts';
import { BY_JOINED_NAME, joinedName, type Stores } from './stores.ts';
import { serviceSpec } from './workload.ts';

/** What a Rollout splits, by name. */
export interface Split {
  namespace: string;
  service: string;
  routes: readonly string[];
}

/**
 * An objective as a release goes by it: a built-in SLI becomes the selectors of this Rollout's Service and routes, one of
 * probes the checks of its suite.
 */
export function resolveSlo(
  { sli, ...rest }: SloWish,
  split: Split,
  stores: Pick<Stores, 'services' | 'routes' | 'suites'>,
): Slo | { problem: string } {
  if (!isBuiltin(sli)) {
    const known = sli.kind === 'probe' ? resolveProbe(sli, { ...split, suites: stores.suites }) : sli;
    return 'problem' in known ? known : { ...rest, sli: known, arms: { by: 'Pod' } };
  }
  const target = targetOf(split, stores);
  if ('problem' in target) return target;
  const resolved = resolveBuiltin(sli, target);
  if (!resolved.ok) return { problem: `spec.sli.builtin: ${resolved.problem}` };
  return { ...rest, sli: resolved.sli, arms: resolved.arms };
}

function targetOf(
  { namespace, service, routes: names }: Split,
  stores: Pick<Stores, 'services' | 'routes'>,
): Target | { problem: string } {
  const httpRoutes = stores.routes.get('HTTPRoute');
  const refs = names.flatMap((key) => {
    const { kind, name, namespace: where = namespace } = splitRouteKey(key);
    return kind === 'HTTPRoute' ? [{ namespace: where, name }] : [];
  });
  const found = refs.flatMap((ref) => {
    const object = httpRoutes?.get(ref);
    return object === undefined ? [] : [routeOf(ref, object, { namespace, service })];
  });
  const object = stores.services.get({ namespace, name: service });
  const port = found.find((route) => route.port !== undefined)?.port ?? firstPort(object);
  if (port === undefined) return { problem: `Service ${service} has no port` };
  const others = refs.flatMap((ref) =>
    (httpRoutes?.byIndex(BY_JOINED_NAME, joinedName(ref)) ?? []).flatMap(
      ({ metadata: { name, namespace: where = '' } }) => (where === ref.namespace ? [] : [{ namespace: where, name }]),
    ),
  );
  const routes = found.map(({ route }) => route);
  return { namespace, service, canaryService: canaryServiceName(service), port, routes, others };
}

/** What the route says of the Service. In the middle of a release the canary stands behind it and moves nothing before. */
function routeOf(
  ref: { namespace: string; name: string },
  object: KubeObject,
  { namespace, service }: { namespace: string; service: string },
): { route: TargetRoute; port: number | undefined } {
  const { name, namespace: where } = ref;
  const { parentRefs, rules } = specOf(object);
  const isOurs = (backend: Record<string, unknown>) =>
    backend['name'] === service && (backend['namespace'] ?? where) === namespace;
  const lists = entriesOf(rules).map(({ backendRefs }) => entriesOf(backendRefs));
  const places = lists.flatMap((backends, index) => {
    const backend = backends.findIndex(isOurs);
    return backend < 0 ? [] : [{ index, backend }];
  });
  const ports = lists.flatMap((backends) => backends.filter(isOurs).map(({ port }) => port));
  const parents = recordsOf(parentRefs).flatMap((parent) =>
    typeof parent['name'] === 'string'
      ? [{ namespace: String(parent['namespace'] ?? where), name: parent['name'] }]
      : [],
  );
  const home = where === namespace ? {} : { namespace: where };
  return { route: { name, ...home, parents, rules: places }, port: ports.find((port) => typeof port === 'number') };
}

function firstPort(service: KubeObject | undefined): number | undefined {
  return service === undefined ? undefined : serviceSpec(service).ports?.[0]?.port;
}
