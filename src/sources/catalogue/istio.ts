import {
  type Buckets,
  defineEntry,
  events,
  exactly,
  GRPC_CANCELLED,
  GRPC_FAULTS,
  latency,
  selector,
  where,
} from './define.ts';

const buckets: Buckets = {
  unit: 'milliseconds',
  bounds: [
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    3_600_000,
  ],
  change: 'the annotation `sidecar.istio.io/statsHistogramBuckets` of the gateway',
};

const REQUESTS = 'istio_requests_total';

/** What the calling side saw: the called side counts nothing that never reached a pod. */
const caller = where('reporter', '=', 'source');

/** `<Service>.<ns>.svc.<cluster domain>` */
const host = (service: string, namespace: string) => `${exactly(`${service}.${namespace}.svc`)}\\..+`;

export const istio = defineEntry({
  gateway: 'istio',
  title: 'Istio 1.2x, gateways and sidecars',
  checked: "written in the format of Istio's standard metrics",
  needs: "a scrape of the gateways' `/stats/prometheus`",
  traffic: 'Service',
  kinds: {
    'http-availability': {
      says: 'HTTP seen by the caller; code 0, where the client gave up, is not counted; bad: 5xx',
      sli: () =>
        events(REQUESTS, {
          among: [caller, where('request_protocol', '=', 'http'), where('response_code', '!=', '0')],
          bad: where('response_code', '=~', '5..'),
        }),
    },
    'http-latency': {
      says: 'HTTP seen by the caller, to the last byte',
      buckets,
      sli: (target) =>
        latency(
          selector('istio_request_duration_milliseconds', caller, where('request_protocol', '=', 'http')),
          target,
          buckets,
        ),
    },
    'grpc-availability': {
      says: 'gRPC seen by the caller; CANCELLED is not counted; bad: server faults',
      sli: () =>
        events(REQUESTS, {
          among: [caller, where('request_protocol', '=', 'grpc'), where('grpc_response_status', '!=', GRPC_CANCELLED)],
          bad: where('grpc_response_status', '=~', GRPC_FAULTS),
        }),
    },
  },
  arms: ({ namespace, service, canaryService }) => ({
    by: 'Label',
    label: 'destination_service',
    stable: host(service, namespace),
    canary: host(canaryService, namespace),
  }),
});
