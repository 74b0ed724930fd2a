import type { QueryRules } from '#ports/metric-source.ts';

/** What answers: Prometheus itself, or one of those that speak its API with habits of their own. */
export type Flavour = 'Prometheus' | 'Thanos' | 'Mimir' | 'VictoriaMetrics';

export interface Dialect extends Omit<QueryRules, 'maxConcurrent'> {
  /** Sent with every query. */
  parameters: Readonly<Record<string, string>>;
}

/** Thanos leaves out stores that do not answer unless told otherwise. Those who do not know the parameter ignore it. */
const complete = { partial_response: 'false' };

/** Bodies that proxies let pass; Prometheus and Thanos have no limit of their own. */
const MAX_QUERY_LENGTH = 60_000;

export const dialects: Readonly<Record<Flavour, Dialect>> = {
  Prometheus: { parameters: complete, maxQueryLength: MAX_QUERY_LENGTH, window: undefined },
  Thanos: {
    // Replicas are one process, not two; downsampled blocks do not hold the counters that were scraped.
    parameters: { ...complete, dedup: 'true', max_source_resolution: '0s' },
    maxQueryLength: MAX_QUERY_LENGTH,
    window: undefined,
  },
  Mimir: { parameters: complete, maxQueryLength: MAX_QUERY_LENGTH, window: undefined },
  VictoriaMetrics: {
    parameters: {
      deny_partial_response: '1',
      // With its cache it moves the instants of a range to where it has them.
      nocache: '1',
      // It hides what is younger than 30 s; we ask one scrape in the past anyway.
      latency_offset: '1s',
      // Prometheus' look-back, where it would take the distance of the last two samples.
      max_lookback: '5m',
    },
    // Its default of -search.maxQueryLen is 16 KiB.
    maxQueryLength: 16_000,
    // A function of a bare selector looks back one step only.
    window: '5m',
  },
};

/** Headers beside the credentials. `tenant` is Mimir's: whose series are read. */
export function flavourHeaders({ tenant }: { tenant?: string | undefined }): Record<string, string> {
  return tenant === undefined ? {} : { 'X-Scope-OrgID': tenant };
}
