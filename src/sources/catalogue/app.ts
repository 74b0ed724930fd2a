import { type Buckets, defineEntry, events, latency, selector, where } from './define.ts';

const buckets: Buckets = {
  unit: 'seconds',
  bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  change: 'a view of the meter provider',
};

const DURATION = 'http_server_request_duration_seconds';

/** The faults of GRPC_FAULTS as the libraries for Go write them, and those for Java. */
const GRPC_FAULT_NAMES = [
  'Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss',
  'UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS',
].join('|');

export const app = defineEntry({
  gateway: 'app',
  title: 'the application, by the names of OpenTelemetry and of the gRPC libraries',
  checked: "recorded from the lab's pods (HTTP); written in the libraries' format (gRPC)",
  needs:
    'one scrape target per pod, with the labels `namespace` and `pod`. A pod that hangs or dies reports nothing: prefer the gateway',
  traffic: 'Pods',
  kinds: {
    'http-availability': {
      says: 'finished requests; bad: 5xx',
      sli: () => events(`${DURATION}_count`, { bad: where('http_response_status_code', '=~', '5..') }),
    },
    'http-latency': {
      says: 'finished requests',
      buckets,
      sli: (target) => latency(selector(DURATION), target, buckets),
    },
    'grpc-availability': {
      says: 'finished calls; CANCELLED is not counted; bad: server faults',
      sli: () =>
        events('grpc_server_handled_total', {
          among: [where('grpc_code', '!~', 'Canceled|CANCELLED')],
          bad: where('grpc_code', '=~', GRPC_FAULT_NAMES),
        }),
    },
  },
  arms: () => ({ by: 'Pod' }),
});
