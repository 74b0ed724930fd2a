import { DISCOVERY_SCRAPES, STALE_SCRAPES } from './bounds.ts';
import type { PodInfo, ProcessSample, Scrapes, Sight } from './samples.ts';

/**
 * Who has shown something new since the look before, and who should have. `fresh` holds the pods that did. Nearly always
 * all did, once each: what is needed for the others alone is made for the others alone. Of those some are `silent`: scraped,
 * and without a series.
 */
export function whoWasScraped(
  sight: Sight,
  shown: ReadonlyMap<string, ProcessSample>,
): Scrapes & { fresh: Set<string>; silent: string[] } {
  const { fresh, silent } = freshPods(sight, shown);
  const seen = { canary: 0, stable: 0 };
  const unscraped: string[] = [];
  for (const pod of sight.pods) {
    if (fresh.has(pod.pod)) seen[pod.arm] += 1;
    else if (pod.available && !isNew(sight, pod)) unscraped.push(pod.pod);
  }
  return { fresh, silent, seen, doubled: doubledPods(sight), ...whyUnscraped(sight, unscraped.sort()) };
}

function whyUnscraped(sight: Sight, unscraped: string[]): Pick<Scrapes, 'unscraped' | 'overdue' | 'untargeted'> {
  if (unscraped.length === 0) return { unscraped, overdue: [], untargeted: [] };
  const targeted = new Set(sight.tick.targets.filter(({ count }) => count > 0).map(nameOf));
  return {
    unscraped,
    overdue: unscraped.filter((pod) => isOverdue(sight, pod)),
    untargeted: unscraped.filter((pod) => !targeted.has(pod)),
  };
}

function doubledPods({ tick, pods }: Sight): string[] {
  if (!tick.targets.some(({ count }) => count > 1)) return [];
  const twice = tick.targets.filter(({ count }) => count > 1).map(nameOf);
  return pods.flatMap(({ pod, available }) => (available && twice.includes(pod) ? [pod] : [])).sort();
}

function freshPods(
  { before, tick, pods }: Sight,
  shown: ReadonlyMap<string, ProcessSample>,
): { fresh: Set<string>; silent: string[] } {
  const fresh = new Set<string>();
  for (const [process, { pod, scrapedAt }] of shown) {
    if (scrapedAt > (before?.bases.get(process)?.scrapedAt ?? Number.NEGATIVE_INFINITY)) fresh.add(pod);
  }
  if (fresh.size === pods.length) return { fresh, silent: [] };
  // A pod that has not served a request yet may have no series: then its target alone says that it was scraped.
  const told = new Set(tick.samples.map(nameOf));
  const up = new Set(tick.targets.filter((target) => target.up > 0).map(nameOf));
  const silent = pods.map(nameOf).filter((pod) => up.has(pod) && !told.has(pod));
  for (const pod of silent) fresh.add(pod);
  return { fresh, silent };
}

/** Its next scrape should have come long ago, or nothing is known of it at all. */
function isOverdue({ before, tick, scrapeMs }: Sight, pod: string): boolean {
  const times = [...(before?.bases.values() ?? [])]
    .filter((base) => base.pod === pod)
    .map(({ scrapedAt }) => scrapedAt);
  return Math.max(0, ...times) < tick.at - STALE_SCRAPES * scrapeMs;
}

/** Discovery takes its time: a new pod need not be scraped at once. What it counts meanwhile is counted later. */
function isNew({ before, tick, scrapeMs }: Sight, { pod, containers }: PodInfo): boolean {
  if (before?.scraped.has(pod) === true) return false;
  return (
    containers.length > 0 && containers.every(({ startedAt }) => startedAt > tick.at - DISCOVERY_SCRAPES * scrapeMs)
  );
}

function nameOf({ pod }: { pod: string }): string {
  return pod;
}
