import { type Buckets, defineEntry, events, exactly, latency, selector, type Target, where } from './define.ts';

const buckets: Buckets = {
  unit: 'seconds',
  bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  change: '`--time-buckets`',
};

/** The canary's Ingress is merged into the user's: its requests too carry the user's namespace and Service. */
function ours({ namespace, service }: Target) {
  return [where('namespace', '=', namespace), where('service', '=', service)];
}

export const nginx = defineEntry({
  gateway: 'nginx',
  title: 'ingress-nginx 1.x, canary Ingress',
  checked: "written in the format of the controller's source (`socket.go`, `monitor.lua`)",
  needs:
    '`--enable-metrics`. NGINX Gateway Fabric is another product: without NGINX Plus it counts no request per backend, so with HTTPRoutes use `gateway: app`',
  traffic: 'Service',
  kinds: {
    'http-availability': {
      says: 'requests; 499, where the client gave up, is not counted; bad: 5xx',
      sli: (target) =>
        events('nginx_ingress_controller_requests', {
          among: [...ours(target), where('status', '!=', '499')],
          bad: where('status', '=~', '5..'),
        }),
    },
    'http-latency': {
      says: 'from the first byte of the request to the last of the answer',
      buckets,
      sli: (target) =>
        latency(selector('nginx_ingress_controller_request_duration_seconds', ...ours(target)), target, buckets),
    },
    'grpc-availability': {
      cannot: 'ingress-nginx counts HTTP statuses, and a gRPC failure is a 200 there: use `gateway: app`',
    },
  },
  // Empty where no canary took the request, else the canary's upstream.
  arms: ({ namespace, canaryService, port }) => ({
    by: 'Label',
    label: 'canary',
    stable: '',
    canary: exactly(`${namespace}-${canaryService}-${port}`),
  }),
});
