/** Every metric of the operator. Dashboards, docs and the exposition are made from this list and checked against it. */
export interface Metric {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  /** Names of all its labels; a series always has each of them. */
  labels: readonly string[];
  /** Upper bounds of a histogram, rising, in the metric's unit. */
  buckets?: readonly number[];
}

/** From a fast call inside the cluster to one that should have timed out. */
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** From one tick to an hour. */
const DETECT_SECONDS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];

/** From a canary that nobody had met to one that many had. */
const DETECT_REQUESTS = [0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000];

const counter = (name: string, help: string, ...labels: string[]): Metric => ({ name, type: 'counter', help, labels });
const gauge = (name: string, help: string, ...labels: string[]): Metric => ({ name, type: 'gauge', help, labels });
const histogram = (name: string, help: string, buckets: readonly number[], ...labels: string[]): Metric => ({
  name,
  type: 'histogram',
  help,
  labels,
  buckets,
});

const GATE = ['namespace', 'rollout', 'gate'];

export const METRICS: readonly Metric[] = [
  // Rollouts, read from the cache at each scrape: a deleted one is gone at once.
  gauge('headgate_rollout_info', 'Always 1: the phase of each Rollout.', 'namespace', 'rollout', 'phase'),
  gauge(
    'headgate_releases_moving',
    'Releases that have traffic (Carries), prepare their first raise (Begun) or stand in the queue (Waits), where HEADGATE_MAX_MOVING limits them.',
    'stands',
  ),
  gauge('headgate_rollout_weight', "Canary's share of traffic as granted, from 0 to 1.", 'namespace', 'rollout'),
  gauge(
    'headgate_gate_verdict',
    'Always 1: the newest verdict of each gate of a release.',
    'namespace',
    'rollout',
    'gate',
    'verdict',
  ),
  gauge(
    'headgate_release_requests',
    'Requests that a gate counted since the attempt began, by arm and result (good, bad).',
    'namespace',
    'rollout',
    'gate',
    'arm',
    'result',
  ),
  gauge(
    'headgate_release_spend_ratio',
    "Largest share of an SLO's error budget that the running release burnt, from 0 to 1.",
    'namespace',
    'rollout',
  ),
  gauge(
    'headgate_release_spend_forecast_ratio',
    "Largest share of an SLO's error budget that the next weight would burn, from 0 to 1, by bound (expected, pessimistic).",
    'namespace',
    'rollout',
    'bound',
  ),

  // Releases
  counter('headgate_releases_total', 'Releases that ended, by outcome.', 'outcome'),
  counter('headgate_breaches_total', 'Breaches, by cause.', 'cause'),
  counter(
    'headgate_bad_pods_replaced_total',
    'Single bad canary pods that were replaced, by the gate that named them.',
    'gate',
  ),
  histogram('headgate_detect_seconds', 'From the newest raise to the breach.', DETECT_SECONDS),
  histogram(
    'headgate_detect_requests',
    'Requests that the canary had finished when its breach was found.',
    DETECT_REQUESTS,
  ),
  histogram(
    'headgate_detect_excess_requests',
    "Bad requests above stable's rate that the canary had served when its breach was found.",
    DETECT_REQUESTS,
  ),
  histogram('headgate_remedy_seconds', 'From the breach to weight 0 accepted by every gateway.', CALL_SECONDS),
  histogram('headgate_lower_seconds', 'From the breach to weight 0 accepted by the API server.', CALL_SECONDS),
  counter('headgate_decisions_total', 'Decisions, by the phase that they led to.', 'phase'),

  // Gates, sources, probes
  counter('headgate_gate_ticks_total', 'Ticks of evidence that gates counted.', 'source'),
  gauge('headgate_gate_data_age_seconds', 'Age of the newest tick that was counted.', 'source'),
  histogram('headgate_source_query_seconds', 'Time that a source took to answer.', CALL_SECONDS, 'source'),
  counter(
    'headgate_source_queries_total',
    'Queries that were sent to a source, each for as many gates as can share it.',
    'source',
  ),
  counter('headgate_source_bytes_total', 'Decompressed bytes of the answers of a source.', 'source'),
  counter('headgate_source_series_total', 'Series in the answers of a source.', 'source'),
  gauge(
    'headgate_gate_cost_queries',
    'Queries that a gate took at its last tick. Of a shared one each gate bears its part, here and below.',
    ...GATE,
  ),
  gauge('headgate_gate_cost_series', 'Series of those answers that were its own.', ...GATE),
  gauge('headgate_gate_cost_bytes', 'Bytes of those answers, decompressed.', ...GATE),
  gauge('headgate_gate_cost_seconds', 'Time that the source took for them.', ...GATE),
  gauge(
    'headgate_gate_season_ratio',
    'What the whole service earns now as a part of the median of this hour in earlier weeks.',
    ...GATE,
  ),
  counter('headgate_source_errors_total', 'Queries that failed, by error code.', 'source', 'code'),
  counter('headgate_probe_runs_total', 'Probe runs, by result (pass, fail).', 'result'),

  // The loop
  counter('headgate_reconcile_total', 'Reconciles, by outcome.', 'controller', 'outcome'),
  histogram('headgate_reconcile_seconds', 'Time of one reconcile.', CALL_SECONDS, 'controller'),
  gauge('headgate_queue_depth', 'Keys that wait for a reconcile.', 'queue'),
  gauge('headgate_queue_longest_running_seconds', 'Age of the oldest reconcile under way.', 'queue'),
  histogram('headgate_queue_latency_seconds', 'From due to begun.', CALL_SECONDS, 'queue', 'priority'),
  counter('headgate_queue_retries_total', 'Keys put back after a failure.', 'queue'),
  counter('headgate_queue_refused_total', 'Keys refused because the queue is full.', 'queue'),
  counter('headgate_events_total', 'Kubernetes Events, by what became of them.', 'result'),

  // The API server
  counter('headgate_kube_requests_total', 'Requests to the API server.', 'verb', 'resource', 'code'),
  histogram('headgate_kube_request_seconds', 'Time of a request to the API server.', CALL_SECONDS, 'verb', 'resource'),
  counter('headgate_watch_events_total', 'Events that watches brought.', 'resource', 'type'),
  counter('headgate_watch_restarts_total', 'Watches that had to begin again.', 'resource', 'reason'),

  // The process
  gauge('headgate_leader', '1 while this process leads.'),
  counter('headgate_leader_errors_total', 'Failed reads and writes of the Lease.'),
  gauge('headgate_eventloop_lag_seconds', 'p99 of the delay of the event loop since the last scrape.'),
  counter(
    'headgate_telemetry_dropped_total',
    'Observations dropped: unknown metric, wrong labels, or too many series.',
    'reason',
  ),
];
