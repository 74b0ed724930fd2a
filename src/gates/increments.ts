import type { Millis } from '#lib/units.ts';
import { START_SLACK_MS } from './bounds.ts';
import type { Base, Look, PodInfo, ProcessSample } from './samples.ts';

/** One process now, and what may be known of it from before. */
export interface ProcessView {
  before: Look | undefined;
  process: string;
  sample: ProcessSample;
  pod: PodInfo;
  /** All processes of the tick. */
  shown: ReadonlyMap<string, ProcessSample>;
}

export interface Increment {
  base: Base;
  /** Growth of each counter; undefined where nothing is counted. */
  grown: readonly number[] | undefined;
  /** False when nothing is counted because it cannot be told what was: that is no silence. */
  known: boolean;
}

/**
 * What one process counted since its base, and its new base; undefined leaves both for the next tick.
 *
 * | what is seen                                            | what is counted                                     |
 * | first sight, and it began after our first look          | all that it shows                                   |
 * | first sight of an older process                         | nothing: when it counted that is not known          |
 * | the same start, grown                                   | the growth                                          |
 * | the same start, fallen                                  | nothing: the tick of this process cannot be read    |
 * | another start, fallen                                   | all that it shows: a new life                       |
 * | another start, scraped before it                        | the growth: still the old life                      |
 * | another start, scraped well after it                    | all that it shows: a new life that has grown past   |
 * | another start, scraped within the slack of clocks       | later: a new life and the old one look the same     |
 */
export function difference(view: ProcessView): Increment | undefined {
  const { before, process, sample, pod } = view;
  const base = before?.bases.get(process);
  const start = startOf(pod, sample.container);
  const { values, container, scrapedAt } = sample;
  const now: Base = { pod: sample.pod, container, values, scrapedAt, life: start ?? base?.life };
  if (base === undefined) return before !== undefined && isBirth(before, view) ? counted(now, values) : unknown(now);
  const grown = values.map((value, index) => value - (base.values[index] ?? 0));
  const fell = grown.some(isNegative);
  if (start === undefined || !startedAgain(base, start)) return fell ? unknown(now) : counted(now, grown);
  if (fell) return counted(now, values);
  if (scrapedAt <= start) return counted({ ...now, life: base.life }, grown);
  return scrapedAt < start + START_SLACK_MS ? undefined : counted(now, values);
}

function counted(base: Base, grown: readonly number[]): Increment {
  return { base, grown, known: true };
}

function unknown(base: Base): Increment {
  return { base, grown: undefined, known: false };
}

function isNegative(value: number): boolean {
  return value < 0;
}

function startedAgain({ life, scrapedAt }: Base, start: Millis): boolean {
  return life === undefined ? start > scrapedAt : start !== life;
}

/** True when everything that a process shows for the first time was counted since our first look. */
function isBirth(before: Look, { sample, pod, shown }: ProcessView): boolean {
  // Another name for the same process (its target was relabelled) would count its whole life again.
  for (const [name, base] of before.bases) {
    if (base.pod === sample.pod && base.container === sample.container && !shown.has(name)) return false;
  }
  const oldest = startOf(pod, sample.container) ?? Math.min(...pod.containers.map(({ startedAt }) => startedAt));
  return before.scraped.has(sample.pod) || (Number.isFinite(oldest) && oldest > before.since);
}

/** Start of the container that a sample comes from; undefined when it does not run, or the sample does not say which. */
export function startOf({ containers }: PodInfo, container: string): Millis | undefined {
  const [only, ...more] = containers;
  if (container === '') return more.length === 0 ? only?.startedAt : undefined;
  return containers.find(({ name }) => name === container)?.startedAt;
}
