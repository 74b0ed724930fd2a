import type { ProcessName } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels } from '#ports/metric-source.ts';
import type { Grid } from './gate-asks.ts';

/** When each process was scraped. */
export const scrapeTimes = onceForAll((scraped, at): ReadonlyMap<string, Millis> => {
  return new Map((scraped.get(at) ?? []).map(({ labels, value }) => [processOf(labels), value * 1000]));
});

/** Gates that ask the same are given the same grid: what it says at an instant is worked out once, and not changed. */
export function onceForAll<T, More extends unknown[]>(
  workOut: (grid: Grid, at: Millis, ...more: More) => T,
): (grid: Grid, at: Millis, ...more: More) => T {
  const known = new WeakMap<Grid, Map<Millis, T>>();
  return (grid, at, ...more) => {
    const ofGrid = known.get(grid) ?? new Map<Millis, T>();
    known.set(grid, ofGrid);
    const before = ofGrid.get(at);
    if (before !== undefined) return before;
    const fresh = workOut(grid, at, ...more);
    ofGrid.set(at, fresh);
    return fresh;
  };
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
