import type { Matcher, Selector } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import type { Labels, NativeHistogram } from '#ports/metric-source.ts';
import type { Scope } from './promql.ts';

/** Instants of the tick grid, both ends included. */
export interface Span {
  from: Millis;
  to: Millis;
  stepMs: Millis;
}

/** The value of one series at one instant. */
export interface Point {
  labels: Labels;
  value: number;
  /** Given for a series of native histograms; `value` is then its count. */
  histogram?: NativeHistogram;
}

/** What a query says at each instant of a span; an instant without any series has no entry. */
export type Grid = ReadonlyMap<Millis, Point[]>;

/** Whose series are asked for. */
export type Within =
  | { by: 'Pod'; scope: Scope }
  /**
   * Series of a gateway whose label matches `value`, and not `except`, as a whole (RE2). The answer is one number per
   * process: what it counted under all such values.
   */
  | { by: 'Label'; label: string; value: string; except?: string }
  /** Everybody's, e.g. when the gateway's own processes were scraped. */
  | { by: 'Nothing' };

/** What one gate wants to know, in a form that can be joined with what others want. */
export interface Question {
  /**
   * - Counts: the counter of each process, `sum by (process) (metric)`
   * - ScrapeTimes: when each process was scraped last, in seconds
   * - Targets: `up`, one series per scrape target; of the selector only what it says about targets counts
   * - TargetTimes: when each target was scraped last, in seconds
   */
  what: 'Counts' | 'ScrapeTimes' | 'Targets' | 'TargetTimes';
  selector: Selector;
  /** A label that stays beside the process, e.g. `le`. For Counts. */
  keep?: string;
  within: Within;
}

/** A question, and the instants at which it is asked. */
export interface Ask extends Question {
  span: Span;
}

/** PromQL that a person wrote: it cannot be joined with anything. */
export interface FreeQuestion {
  promql: string;
  /** Whose turn it takes: the side lane is shared fairly among namespaces. */
  namespace: string;
}

/** Counters are only ever summed within one process; every label that tells processes apart stays. */
const PROCESS = ['namespace', 'pod', 'container', 'instance'];

/** Labels that Prometheus gives to a target as a whole, so that `up` and every sample of a scrape carry them. */
const TARGET_LABELS = ['job', 'instance', 'container', 'endpoint', 'service'];

/** Names a process, or one target's part of it, in an answer. */
export function processOf({ namespace = '', pod = '', container = '', instance = '' }: Labels): string {
  return `${namespace}/${pod}/${container}/${instance}`;
}

/**
 * The selector as the source is to see it, without who is asked for. All samples of a process come from one scrape, so
 * its time is asked once per metric, whatever the matchers of total, bad and buckets are.
 */
export function commonSelector({ what, selector, within }: Question): Selector {
  const matchers = sorted(selector.matchers);
  // Processes of a gateway that never served these requests are no part of the question.
  if (what === 'Counts' || within.by === 'Label') return { metric: selector.metric, matchers };
  const ofTarget = matchers.filter(({ label }) => TARGET_LABELS.includes(label));
  return { metric: what === 'ScrapeTimes' ? selector.metric : 'up', matchers: ofTarget };
}

/** Matchers are a set: gates that wrote them in another order ask for the same. */
function sorted(matchers: readonly Matcher[]): Matcher[] {
  if (matchers.length < 2) return [...matchers];
  const keys = new Map(matchers.map((matcher) => [matcher, `${matcher.label}\0${matcher.op}\0${matcher.value}`]));
  return [...matchers].sort((a, b) => ((keys.get(a) ?? '') < (keys.get(b) ?? '') ? -1 : 1));
}

/** PromQL around a selector's text. `window` is a length of time such as `5m`, for sources that need one there. */
export function questionText(
  { what, keep, within }: Question,
  { selector, window }: { selector: string; window: string | undefined },
): string {
  const sample = window === undefined ? selector : `${selector}[${window}]`;
  const apart = [...PROCESS, ...(keep === undefined ? [] : [keep]), ...(within.by === 'Label' ? [within.label] : [])];
  switch (what) {
    case 'Counts':
      return `sum by (${apart.join(', ')}) (${selector})`;
    case 'ScrapeTimes':
      return `max by (${apart.join(', ')}) (timestamp(${sample}))`;
    case 'Targets':
      return selector;
    case 'TargetTimes':
      return `timestamp(${sample})`;
  }
}
