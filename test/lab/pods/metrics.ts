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
  const counts = buckets.map(() => 0);
  const duration = { sum: 0, count: 0 };
  return {
    countRequest(request) {
      add(requests, request);
      duration.sum += request.seconds;
      duration.count += 1;
      const slot = buckets.findIndex((bound) => request.seconds <= bound);
      if (slot >= 0) counts[slot] = (counts[slot] ?? 0) + 1;
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
        : [...counterLines(requests), ...histogramLines(counts, duration), ...counterLines(probes)];
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

function histogramLines(counts: number[], { sum, count }: { sum: number; count: number }): string[] {
  const name = 'http_request_duration_seconds';
  let cumulative = 0;
  const rows = buckets.map((bound, slot) => {
    cumulative += counts[slot] ?? 0;
    return `${name}_bucket{le="${bound}"} ${cumulative}`;
  });
  return [
    `# HELP ${name} Time to answer application requests.`,
    `# TYPE ${name} histogram`,
    ...rows,
    `${name}_bucket{le="+Inf"} ${count}`,
    `${name}_sum ${sum}`,
    `${name}_count ${count}`,
  ];
}
