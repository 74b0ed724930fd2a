import type { Selector } from '#core/gate.ts';
import { parseDuration } from '#lib/units.ts';
import { quoteLabel } from '#sources/promql.ts';
import type { Exported } from './exported.ts';

/** Bad and all events a second over a window, each as one number. */
export interface RatioQueries {
  bad: (window: string) => string;
  total: (window: string) => string;
}

/** Queries of the SLI of an objective. An SLI without an error ratio is an error of the caller. */
export function ratioQueries({ sli, namespace }: Pick<Exported, 'sli' | 'namespace'>): RatioQueries {
  const rate = (selector: Selector) => (window: string) => `sum(rate(${selectorText(selector, namespace)}[${window}]))`;
  const { events, latency } = sli;
  if (latency !== undefined) return latencyQueries(latency, rate);
  if (events === undefined) throw new Error('an SLI without events and latency has no error ratio');
  const total = rate(events.total);
  if (events.bad !== undefined) return { bad: orZero(rate(events.bad)), total };
  if (events.good === undefined) throw new Error('the schema asks for bad or good');
  return { bad: lessThan(total, rate(events.good)), total };
}

type Query = (window: string) => string;

/** A series that is not there yet has counted nothing. */
function orZero(query: Query): Query {
  return (window) => `(${query(window)} or vector(0))`;
}

/** All but the good ones. */
function lessThan(total: Query, good: Query): Query {
  return (window) => `${total(window)} - ${orZero(good)(window)}`;
}

function latencyQueries(
  { histogram, threshold, form }: { histogram: Selector; threshold: string; form: 'Classic' | 'Native' },
  rate: (selector: Selector) => Query,
): RatioQueries {
  const seconds = (parseDuration(threshold) ?? 0) / 1000;
  const { metric, matchers } = histogram;
  if (form === 'Native') {
    const all = rate(histogram);
    const total = (window: string) => `histogram_count(${all(window)})`;
    const fast = (window: string) => `histogram_fraction(0, ${seconds}, ${all(window)}) * ${total(window)}`;
    return { bad: (window) => `${total(window)} - ${fast(window)}`, total };
  }
  const total = rate({ metric: `${metric}_count`, matchers });
  // Prometheus 3 writes a whole bound as 1.0, earlier ones as 1.
  const le = Number.isInteger(seconds)
    ? ({ label: 'le', op: '=~', value: `${seconds}|${seconds}\\.0` } as const)
    : ({ label: 'le', op: '=', value: String(seconds) } as const);
  return { bad: lessThan(total, rate({ metric: `${metric}_bucket`, matchers: [...matchers, le] })), total };
}

function selectorText({ metric, matchers }: Selector, namespace: string | undefined): string {
  const own = namespace === undefined ? [] : [{ label: 'namespace', op: '=' as const, value: namespace }];
  const all = [...own, ...matchers].map(({ label, op, value }) => `${label}${op}${quoteLabel(value)}`);
  return all.length === 0 ? metric : `${metric}{${all.join(',')}}`;
}
