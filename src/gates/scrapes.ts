import { DISCOVERY_SCRAPES, STALE_SCRAPES } from './bounds.ts';
import type { PodInfo, ProcessSample, Scrapes, Sight } from './evidence.ts';

/** Who has shown something new since the look before, and who should have. `fresh` holds the pods that did. */
export function whoWasScraped(
  sight: Sight,
  shown: ReadonlyMap<string, ProcessSample>,
): Scrapes & { fresh: Set<string> } {
  const targets = new Map(sight.tick.targets.map((target) => [target.pod, target]));
  const fresh = freshPods(sight, shown);
  const unscraped = sight.pods.filter((pod) => pod.available && !fresh.has(pod.pod) && !isNew(sight, pod)).map(nameOf);
  const doubled = sight.pods
    .filter(({ pod, available }) => available && (targets.get(pod)?.count ?? 0) > 1)
    .map(nameOf);
  const seen = { canary: 0, stable: 0 };
  for (const { pod, arm } of sight.pods) seen[arm] += fresh.has(pod) ? 1 : 0;
  return {
    fresh,
    unscraped: unscraped.sort(),
    overdue: unscraped.filter((pod) => isOverdue(sight, pod)),
    untargeted: unscraped.filter((pod) => (targets.get(pod)?.count ?? 0) === 0),
    doubled: doubled.sort(),
    seen,
  };
}

function freshPods({ before, tick, pods }: Sight, shown: ReadonlyMap<string, ProcessSample>): Set<string> {
  const fresh = new Set<string>();
  for (const [process, { pod, scrapedAt }] of shown) {
    if (scrapedAt > (before?.bases.get(process)?.scrapedAt ?? Number.NEGATIVE_INFINITY)) fresh.add(pod);
  }
  // A pod that has not served a request yet may have no series: then its target alone says that it was scraped.
  const told = new Set(tick.samples.map(nameOf));
  const up = new Set(tick.targets.filter((target) => target.up > 0).map(nameOf));
  for (const { pod } of pods) if (up.has(pod) && !told.has(pod)) fresh.add(pod);
  return fresh;
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
