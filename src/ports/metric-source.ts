import type { Millis } from '#lib/units.ts';

/**
 * A time series database that answers PromQL. Every call throws OperatorError with a SOURCE_ code, and nothing else:
 *
 * - SOURCE_UNREACHABLE: no connection, no answer within the limit, 5xx, or our credentials are refused
 * - SOURCE_THROTTLED: 408, 429, or 503 with Retry-After; `retryAfterMs` says how long, when the source did
 * - SOURCE_QUERY: the source refuses the query (400, 422)
 * - SOURCE_ANSWER: not what the API promises: HTML, a redirect, truncated, of the wrong type, or partial
 * - SOURCE_TOO_LARGE: more bytes or series than the source's limits allow
 *
 * No error carries a secret, in its message or in its cause.
 */
export interface MetricSource {
  /** As people and metrics name it: the name of its MetricSource object. */
  readonly name: string;
  /** What whoever writes queries for it must keep to; undefined where nothing special holds. */
  readonly rules?: QueryRules;
  /** The value of `promql` at one instant. */
  query(promql: string, options: QueryOptions): Promise<QueryAnswer>;
  /** The value of `promql` at every multiple of `stepMs` from `from` to `to`, both included. */
  range(promql: string, options: RangeOptions): Promise<RangeAnswer>;
}

/** How a source wants to be asked. */
export interface QueryRules {
  /** Queries at the same time, at most. */
  maxConcurrent: number;
  /** Characters of one query, at most. */
  maxQueryLength: number;
  /** Window that `timestamp()` needs around a selector, e.g. `5m`; undefined where a bare selector is looked back for. */
  window: string | undefined;
}

export interface QueryOptions {
  at: Millis;
  signal?: AbortSignal;
}

export interface RangeOptions {
  from: Millis;
  to: Millis;
  stepMs: Millis;
  signal?: AbortSignal;
}

export interface QueryAnswer {
  result: InstantResult;
  /** Harmless remarks of the source about the query. An answer that may be incomplete is an error, not a warning. */
  warnings: string[];
  cost: QueryCost;
}

export interface RangeAnswer {
  result: MatrixResult;
  warnings: string[];
  cost: QueryCost;
}

/** What an answer took. */
export interface QueryCost {
  /** Length of the decompressed body in bytes. */
  bytes: number;
  series: number;
  elapsedMs: Millis;
}

export type Labels = Readonly<Record<string, string>>;

export type InstantResult =
  | VectorResult
  | MatrixResult
  | { kind: 'scalar'; value: number; at: Millis }
  | { kind: 'string'; value: string; at: Millis };

export interface VectorResult {
  kind: 'vector';
  /** Series with a number. NaN and the infinities come through as such. */
  samples: Sample[];
  /** Series whose value is a native histogram; such a series is never among `samples`. */
  histograms: HistogramSample[];
}

export interface MatrixResult {
  kind: 'matrix';
  series: Series[];
}

export interface Sample {
  labels: Labels;
  value: number;
  /** The instant of the query, not of the scrape: `timestamp()` asks for that. */
  at: Millis;
}

export interface HistogramSample extends NativeHistogram {
  labels: Labels;
  at: Millis;
}

export interface NativeHistogram {
  /** Observations, NaN included, which is in no bucket. */
  count: number;
  sum: number;
  /** Populated buckets, rising; empty ones are left out. */
  buckets: NativeBucket[];
}

/** Observations between two bounds. Positive buckets include the right one, negative ones the left one. */
export interface NativeBucket {
  left: number;
  right: number;
  count: number;
}

export interface Series {
  labels: Labels;
  /** Oldest first. */
  points: { at: Millis; value: number }[];
  /** Native histograms of this series, oldest first. */
  histograms: (NativeHistogram & { at: Millis })[];
}
