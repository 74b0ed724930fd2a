/** Pure: what HTTPRoutes, Services and EndpointSlices make of a request, and what is to be said about each route. */

import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import type { Peer } from '../load/connection.ts';
import { type EndpointSlice, readyIn } from '../load/endpoints.ts';

export interface World {
  /** Which Gateway this is. */
  gateway: { namespace: string; name: string };
  routes: readonly KubeObject[];
  services: readonly KubeObject[];
  slices: readonly KubeObject[];
}

export interface Backend {
  service: string;
  weight: number;
  /** Its ready endpoints. */
  peers: readonly Peer[];
}

/** One route as it is used. */
export interface Entry {
  route: KubeObject;
  hostnames: readonly string[];
  /** Parents of the route that are this Gateway. */
  parents: readonly ParentRef[];
  backends: readonly Backend[];
  /** Why it is not used. */
  unsupported: string | undefined;
  /** Services that it names and that are not there. */
  missing: readonly string[];
}

interface ParentRef {
  namespace?: string;
  name: string;
}

interface BackendRef {
  name: string;
  namespace?: string;
  port?: number;
  weight?: number;
}

interface Rule {
  matches?: { path?: { type?: string; value?: string }; [other: string]: unknown }[];
  filters?: unknown[];
  backendRefs?: BackendRef[];
}

/** The routes of this Gateway. One rule for all paths is all it knows; any other route is refused and says so. */
export function entriesOf({ gateway, routes, services, slices }: World): Entry[] {
  const serviceOf = new Map(services.map((service) => [nameOf(service), service]));
  return routes.flatMap((route) => {
    const { parentRefs = [], hostnames = [], rules = [] } = (route['spec'] ?? {}) as Spec;
    const { namespace = 'default' } = route.metadata;
    const parents = parentRefs.filter(
      ({ name, namespace: where = namespace }) => name === gateway.name && where === gateway.namespace,
    );
    if (parents.length === 0) return [];
    const refs = (rules[0]?.backendRefs ?? []).map((ref) => ({
      ...ref,
      key: `${ref.namespace ?? namespace}/${ref.name}`,
    }));
    const backends = refs.map(({ key, port, weight = 1 }) => ({
      service: key,
      weight,
      peers: peersOf(serviceOf.get(key), port, slices),
    }));
    const missing = refs.map(({ key }) => key).filter((key) => !serviceOf.has(key));
    return [{ route, hostnames, parents, backends, unsupported: whyNot(rules), missing }];
  });
}

interface Spec {
  parentRefs?: ParentRef[];
  hostnames?: string[];
  rules?: Rule[];
}

function whyNot(rules: readonly Rule[]): string | undefined {
  const [{ matches = [], filters = [] } = {}, ...more] = rules;
  const everything = matches.every(({ path = {}, ...other }) => {
    const { type = 'PathPrefix', value = '/' } = path;
    return type === 'PathPrefix' && value === '/' && Object.keys(other).length === 0;
  });
  if (more.length === 0 && filters.length === 0 && everything) return undefined;
  return 'this gateway knows routes with one rule for all paths and without filters';
}

function peersOf(service: KubeObject | undefined, port: number | undefined, slices: readonly KubeObject[]): Peer[] {
  if (service === undefined) return [];
  const { ports = [] } = (service['spec'] ?? {}) as { ports?: { name?: string; port: number }[] };
  const named = ports.find((candidate) => candidate.port === port);
  if (named === undefined) return [];
  const { namespace, name } = service.metadata;
  const own = slices.filter(
    ({ metadata }) => metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  return own.flatMap((slice) => readyIn(slice as EndpointSlice, named.name ?? ''));
}

function nameOf({ metadata: { namespace, name } }: KubeObject): string {
  return `${namespace}/${name}`;
}

/** The route for a Host header. */
export function entryFor(entries: readonly Entry[], host: string): Entry | undefined {
  const [name = ''] = host.toLowerCase().split(':');
  const used = entries.filter(({ unsupported }) => unsupported === undefined);
  return used.find(({ hostnames }) => hostnames.length === 0 || hostnames.includes(name));
}

/** One backend by weight, or undefined when none has any. */
export function choose(backends: readonly Backend[], random: Random): Backend | undefined {
  const total = backends.reduce((sum, { weight }) => sum + weight, 0);
  let left = random() * total;
  return backends.find(({ weight }) => {
    left -= weight;
    return weight > 0 && left < 0;
  });
}

/** What the Gateway says about a route, one report for each of its parents. Times are those before where nothing changed. */
export function reportsOn({ route, parents, unsupported, missing }: Entry, now: string): object[] {
  const accepted =
    unsupported === undefined
      ? { status: 'True', reason: 'Accepted' }
      : { status: 'False', reason: 'UnsupportedValue' };
  const resolved =
    missing.length === 0 ? { status: 'True', reason: 'ResolvedRefs' } : { status: 'False', reason: 'BackendNotFound' };
  const common = { observedGeneration: route.metadata.generation, lastTransitionTime: now };
  return parents.map((parentRef) => ({
    parentRef,
    controllerName: CONTROLLER,
    conditions: [
      { type: 'Accepted', ...accepted, message: unsupported ?? '', ...common },
      { type: 'ResolvedRefs', ...resolved, message: missing.map((name) => `no Service ${name}`).join(', '), ...common },
    ],
  }));
}

export const CONTROLLER = 'headgate.dev/sandbox-gateway';
