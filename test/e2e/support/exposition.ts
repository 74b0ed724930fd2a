import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Recorded exposition text, served as a gateway serves it, with counters that move on when a test says so. */

/** All counters and histograms of a text, times a number: what a process that counts on shows later. */
export function timesCounters(text: string, factor: number): string {
  const counters = new Set<string>();
  const lines = text.split('\n').map((line) => {
    const [, name, type] = /^# TYPE (\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined && (type === 'counter' || type === 'histogram')) counters.add(name);
    const [, series, metric = '', value] = /^(([a-zA-Z_:][\w:]*)(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (series === undefined || !isCounter(metric, counters)) return line;
    return `${series} ${Number(value) * factor}`;
  });
  return lines.join('\n');
}

/** OpenMetrics names a counter without `_total`; the classic text gives the series' own name. */
function isCounter(metric: string, counters: ReadonlySet<string>): boolean {
  const family = metric.replace(/_(?:bucket|count|sum|total)$/, '');
  return counters.has(metric) || counters.has(family);
}

export interface Exposition {
  port: number;
  /** From the next scrape on, every text is served with its counters times this. */
  factor: number;
  /** Scrapes of each path that were answered with the present factor. */
  scrapes(path: string): number;
  close(): Promise<void>;
}

/** Serves each text at its path, on loopback. */
export async function serveExposition(texts: Readonly<Record<string, string>>): Promise<Exposition> {
  let factor = 1;
  let counted = new Map<string, number>();
  const server: Server = createServer(({ url = '' }, response) => {
    const text = texts[url];
    response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(text === undefined ? '' : timesCounters(text, factor));
    counted.set(url, (counted.get(url) ?? 0) + 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get factor() {
      return factor;
    },
    set factor(next) {
      factor = next;
      counted = new Map();
    },
    scrapes: (path) => counted.get(path) ?? 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
