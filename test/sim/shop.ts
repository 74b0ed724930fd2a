import { routeKey } from '#core/routes.ts';
import {
  GRPC_ROUTE,
  HTTP_ROUTE,
  METRIC_SOURCE,
  PROBE_SUITE,
  ROLLOUT,
  SERVICE,
  SERVICE_LEVEL_OBJECTIVE,
} from '#kube/resources.ts';
import type { Resource } from '#ports/kube-api.ts';
import type { Newborn } from '#sandbox/actor.ts';

/** One shop with its objects. The image's tag says what its pods are like: `v2`, `v2-bad`, `v3-sick`. */

export const NAMESPACE_NAME = 'shop';
export const ref = (resource: Resource, name = 'shop') => ({ resource, namespace: NAMESPACE_NAME, name });
export const refs = {
  rollout: ref(ROLLOUT),
  service: ref(SERVICE),
  canaryService: ref(SERVICE, 'shop-canary'),
};

/** A route of the shop, as the Rollout and the objects name it. */
export interface ShopRoute {
  key: string;
  traffic: object;
  ref: ReturnType<typeof ref>;
  /** Left out: a Gateway. */
  parent?: object;
  /** Where an object of ours beside it has the split. */
  split?: ReturnType<typeof ref>;
}

const http = (name: string): ShopRoute => ({ key: name, traffic: { httpRoute: name }, ref: ref(HTTP_ROUTE, name) });
const grpc = (name: string): ShopRoute => ({
  key: routeKey({ kind: 'GRPCRoute', name }),
  traffic: { grpcRoute: name },
  ref: ref(GRPC_ROUTE, name),
});

/** What its traffic comes by: one route in most shops. */
export const ROUTES: readonly (readonly ShopRoute[])[] = [
  [http('shop')],
  [http('shop')],
  [http('shop')],
  [http('shop'), http('admin')],
  [http('shop'), grpc('shop')],
];

export interface Asked {
  minimum: number;
  groups: string[];
  notAuthor: boolean;
}

export interface ShopStep {
  /** Left out: the headers name who gets the canary, or it gets copies. */
  weight?: number;
  headers?: { name: string; value: string }[];
  mirror?: { percent: number };
  hold: string;
  pause?: object;
  approval?: Asked;
}

export interface ShopSpec {
  image: string;
  replicas: number;
  onBreach: 'Pause' | 'Retreat' | 'Abort';
  steps: ShopStep[];
  probes: boolean;
  /** A second gate counts the answers of probes. */
  probeGate: boolean;
  /** Who must have approved before in-cluster clients move. */
  promotion?: Asked;
  /** Name of the Deployment that describes the pods. */
  deployment?: string;
  /** All that there are; the spec may name fewer of them. */
  routes: readonly ShopRoute[];
}

export function templateOf(image: string): object {
  return {
    metadata: { labels: { app: 'shop' } },
    spec: { containers: [{ name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
  };
}

export function trafficOf(routes: readonly ShopRoute[]): object[] {
  return routes.map(({ traffic }) => traffic);
}

/** Whose changes all of them are. */
export const AUTHOR = 'ana';

export function rolloutOf(shop: ShopSpec): Newborn {
  const { image, replicas, onBreach, steps, probes, probeGate, routes, promotion, deployment } = shop;
  return {
    metadata: {
      name: 'shop',
      namespace: NAMESPACE_NAME,
      annotations: { 'headgate.dev/change-author': AUTHOR },
    },
    spec: {
      replicas,
      ...(deployment === undefined
        ? { selector: { matchLabels: { app: 'shop' } }, template: templateOf(image) }
        : { workloadRef: { kind: 'Deployment', name: deployment } }),
      service: 'shop',
      traffic: trafficOf(routes),
      gates: [{ slo: 'shop' }, ...(probeGate ? [{ slo: 'answers' }] : [])],
      ...(probes ? { probes: [{ suite: 'shop' }] } : {}),
      steps,
      ...(promotion === undefined ? {} : { promotion: { approval: promotion } }),
      onBreach,
      settle: '2s',
      scaleDownDelay: '5s',
      progressDeadline: '60s',
      bake: { for: '5s', control: 5 },
    },
  };
}

function routeObject({ ref: { name, namespace }, parent = { name: 'gate' } }: ShopRoute): Newborn {
  return {
    metadata: { name, namespace },
    spec: { parentRefs: [parent], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
  };
}

/** An Ingress, by its name as a host. */
export function ingressObject(
  { name, namespace }: ShopRoute['ref'],
  service = 'shop',
  host = `${name}.example`,
): Newborn {
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } }];
  return { metadata: { name, namespace }, spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths } }] } };
}

export function objectsAround({ routes }: Pick<ShopSpec, 'routes'>): [Resource, Newborn][] {
  const metadata = { name: 'shop', namespace: NAMESPACE_NAME };
  const total = { metric: 'http_requests_total' };
  const bad = { ...total, matchers: [{ label: 'code', op: '=~', value: '5..' }] };
  return [
    [SERVICE, { metadata, spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }],
    ...routes.map((route): [Resource, Newborn] => [
      route.ref.resource,
      route.split === undefined ? routeObject(route) : ingressObject(route.ref),
    ]),
    [SERVICE_LEVEL_OBJECTIVE, { metadata, spec: { objective: '99', sli: { events: { total, bad } } } }],
    [
      SERVICE_LEVEL_OBJECTIVE,
      {
        metadata: { ...metadata, name: 'answers' },
        spec: { sli: { probe: { suite: 'shop', samples: 3, tolerate: '40%' } } },
      },
    ],
    [
      METRIC_SOURCE,
      {
        metadata: { name: 'main' },
        spec: { prometheus: { url: 'http://prometheus:9090' }, scrapeInterval: '1s', default: true },
      },
    ],
    [PROBE_SUITE, { metadata, spec: { requests: [{ name: 'smoke', http: { path: '/' } }], every: '5s' } }],
  ];
}
