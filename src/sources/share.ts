import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { InstantResult, Labels, NativeHistogram } from '#ports/metric-source.ts';
import { type Ask, type Grid, type Point, processOf, type Span } from './ask.ts';
import type { Part, Query } from './planner.ts';
import { type Matches, wholeMatcher } from './whole-match.ts';

/** What one part of a query was answered. */
export interface Portion {
  asks: readonly Ask[];
  grid: Grid;
  /** Series of the answer that are its own. */
  series: number;
}

/** Series that are given out without a turn for others. */
const AT_A_TIME = 2000;

/** Takes each part's series and instants out of the answer. What nobody asked for is left. */
export function share(query: Query, result: InstantResult): Portion[] {
  const steps = shareInSteps(query, result);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** The same, with a stop now and then: the answer for a thousand releases takes a tenth of a second and more. */
export function* shareInSteps(query: Query, result: InstantResult): Generator<void, Portion[]> {
  const takers = takersOf(query);
  let given = 0;
  for (const one of seriesOf(query.span, result)) {
    for (const taker of takers.of(one.labels)) taker.take(one);
    given += one.points.length;
    if (given < AT_A_TIME) continue;
    given = 0;
    yield;
  }
  return takers.all.map(({ portion }) => portion());
}

/** The whole answer, for a query that is nobody else's. */
export function shareAll(span: Span, result: InstantResult): { grid: Grid; series: number } {
  const grid = new Map<Millis, Point[]>();
  let series = 0;
  for (const { labels, points } of seriesOf(span, result)) {
    series += 1;
    for (const { at, value, histogram } of points) put(grid, at, pointOf(labels, value, histogram));
  }
  return { grid, series };
}

interface OneSeries {
  labels: Labels;
  points: { at: Millis; value: number; histogram?: NativeHistogram }[];
}

function* seriesOf(span: Span, result: InstantResult): Generator<OneSeries, void> {
  if (result.kind === 'matrix') {
    for (const { labels, points, histograms } of result.series) {
      const native = histograms.map(({ at, ...histogram }) => ({ at, value: histogram.count, histogram }));
      yield { labels, points: native.length === 0 ? points : [...points, ...native] };
    }
    return;
  }
  if (result.kind !== 'vector') {
    throw new OperatorError('SOURCE_ANSWER', `expected a vector of counters, got a ${result.kind}`);
  }
  // The instant that was asked for, whatever time the source writes beside the value.
  const at = span.from;
  for (const { labels, value } of result.samples) yield { labels, points: [{ at, value }] };
  for (const { labels, at: _, ...histogram } of result.histograms) {
    yield { labels, points: [{ at, value: histogram.count, histogram }] };
  }
}

function pointOf(labels: Labels, value: number, histogram: NativeHistogram | undefined): Point {
  return histogram === undefined ? { labels, value } : { labels, value, histogram };
}

/** Collects what belongs to one part. */
interface Taker {
  take(one: OneSeries): void;
  portion(): Portion;
}

function takerOf({ span, within, asks }: Part): Taker {
  const grid = new Map<Millis, Point[]>();
  const merge = asks[0]?.what === 'ScrapeTimes' ? latest : sum;
  const merged = within.by === 'Label' ? { label: within.label, merge, known: new Map<string, Point>() } : undefined;
  let series = 0;
  return {
    take({ labels, points }) {
      series += 1;
      for (const { at, value, histogram } of points) {
        if (at < span.from || at > span.to || (at - span.from) % span.stepMs !== 0) continue;
        const point = pointOf(labels, value, histogram);
        const fresh = merged === undefined ? point : mergeInto(merged, at, point);
        if (fresh !== undefined) put(grid, at, fresh);
      }
    },
    portion: () => ({ asks, grid, series }),
  };
}

interface Merged {
  label: string;
  merge(into: Point, more: Point): void;
  known: Map<string, Point>;
}

/** Several values of the arms' label are one number of the process; undefined when it has a point there already. */
function mergeInto({ label, merge, known }: Merged, at: Millis, point: Point): Point | undefined {
  const { [label]: _, ...labels } = point.labels;
  const key = `${at} ${processOf(labels)} ${labels['le'] ?? ''}`;
  const before = known.get(key);
  if (before !== undefined) {
    merge(before, point);
    return undefined;
  }
  const fresh: Point = { ...point, labels };
  known.set(key, fresh);
  return fresh;
}

function latest(into: Point, more: Point): void {
  into.value = Math.max(into.value, more.value);
}

function sum(into: Point, more: Point): void {
  into.value += more.value;
  if (into.histogram === undefined || more.histogram === undefined) return;
  const [a, b] = [into.histogram, more.histogram];
  const buckets = [...a.buckets, ...b.buckets].sort((one, other) => one.left - other.left || one.right - other.right);
  into.histogram = { count: a.count + b.count, sum: a.sum + b.sum, buckets };
}

function put(grid: Map<Millis, Point[]>, at: Millis, point: Point): void {
  const points = grid.get(at);
  if (points === undefined) grid.set(at, [point]);
  else points.push(point);
}

interface Takers {
  all: Taker[];
  /** Who takes a series with these labels. */
  of(labels: Labels): readonly Taker[];
}

function takersOf({ parts, lone }: Query): Takers {
  const all = parts.map((part) => ({ ...takerOf(part), within: part.within }));
  const [first] = parts;
  if (lone || first === undefined || first.within.by === 'Nothing') return { all, of: () => all };
  return { all, of: first.within.by === 'Pod' ? byPod(all) : byLabel(all) };
}

type Known = Taker & Pick<Part, 'within'>;

/** A pod `a-b-c` belongs to whoever asked for ReplicaSet `a` or `a-b` of its namespace, just as `a-.*` matches it. */
function byPod(all: readonly Known[]): Takers['of'] {
  const sets = new Map<string, Taker[]>();
  for (const taker of all) {
    if (taker.within.by !== 'Pod') continue;
    const { namespace, replicaSets } = taker.within.scope;
    for (const name of new Set(replicaSets)) push(sets, `${namespace}/${name}`, taker);
  }
  const find = (namespace: string, pod: string): Taker[] => {
    const found = new Set<Taker>();
    for (let dash = pod.indexOf('-'); dash !== -1; dash = pod.indexOf('-', dash + 1)) {
      for (const taker of sets.get(`${namespace}/${pod.slice(0, dash)}`) ?? []) found.add(taker);
    }
    return [...found];
  };
  // A pod has a series for each bucket.
  const known = new Map<string, Taker[]>();
  return ({ namespace = '', pod = '' }) => {
    const key = `${namespace}/${pod}`;
    const takers = known.get(key) ?? find(namespace, pod);
    known.set(key, takers);
    return takers;
  };
}

/** By the beginning of the label's value first: most patterns begin with the name of a route or Service. */
function byLabel(all: readonly Known[]): Takers['of'] {
  const byPrefix = new Map<string, { matches: Matches; taker: Taker }[]>();
  const lengths = new Set<number>();
  let label = '';
  for (const taker of all) {
    if (taker.within.by !== 'Label') continue;
    const { value, except } = taker.within;
    const matcher = wholeMatcher(value);
    const exclude = except === undefined ? undefined : wholeMatcher(except);
    label = taker.within.label;
    for (const prefix of new Set(matcher?.prefixes)) {
      lengths.add(prefix.length);
      const matches: Matches = (text) => matcher?.matches(text) === true && exclude?.matches(text) !== true;
      push(byPrefix, prefix, { matches, taker });
    }
  }
  const known = new Map<string, Taker[]>();
  const find = (value: string): Taker[] => {
    const likely = [...lengths].flatMap((length) =>
      length > value.length ? [] : (byPrefix.get(value.slice(0, length)) ?? []),
    );
    return [...new Set(likely.filter(({ matches }) => matches(value)).map(({ taker }) => taker))];
  };
  return (labels) => {
    const value = labels[label] ?? '';
    const takers = known.get(value) ?? find(value);
    known.set(value, takers);
    return takers;
  };
}

function push<V>(map: Map<string, V[]>, key: string, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
