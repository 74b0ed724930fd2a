import { isBuiltin } from '#core/builtin.ts';
import type { Slo } from '#core/gate.ts';
import { canaryServiceName } from '#core/labels.ts';
import type { Step } from '#core/model.ts';
import { record } from '#core/raw.ts';
import { splitRouteKey } from '#core/routes.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { entriesOf, recordsOf, specOf } from '#routers/lists.ts';
import type { SloWish } from '#schema/translate-inputs.ts';
import type { Target, TargetRoute, TargetRule } from '#sources/catalogue/define.ts';
import { resolveBuiltin } from '#sources/catalogue/list.ts';
import { resolveProbe } from './probe-slo.ts';
import { BY_JOINED_NAME, joinedName, type Stores } from './stores.ts';
import { serviceSpec } from './workload.ts';

/** What a Rollout splits, by name. */
export interface Split {
  namespace: string;
  service: string;
  routes: readonly string[];
  /** Steps, some of which may send to the canary beside the split. Left out: none does. */
  steps?: readonly Pick<Step, 'reach'>[];
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
  { namespace, service, routes: names, steps = [] }: Split,
  stores: Pick<Stores, 'services' | 'routes'>,
): Target | { problem: string } {
  const httpRoutes = stores.routes.get('HTTPRoute');
  const refs = names.flatMap((key) => {
    const { kind, name, namespace: where = namespace } = splitRouteKey(key);
    return kind === 'HTTPRoute' ? [{ namespace: where, name }] : [];
  });
  const found = refs.flatMap((ref) => {
    const object = httpRoutes?.get(ref);
    return object === undefined ? [] : [routeOf(ref, object, { namespace, service, steps })];
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
  { namespace, service, steps }: Required<Omit<Split, 'routes'>>,
): { route: TargetRoute; port: number | undefined } {
  const { name, namespace: where } = ref;
  const { parentRefs, rules } = specOf(object);
  const isNamed = (wanted: string) => (backend: Record<string, unknown>) =>
    backend['name'] === wanted && (backend['namespace'] ?? where) === namespace;
  const isOurs = isNamed(service);
  const places = placesIn(entriesOf(rules), { isOurs, isCanary: isNamed(canaryServiceName(service)), steps });
  const lists = entriesOf(rules).map(({ backendRefs }) => entriesOf(backendRefs));
  const ports = lists.flatMap((backends) => backends.filter(isOurs).map(({ port }) => port));
  const parents = recordsOf(parentRefs).flatMap((parent) =>
    typeof parent['name'] === 'string'
      ? [{ namespace: String(parent['namespace'] ?? where), name: parent['name'] }]
      : [],
  );
  const home = where === namespace ? {} : { namespace: where };
  return { route: { name, ...home, parents, rules: places }, port: ports.find((port) => typeof port === 'number') };
}

interface Sight {
  isOurs(backend: Record<string, unknown>): boolean;
  isCanary(backend: Record<string, unknown>): boolean;
  steps: readonly Pick<Step, 'reach'>[];
}

/** As routers put it in: the filter of copies behind the rule's own, rules of matched users behind all of the user's. */
function placesIn(rules: Record<string, unknown>[], { isOurs, isCanary, steps }: Sight): TargetRule[] {
  const asks = (what: 'headers' | 'mirror') => steps.some(({ reach }) => reach?.[what] !== undefined);
  const users = rules.filter(({ backendRefs }) => {
    const backends = entriesOf(backendRefs);
    return backends.length === 0 || !backends.every(isCanary);
  });
  let matched = users.length;
  return rules.flatMap(({ backendRefs, filters }, index): TargetRule[] => {
    const backends = entriesOf(backendRefs);
    const backend = backends.findIndex(isOurs);
    if (backend < 0) return [];
    const own = entriesOf(filters).filter(
      ({ requestMirror }) => !isCanary(record({ requestMirror }, 'requestMirror', 'backendRef')),
    );
    const sends = backends.some(({ weight }) => weight !== 0);
    return [
      {
        ...{ index, backend },
        ...(asks('mirror') ? { copied: own.length } : {}),
        ...(asks('headers') && sends ? { matched: matched++ } : {}),
      },
    ];
  });
}

function firstPort(service: KubeObject | undefined): number | undefined {
  return service === undefined ? undefined : serviceSpec(service).ports?.[0]?.port;
}
