import { anyOf, type Buckets, defineEntry, exactly, latency, selector, type Target, where } from './define.ts';

const buckets: Buckets = { unit: 'seconds', bounds: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 10] };

const STATUSES = 'outbound_http_route_backend_response_statuses_total';

/** The backend's name alone tells the arms apart; whose backend it is, and behind which route, is pinned here. */
function ours({ namespace, routes }: Target) {
  // Names of namespaces have nothing in them that RE2 reads otherwise.
  const homes = [...new Set(routes.map((route) => route.namespace ?? namespace))];
  return [
    homes.length === 1 ? where('route_namespace', '=', homes[0] ?? '') : where('route_namespace', '=~', anyOf(homes)),
    where('route_name', '=~', anyOf(routes.map(({ name }) => exactly(name)))),
    where('backend_kind', '=', 'Service'),
    where('backend_namespace', '=', namespace),
  ];
}

export const linkerd = defineEntry({
  gateway: 'linkerd',
  title: 'Linkerd 2.1x, HTTPRoutes whose parent is a Service',
  checked: "written in the format of Linkerd's documentation",
  needs: "a scrape of the callers' proxies",
  traffic: 'Route',
  kinds: {
    'http-availability': {
      says: 'answers and failures; good: below 500 and without `error`, for a timeout has no status',
      sli: (target) => ({
        kind: 'events',
        total: selector(STATUSES, ...ours(target)),
        good: selector(STATUSES, ...ours(target), where('http_status', '=~', '[1-4]..'), where('error', '=', '')),
      }),
    },
    'http-latency': {
      says: "from the request's end to the answer's",
      buckets,
      sli: (target) =>
        latency(selector('outbound_http_route_backend_response_duration_seconds', ...ours(target)), target, buckets),
    },
    'grpc-availability': {
      cannot: 'Linkerd reads gRPC statuses behind GRPCRoutes alone, and Headgate splits HTTPRoutes: use `gateway: app`',
    },
  },
  arms: ({ service, canaryService }) => ({
    by: 'Label',
    label: 'backend_name',
    stable: exactly(service),
    canary: exactly(canaryService),
    exact: true,
  }),
});
