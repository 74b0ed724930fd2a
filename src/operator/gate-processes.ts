import type { ProcessName } from '#gates/evidence.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import type { Grid } from './gate-asks.ts';

/** When each process was scraped. */
export function scrapeTimes(scraped: Grid, at: Millis): Map<string, Millis> {
  return new Map((scraped.get(at) ?? []).map(({ labels, value }) => [processOf(labels), value * 1000]));
}

/** The process behind a series; undefined where its scrape is not known: a count of unknown age is no evidence. */
export function nameOf(labels: Labels, times: ReadonlyMap<string, Millis>): ProcessName | undefined {
  const process = processOf(labels);
  const scrapedAt = times.get(process);
  if (scrapedAt === undefined || !Number.isFinite(scrapedAt)) return undefined;
  const { pod = '', container = '' } = labels;
  return { process, pod, container, scrapedAt: Math.round(scrapedAt) };
}

function processOf({ namespace = '', pod = '', container = '', instance = '' }: Labels): string {
  return `${namespace}/${pod}/${container}/${instance}`;
}
