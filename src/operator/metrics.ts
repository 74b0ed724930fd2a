import type { Telemetry } from '#ports/telemetry.ts';
import { METRICS, type Metric } from './metric-registry.ts';

type Labels = Readonly<Record<string, string>>;

/** Sets gauges that live for one scrape only. */
export type FillGauges = (gauge: Telemetry['gauge']) => void;

/** Counts in memory, and prints what Prometheus scrapes. */
export interface MetricStore extends Telemetry {
  /** The text exposition format 0.0.4. */
  render(): string;
  /**
   * Calls `fill` at each scrape. What it sets is forgotten after it, so that gauges of things that come and go, as
   * Rollouts do, need no removal.
   */
  collect(fill: FillGauges): void;
}

/** Series that one metric may have. A label with unbounded values must not take the process down. */
export const SERIES_MAX = 10_000;

export function createTelemetry(metrics: readonly Metric[] = METRICS): MetricStore {
  const kept = createFamilies(metrics);
  const fills: FillGauges[] = [];
  const drop = (reason: string) => {
    const family = kept.get('headgate_telemetry_dropped_total');
    if (family !== undefined) add(family, { reason }, 1);
  };
  const put = (
    families: Families,
    name: string,
    type: Metric['type'],
    then: (family: Family) => boolean | undefined,
  ) => {
    const family = families.get(name);
    if (family === undefined || family.metric.type !== type) drop('unknown');
    else if (then(family) === false) drop('series');
  };
  return {
    count: (name, labels = {}, by = 1) => put(kept, name, 'counter', (family) => add(family, labels, by)),
    gauge: (name, value, labels = {}) => put(kept, name, 'gauge', (family) => set(family, labels, value)),
    observe: (name, value, labels = {}) => put(kept, name, 'histogram', (family) => observe(family, labels, value)),
    collect: (fill) => fills.push(fill),
    render() {
      const brief = createFamilies(metrics.filter(({ type }) => type === 'gauge'));
      for (const fill of fills)
        fill((name, value, labels = {}) => put(brief, name, 'gauge', (family) => set(family, labels, value)));
      return metrics.map((metric) => print(metric, [kept.get(metric.name), brief.get(metric.name)])).join('');
    },
  };
}

interface Family {
  metric: Metric;
  series: Map<string, Series>;
}

interface Series {
  value: number;
  /** Of a histogram: observations at or below each bound, not yet added up. */
  counts: number[];
  sum: number;
}

type Families = ReadonlyMap<string, Family>;

function createFamilies(metrics: readonly Metric[]): Families {
  return new Map(metrics.map((metric) => [metric.name, { metric, series: new Map() }]));
}

function add(family: Family, labels: Labels, by: number): boolean {
  const series = seriesOf(family, labels);
  if (series === undefined || !(by >= 0)) return false;
  series.value += by;
  return true;
}

function set(family: Family, labels: Labels, value: number): boolean {
  const series = seriesOf(family, labels);
  if (series !== undefined) series.value = value;
  return series !== undefined;
}

function observe(family: Family, labels: Labels, value: number): boolean {
  const series = seriesOf(family, labels);
  if (series === undefined || Number.isNaN(value)) return false;
  const bounds = family.metric.buckets ?? [];
  const index = bounds.findIndex((bound) => value <= bound);
  const at = index === -1 ? bounds.length : index;
  series.counts[at] = (series.counts[at] ?? 0) + 1;
  series.sum += value;
  series.value += 1;
  return true;
}

/** The series of these labels; undefined when a label is unknown or the metric has all the series that it may have. */
function seriesOf({ metric, series }: Family, labels: Labels): Series | undefined {
  if (Object.keys(labels).some((label) => !metric.labels.includes(label))) return undefined;
  const key = metric.labels.map((label) => `${label}="${escapeLabel(labels[label] ?? '')}"`).join(',');
  const known = series.get(key);
  if (known !== undefined || series.size >= SERIES_MAX) return known;
  const fresh = { value: 0, counts: [], sum: 0 };
  series.set(key, fresh);
  return fresh;
}

function print(metric: Metric, families: readonly (Family | undefined)[]): string {
  const lines = families
    .flatMap((family) => [...(family?.series ?? [])])
    .flatMap(([key, series]) => linesOf(metric, key, series));
  if (lines.length === 0) return '';
  const help = metric.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
  return `# HELP ${metric.name} ${help}\n# TYPE ${metric.name} ${metric.type}\n${lines.join('\n')}\n`;
}

function linesOf({ name, type, buckets = [] }: Metric, key: string, { value, counts, sum }: Series): string[] {
  const braces = key === '' ? '' : `{${key}}`;
  if (type !== 'histogram') return [`${name}${braces} ${printNumber(value)}`];
  const before = key === '' ? '' : `${key},`;
  let below = 0;
  const lines = [...buckets.map(String), '+Inf'].map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${before}le="${bound}"} ${below}`;
  });
  return [...lines, `${name}_sum${braces} ${printNumber(sum)}`, `${name}_count${braces} ${value}`];
}

function printNumber(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
