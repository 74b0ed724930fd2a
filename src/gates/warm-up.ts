import type { Millis } from '#lib/units.ts';
import { STALE_SCRAPES, START_SLACK_MS } from './bounds.ts';
import { type Increment, type ProcessView, startOf } from './increments.ts';
import type { PodInfo, ProcessSample } from './samples.ts';

type Shown = ReadonlyMap<string, ProcessSample>;
type Known = ReadonlyMap<string, PodInfo>;

/**
 * Warm-up: caches are cold and code is not compiled yet while a process is young, whatever its revision. What it counts
 * in that time is evidence of its age, so it is left out of both arms; a restart begins it anew.
 *
 * The base of a process moves along meanwhile, so that no tick holds half of it: what is counted begins at the first
 * scrape after the warm-up, and from there on nothing is lost.
 */

/** Pods of the canary, in order of name, whose warm-up is not over by what they show. */
export function youngCanaries(shown: Shown, known: Known, warmUpMs: Millis): string[] {
  if (warmUpMs <= 0) return [];
  const young = new Set<string>();
  for (const { pod: name, container, scrapedAt } of shown.values()) {
    const pod = known.get(name);
    if (pod?.arm !== 'canary') continue;
    if (scrapedAt < endOf(lifeOf(startOf(pod, container), pod), warmUpMs)) young.add(name);
  }
  return [...young].sort();
}

/** The increment without what was counted in the warm-up, or in a time that reaches into it. */
export function afterWarmUp(
  step: Increment | undefined,
  { before, process, pod }: ProcessView,
  { warmUpMs, scrapeMs }: { warmUpMs: Millis; scrapeMs: Millis },
): Increment | undefined {
  // Nothing finished is no request of the warm-up: a canary that hangs is silent from its first second on.
  if (warmUpMs <= 0 || step?.grown?.some((value) => value > 0) !== true) return step;
  const { base } = step;
  const silentAt = before?.silent?.get(pod.pod) ?? Number.NEGATIVE_INFINITY;
  // The scrape by which a silent pod showed nothing may be that much older than the look.
  const since = before?.bases.get(process)?.scrapedAt ?? Number.NEGATIVE_INFINITY;
  const from = Math.max(since, silentAt - STALE_SCRAPES * scrapeMs);
  return from >= endOf(lifeOf(base.life, pod), warmUpMs) ? step : { base, grown: undefined, known: false };
}

/** Pods that have shown nothing so far, or nothing since they started again: what they show next, they counted since. */
export function silentSince(
  before: ReadonlyMap<string, Millis>,
  { silent, at, shown, known }: { silent: readonly string[]; at: Millis; shown: Shown; known: Known },
): ReadonlyMap<string, Millis> {
  if (silent.length === 0 && before.size === 0) return before;
  const showing = new Set([...shown.values()].map(({ pod }) => pod));
  const kept = [...before].filter(([pod]) => known.has(pod) && !showing.has(pod));
  return new Map([...kept, ...silent.map((pod) => [pod, at] as const)]);
}

function endOf(start: Millis, warmUpMs: Millis): Millis {
  return start + warmUpMs + START_SLACK_MS;
}

/** Series that do not say which of several containers they are of may be of the youngest one. */
function lifeOf(start: Millis | undefined, { containers }: PodInfo): Millis {
  return start ?? Math.max(...containers.map(({ startedAt }) => startedAt));
}
