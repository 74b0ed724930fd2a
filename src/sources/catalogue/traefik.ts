import {
  type Buckets,
  defineEntry,
  events,
  exactly,
  GRPC_CANCELLED,
  GRPC_FAULTS,
  grouped,
  latency,
  selector,
  type Target,
  where,
} from './define.ts';

const buckets: Buckets = {
  unit: 'seconds',
  bounds: [0.1, 0.3, 1.2, 5],
  change: '`--metrics.prometheus.buckets`',
};

/**
 * One arm's services in Traefik's words, for each route and gateway:
 *
 *     httproute-<ns>-<route>-gw-<gateway ns>-<gateway>-ep-<entry point>-<rule>-<hash>-svc-<ns>-<Service>-<n>@kubernetesgateway
 *
 * Hyphens stand between the parts and within them, so every part that is known is pinned. `<n>` is the place among the
 * backends, which a person may change.
 */
function serviceNames({ namespace, routes }: Target, service: string): string {
  const keys = routes.flatMap(({ name, namespace: where = namespace, parents }) =>
    parents.map(
      (gateway) => `${keyOf({ namespace: where, name })}-gw-${normalized(`${gateway.namespace}-${gateway.name}`)}`,
    ),
  );
  const backend = `svc-${exactly(`${namespace}-${service}`)}-[0-9]+@kubernetesgateway`;
  return `${grouped(keys.map(exactly))}-ep-${ENTRY_POINT}-[0-9]+-[0-9a-f]+-${backend}`;
}

/**
 * Three parts at most. A route of the namespace `<ns>-<route>` may be called `gw-<gateway ns>-<gateway>-ep-x`, and more
 * parts would let its own `-gw-…-ep-…` pass for the rest of an entry point's name.
 */
const ENTRY_POINT = '[A-Za-z0-9]+-?[A-Za-z0-9]*-?[A-Za-z0-9]*';

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return normalized(`httproute-${namespace}-${name}`);
}

/** HTTPRoute b-c of namespace a and HTTPRoute c of namespace a-b have one name at Traefik. */
function clash({ namespace, routes, others = [] }: Target): string | undefined {
  const keys = new Map(others.map((other) => [keyOf(other), other]));
  for (const { name, namespace: where = namespace } of routes) {
    const other = keys.get(keyOf({ namespace: where, name }));
    if (other === undefined) continue;
    return `Traefik gives HTTPRoute ${name} and HTTPRoute ${other.name} of namespace ${other.namespace} one name: rename one, or use gateway: app`;
  }
  return undefined;
}

/** Traefik keeps letters and digits, and puts one hyphen for whatever stands between them. */
function normalized(name: string): string {
  return name
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean)
    .join('-');
}

const REQUESTS = 'traefik_service_requests_total';

export const traefik = defineEntry({
  gateway: 'traefik',
  title: 'Traefik 3, Gateway API',
  checked: 'recorded from Traefik 3.7.13 in the lab',
  needs: '`--metrics.prometheus=true --metrics.prometheus.addserviceslabels=true`',
  traffic: 'Route',
  kinds: {
    'http-availability': {
      says: 'answers but gRPC; 499, where the client gave up, is not counted; bad: 5xx',
      sli: () =>
        events(REQUESTS, {
          among: [where('protocol', '!~', 'grpc.*'), where('code', '!=', '499')],
          bad: where('code', '=~', '5..'),
        }),
    },
    'http-latency': {
      says: 'plain HTTP, to the last byte; where the client gave up, until then',
      buckets,
      sli: (target) =>
        latency(selector('traefik_service_request_duration_seconds', where('protocol', '=', 'http')), target, buckets),
    },
    'grpc-availability': {
      says: 'gRPC and gRPC-Web, whose status Traefik writes into `code`; CANCELLED is not counted; bad: server faults',
      sli: () =>
        events(REQUESTS, {
          among: [where('protocol', '=~', 'grpc.*'), where('code', '!=', GRPC_CANCELLED)],
          bad: where('code', '=~', GRPC_FAULTS),
        }),
    },
  },
  arms: (target) => ({
    by: 'Label',
    label: 'service',
    stable: serviceNames(target, target.service),
    canary: serviceNames(target, target.canaryService),
    exact: true,
  }),
  clash,
});
