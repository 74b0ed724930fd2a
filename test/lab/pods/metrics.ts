/** A pod's own metrics in the Prometheus text format, written as client libraries do. */

/** Upper bounds in seconds: the default buckets of the Prometheus client libraries. */
export const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The largest time series that one counter keeps: methods are few, codes fewer. */
const MAX_SERIES = 200;

/** A counter by `code` and `method`. A series is born at its first count, never before. */
interface CodeCounter {
  name: string;
  help: string;
  series: Map<string, number>;
}

export interface PodMetrics {
  /** One finished application request of a user. */
  countRequest(request: Counted): void;
  /** One finished synthetic request, kept apart from the users'. */
  countProbe(request: Counted): void;
  /** The text format 0.0.4. `dark` leaves everything about requests out. */
  text(options: { dark: boolean }): string;
}

export interface Counted {
  method: string;
  code: number;
  seconds: number;
}

/** `startedAt` is Unix time in milliseconds: a restarted process shows a later one and counts from 0. */
export function createPodMetrics({ startedAt }: { startedAt: number }): PodMetrics {
  const requests = counter('http_requests_total', 'Application requests answered.');
  const probes = counter('http_probe_requests_total', 'Synthetic requests answered, not part of http_requests_total.');
  const durations = histogram('http_request_duration_seconds', 'Time to answer application requests.', 'Bare');
  const help = 'The same, by the names of OpenTelemetry.';
  const conventional = histogram('http_server_request_duration_seconds', help, 'Labelled');
  return {
    countRequest(request) {
      add(requests, request);
      observe(durations, '', request.seconds);
      const { method, code } = request;
      observe(conventional, `http_request_method="${method}",http_response_status_code="${code}"`, request.seconds);
    },
    countProbe: (request) => add(probes, request),
    text({ dark }) {
      const start = [
        '# HELP process_start_time_seconds Start time of the process since the Unix epoch.',
        '# TYPE process_start_time_seconds gauge',
        `process_start_time_seconds ${startedAt / 1000}`,
      ];
      const rest = dark
        ? []
        : [
            ...counterLines(requests),
            ...histogramLines(durations),
            ...histogramLines(conventional),
            ...counterLines(probes),
          ];
      return `${[...start, ...rest].join('\n')}\n`;
    },
  };
}

function counter(name: string, help: string): CodeCounter {
  return { name, help, series: new Map() };
}

function add({ series }: CodeCounter, { method, code }: Counted): void {
  const labels = `code="${code}",method="${method.toLowerCase().replace(/[^a-z]/g, '_')}"`;
  if (!series.has(labels) && series.size >= MAX_SERIES) return;
  series.set(labels, (series.get(labels) ?? 0) + 1);
}

function counterLines({ name, help, series }: CodeCounter): string[] {
  if (series.size === 0) return [];
  const samples = [...series].map(([labels, value]) => `${name}{${labels}} ${value}`);
  return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...samples];
}

/** Requests by slot, the last of which is beyond all bounds. */
interface Histogram {
  name: string;
  help: string;
  series: Map<string, { slots: number[]; sum: number }>;
}

/** A histogram without labels is there from the start, as client libraries have it. */
function histogram(name: string, help: string, labels: 'Bare' | 'Labelled'): Histogram {
  return { name, help, series: labels === 'Bare' ? new Map([['', emptySeries()]]) : new Map() };
}

function observe({ series }: Histogram, labels: string, seconds: number): void {
  const known = series.get(labels) ?? emptySeries();
  const slot = buckets.findIndex((bound) => seconds <= bound);
  const last = slot < 0 ? buckets.length : slot;
  known.slots[last] = (known.slots[last] ?? 0) + 1;
  known.sum += seconds;
  if (series.has(labels) || series.size < MAX_SERIES) series.set(labels, known);
}

function emptySeries(): { slots: number[]; sum: number } {
  return { slots: [...buckets, Number.POSITIVE_INFINITY].map(() => 0), sum: 0 };
}

function histogramLines({ name, help, series }: Histogram): string[] {
  if (series.size === 0) return [];
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const [labels, { slots, sum }] of series) {
    const inner = labels === '' ? '' : `${labels},`;
    let cumulative = 0;
    for (const [slot, count] of slots.entries()) {
      cumulative += count;
      lines.push(`${name}_bucket{${inner}le="${buckets[slot] ?? '+Inf'}"} ${cumulative}`);
    }
    const outer = labels === '' ? '' : `{${labels}}`;
    lines.push(`${name}_sum${outer} ${sum}`, `${name}_count${outer} ${cumulative}`);
  }
  return lines;
}
