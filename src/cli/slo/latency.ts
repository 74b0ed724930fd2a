import type { Matcher, Selector } from '#core/gate.ts';
import { thresholdText } from './figures.ts';

/** A histogram whose events up to a threshold are good. */
export interface Latency {
  histogram: Selector;
  threshold: string;
}

/** Histograms that say by their name that they do not count seconds; our thresholds are seconds. */
const OTHER_UNIT = /_(milliseconds|ms|microseconds|us|nanoseconds|ns|minutes|bytes)$/;

/** The latency that good events out of all events are, when they are a bucket of one histogram and its count. */
export function latencyOf(good: Selector, total: Selector): Latency | undefined {
  const base = /^(.+)_bucket$/.exec(good.metric)?.[1];
  if (base === undefined || OTHER_UNIT.test(base) || !isWhole(total, base)) return undefined;
  const bound = boundOf(good);
  const threshold = bound === undefined ? undefined : thresholdText(bound);
  const matchers = withoutBound(good);
  if (threshold === undefined || !sameMatchers(matchers, withoutBound(total))) return undefined;
  return { histogram: { metric: base, matchers }, threshold };
}

/** All events of a histogram: its `_count`, or its last bucket. */
function isWhole(total: Selector, base: string): boolean {
  if (total.metric === `${base}_count`) return total.matchers.every(({ label }) => label !== 'le');
  return total.metric === `${base}_bucket` && boundOf(total) === Number.POSITIVE_INFINITY;
}

/** The one bucket bound that a selector names, however it writes it: `le="1"`, `le=~"1|1.0"`. */
export function boundOf({ matchers }: Selector): number | undefined {
  const named = matchers.filter(({ label }) => label === 'le');
  const [only] = named;
  if (only === undefined || named.length > 1 || (only.op !== '=' && only.op !== '=~')) return undefined;
  const texts = only.op === '=' ? [only.value] : only.value.replaceAll('\\', '').split('|');
  const bounds = new Set(texts.map((text) => (text === '+Inf' ? Number.POSITIVE_INFINITY : plainNumber(text))));
  const [bound] = bounds;
  return bounds.size === 1 && bound !== undefined && !Number.isNaN(bound) ? bound : undefined;
}

function plainNumber(text: string): number {
  return /^\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function withoutBound({ matchers }: Selector): Matcher[] {
  return matchers.filter(({ label }) => label !== 'le');
}

/** Do both select the same series, in whatever order they say it? */
export function sameSelector(one: Selector, other: Selector): boolean {
  return one.metric === other.metric && sameMatchers(one.matchers, other.matchers);
}

function sameMatchers(one: readonly Matcher[], other: readonly Matcher[]): boolean {
  const key = (matchers: readonly Matcher[]) =>
    [...new Set(matchers.map(({ label, op, value }) => `${label}\n${op}\n${value}`))].sort().join('\n\n');
  return key(one) === key(other);
}

/** Prometheus 3 writes the bound 1 as `1.0`, earlier ones as `1`: a selector of a whole bound takes both. */
export function withBothBounds({ metric, matchers }: Selector): Selector {
  return {
    metric,
    matchers: matchers.map((matcher) => {
      const { label, op, value } = matcher;
      if (label !== 'le' || op !== '=' || !/^\d+(\.0)?$/.test(value)) return matcher;
      const whole = value.replace('.0', '');
      return { label, op: '=~' as const, value: `${whole}|${whole}\\.0` };
    }),
  };
}
