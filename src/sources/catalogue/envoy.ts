import { type Buckets, events, type KindEntry, latency, selector, where } from './define.ts';

/** What every gateway built on Envoy counts per cluster, whatever it calls its clusters. */

const buckets: Buckets = {
  unit: 'milliseconds',
  bounds: [
    0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
    3_600_000,
  ],
  change: '`histogram_bucket_settings` in the bootstrap',
};

export const CLUSTER = 'envoy_cluster_name';

/** Answers by class: one series for each of 1xx to 5xx. A request that its client gave up has no answer, so no class. */
export const clusterAvailability: KindEntry = {
  says: 'answers, those that Envoy itself gave for the backend among them; where the client gave up is not counted; bad: 5xx',
  sli: () => events('envoy_cluster_upstream_rq_xx', { bad: where('envoy_response_code_class', '=', '5') }),
};

export const clusterLatency: KindEntry = {
  says: 'from the request sent to the backend to its whole answer; a request that Envoy timed out is in no bucket, so give http-availability as well',
  buckets,
  sli: (target) => latency(selector('envoy_cluster_upstream_rq_time'), target, buckets),
};

export const clusterGrpc: KindEntry = {
  cannot:
    'Envoy names a metric of its own for each gRPC status (`envoy_cluster_grpc_14`), and only with its grpc_stats filter, so no one counter holds the faults: use `gateway: app`',
};
