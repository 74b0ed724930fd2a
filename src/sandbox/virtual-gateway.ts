import { GRPC_ROUTE, HTTP_ROUTE, INGRESS } from '#kube/resources.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { createActor, refOf, runController } from './actor.ts';
import { ingressSplits } from './canary-ingress.ts';
import { dig, kindId } from './kind.ts';
import type { Sandbox } from './sandbox.ts';
import { timestamp } from './writing.ts';

/**
 * A gateway without sockets: it accepts routes, and a little later sends as they say; of Ingresses, which nobody accepts,
 * as the canary annotations of ingress-nginx say. What it sends at any moment can be asked, for that is what users meet.
 */
export interface VirtualGateway {
  /** Weights by backend, of the first rule; the route's name is `namespace/name`, or `namespace/GRPCRoute/name`, `namespace/Ingress/name`. */
  live(route: string): ReadonlyMap<string, number>;
  /** Backends that any of its rules sends to, whoever is matched, or sends copies to. */
  reaches(route: string): ReadonlySet<string>;
  /** Whether it has accepted a route and does not send as the route says. */
  lies(route: string): boolean;
  /** While set, routes are accepted and nothing of them is used. */
  frozen: boolean;
  /** While set, routes are neither accepted nor used. */
  blind: boolean;
  stop(): void;
}

interface BackendRef {
  name: string;
  weight?: number;
}

interface RouteRule {
  backendRefs?: BackendRef[];
  filters?: { requestMirror?: { backendRef?: BackendRef } }[];
}

const KINDS = [HTTP_ROUTE, GRPC_ROUTE] as const;

export function runVirtualGateway(
  sandbox: Sandbox,
  { acceptMs = 100, applyMs = 200 }: { acceptMs?: number; applyMs?: number } = {},
): VirtualGateway {
  const { clock } = sandbox;
  const actor = createActor(sandbox, 'gateway');
  const table = new Map<string, ReadonlyMap<string, number>>();
  const reached = new Map<string, ReadonlySet<string>>();
  const lies = new Set<string>();
  const accept = (resource: Resource, route: KubeObject) => {
    const { name, namespace = '', generation } = route.metadata;
    const key = `${namespace}/${resource === HTTP_ROUTE ? '' : `${resource.kind}/`}${name}`;
    if (gateway.frozen) lies.add(key);
    else
      clock.timer(applyMs, () => {
        table.set(key, weightsOf(route));
        reached.set(key, backendsOf(route));
        lies.delete(key);
      });
    const parents = ((dig(route, ['spec', 'parentRefs']) ?? []) as object[]).map((parentRef) => ({
      parentRef,
      controllerName: 'headgate.dev/sandbox-gateway',
      conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
        type,
        status: 'True',
        reason: type,
        message: '',
        observedGeneration: generation,
        lastTransitionTime: timestamp(clock.now()),
      })),
    }));
    if (observedGeneration(route) !== generation)
      actor.merge(refOf(resource, route), { status: { parents } }, 'status');
  };
  const stop = runController({
    sandbox,
    delayMs: acceptMs,
    concerns: ({ kind, object }) =>
      kind === kindId(INGRESS) ||
      (KINDS.some((resource) => kind === kindId(resource)) &&
        observedGeneration(object) !== object.metadata.generation),
    sweep() {
      const later = gateway.frozen || gateway.blind ? undefined : (apply: () => void) => clock.timer(applyMs, apply);
      takeIngresses(ingressSplits(actor.list(INGRESS)), { table, reached, lies }, later);
      if (gateway.blind) return 1000;
      for (const resource of KINDS) for (const route of actor.list(resource)) accept(resource, route);
      // Whoever thaws it finds the newest routes, whether or not anything has changed since.
      return gateway.frozen ? 1000 : undefined;
    },
  });
  const gateway: VirtualGateway = {
    live: (route) => table.get(route) ?? new Map(),
    reaches: (route) => reached.get(route) ?? new Set(),
    lies: (route) => lies.has(route),
    frozen: false,
    blind: false,
    stop,
  };
  return gateway;
}

function observedGeneration(route: KubeObject): unknown {
  return dig(route, ['status', 'parents', '0', 'conditions', '0', 'observedGeneration']);
}

interface Tables {
  table: Map<string, ReadonlyMap<string, number>>;
  reached: Map<string, ReadonlySet<string>>;
  lies: Set<string>;
}

/** Nobody says of an Ingress that it was taken. Without `later` nothing is used. */
function takeIngresses(
  splits: ReadonlyMap<string, ReadonlyMap<string, number>>,
  { table, reached, lies }: Tables,
  later: ((apply: () => void) => void) | undefined,
): void {
  const gone = [...table.keys()].filter((key) => key.includes('/Ingress/') && !splits.has(key));
  for (const key of [...splits.keys(), ...gone]) {
    const weights = splits.get(key) ?? new Map<string, number>();
    if (later === undefined) {
      if (!sameWeights(weights, table.get(key))) lies.add(key);
      continue;
    }
    later(() => {
      table.set(key, weights);
      reached.set(key, new Set([...weights].flatMap(([name, weight]) => (weight > 0 ? [name] : []))));
      lies.delete(key);
    });
  }
}

function sameWeights(some: ReadonlyMap<string, number>, others: ReadonlyMap<string, number> = new Map()): boolean {
  return some.size === others.size && [...some].every(([name, weight]) => others.get(name) === weight);
}

export function weightsOf(route: KubeObject): ReadonlyMap<string, number> {
  const refs = (dig(route, ['spec', 'rules', '0', 'backendRefs']) ?? []) as BackendRef[];
  return new Map(refs.map(({ name, weight = 1 }) => [name, weight]));
}

function backendsOf(route: KubeObject): ReadonlySet<string> {
  const rules = (dig(route, ['spec', 'rules']) ?? []) as RouteRule[];
  const copied = rules.flatMap(({ filters = [] }) =>
    filters.map(({ requestMirror }) => requestMirror?.backendRef ?? []),
  );
  const refs = [...rules.flatMap(({ backendRefs = [] }) => backendRefs), ...copied.flat()];
  return new Set(refs.flatMap(({ name, weight = 1 }) => (weight > 0 ? [name] : [])));
}
