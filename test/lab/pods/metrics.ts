import { type Family, protobufOf, type Sample, textOf } from './exposition.ts';

/** A pod's own metrics, counted as client libraries do. */

/** Upper bounds in seconds: the default buckets of the Prometheus client libraries. */
export const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Buckets of the native histogram grow by 2^(1/8), 9 %. */
const SCHEMA = 3;

/** The largest time series that one counter keeps: methods are few, codes fewer. */
const MAX_SERIES = 200;

export interface PodMetrics {
  /** One finished application request of a user. */
  countRequest(request: Counted): void;
  /** One finished synthetic request, kept apart from the users'. */
  countProbe(request: Counted): void;
  /** The text format. `dark` leaves everything about requests out. */
  text(options: { dark: boolean }): string;
  /** The protobuf format, with the native histogram. */
  protobuf(options: { dark: boolean }): Buffer;
}

export interface Counted {
  method: string;
  code: number;
  seconds: number;
  /** What the user bought with it; nothing most of the time. */
  order?: number;
}

/** `startedAt` is Unix time in milliseconds: a restarted process shows a later one and counts from 0. */
export function createPodMetrics({ startedAt }: { startedAt: number }): PodMetrics {
  const requests = counter('http_requests_total', 'Application requests answered.');
  const probes = counter('http_probe_requests_total', 'Synthetic requests answered, not part of http_requests_total.');
  const orders = counter('shop_orders_total', 'Orders that application requests ended in.');
  const revenue = counter('shop_revenue_total', 'What those orders were worth.');
  const durations = histogram('http_request_duration_seconds', 'Time to answer application requests.');
  const conventional = histogram('http_server_request_duration_seconds', 'The same, by the names of OpenTelemetry.');
  const native = nativeHistogram('http_request_duration_native_seconds', 'The same as a native histogram.');
  observe(durations, {}, undefined);
  const families = ({ dark }: { dark: boolean }): Family[] => [
    {
      name: 'process_start_time_seconds',
      help: 'Start time of the process since the Unix epoch.',
      type: 'gauge',
      samples: [{ labels: {}, value: startedAt / 1000 }],
    },
    ...(dark ? [] : [requests, durations, conventional, native, orders, revenue, probes].map((one) => one.family())),
  ];
  return {
    countRequest({ method, code, seconds, order }) {
      requests.add(labelsOf(method, code));
      observe(durations, {}, seconds);
      observe(conventional, { http_request_method: method, http_response_status_code: String(code) }, seconds);
      native.observe(seconds);
      if (order === undefined) return;
      orders.add({});
      revenue.add({}, order);
    },
    countProbe: ({ method, code }) => probes.add(labelsOf(method, code)),
    text: (options) => textOf(families(options)),
    protobuf: (options) => protobufOf(families(options)),
  };
}

type Labels = Record<string, string>;

function labelsOf(method: string, code: number): Labels {
  return { code: String(code), method: method.toLowerCase().replace(/[^a-z]/g, '_') };
}

/** A counter whose series are born at their first count, never before. */
function counter(name: string, help: string) {
  const series = new Map<string, Sample & { value: number }>();
  return {
    add(labels: Labels, amount = 1): void {
      const known = seriesOf(series, labels, () => ({ labels, value: 0 }));
      if (known !== undefined) known.value += amount;
    },
    family: (): Family => ({ name, help, type: 'counter', samples: [...series.values()] }),
  };
}

/** Requests by slot, the last of which is beyond all bounds. */
interface Slots {
  labels: Labels;
  slots: number[];
  sum: number;
}

interface Histogram {
  series: Map<string, Slots>;
  family(): Family;
}

const bounds = [...buckets, Number.POSITIVE_INFINITY];

function histogram(name: string, help: string): Histogram {
  const series = new Map<string, Slots>();
  const sampleOf = ({ labels, slots, sum }: Slots): Sample => {
    let all = 0;
    const counts = slots.map((count) => (all += count));
    return { labels, buckets: { bounds, counts, sum } };
  };
  return { series, family: () => ({ name, help, type: 'histogram', samples: [...series.values()].map(sampleOf) }) };
}

/** Without seconds it only lets the series be there, as client libraries have it for one without labels. */
function observe({ series }: Histogram, labels: Labels, seconds: number | undefined): void {
  const known = seriesOf(series, labels, () => ({ labels, slots: bounds.map(() => 0), sum: 0 }));
  if (known === undefined || seconds === undefined) return;
  const slot = bounds.findIndex((bound) => seconds <= bound);
  known.slots[slot] = (known.slots[slot] ?? 0) + 1;
  known.sum += seconds;
}

function seriesOf<T>(series: Map<string, T>, labels: Labels, begin: () => T): T | undefined {
  const key = Object.values(labels).join('\n');
  const known = series.get(key);
  if (known !== undefined || series.size >= MAX_SERIES) return known;
  const fresh = begin();
  series.set(key, fresh);
  return fresh;
}

function nativeHistogram(name: string, help: string) {
  const counts = new Map<number, number>();
  let sum = 0;
  return {
    /** Bucket i holds what is above 2^((i−1)/8) and at most 2^(i/8). */
    observe(seconds: number): void {
      const index = Math.ceil(Math.log2(Math.max(1e-6, seconds)) * 2 ** SCHEMA);
      counts.set(index, (counts.get(index) ?? 0) + 1);
      sum += seconds;
    },
    family: (): Family => ({
      name,
      help,
      type: 'histogram',
      samples: [{ labels: {}, native: { schema: SCHEMA, counts, sum } }],
    }),
  };
}
