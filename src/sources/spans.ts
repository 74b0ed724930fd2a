import type { Span } from './ask.ts';

/** Points (parts × instants) that may be asked for in vain without a thought. */
const FREE_POINTS = 2000;
/** Instants of one query at most. Prometheus refuses more than 11,000, and answers grow with them. */
const MAX_INSTANTS = 120;

/**
 * Joins parts whose spans lie close together: gates that were left at different ticks by a restart ask for spans that
 * overlap. A joined span may hold at most twice the points that were asked for, so that one straggler does not make
 * everybody's answer long. All parts must be on the same grid.
 */
export function joinSpans<P extends { span: Span }>(parts: readonly P[]): { span: Span; parts: P[] }[] {
  const same = Map.groupBy(parts, ({ span }) => `${span.from} ${span.to} ${phaseOf(span)}`);
  const groups = [...same.values()]
    .flatMap((some) => (some[0] === undefined ? [] : [{ span: some[0].span, parts: some, points: pointsOf(some) }]))
    .sort((a, b) => a.span.from - b.span.from || a.span.to - b.span.to);
  const joined: typeof groups = [];
  for (const group of groups) {
    const last = joined.at(-1);
    const both = last && joinTwo(last, group);
    if (both === undefined) joined.push(group);
    else joined[joined.length - 1] = both;
  }
  return joined.map(({ span, parts: all }) => ({ span, parts: all }));
}

interface Group<P> {
  span: Span;
  parts: P[];
  /** Points that were asked for. */
  points: number;
}

function joinTwo<P extends { span: Span }>(a: Group<P>, b: Group<P>): Group<P> | undefined {
  if (phaseOf(a.span) !== phaseOf(b.span)) return undefined;
  const span = { ...a.span, from: Math.min(a.span.from, b.span.from), to: Math.max(a.span.to, b.span.to) };
  const parts = [...a.parts, ...b.parts];
  const points = a.points + b.points;
  const asked = parts.length * instantsIn(span);
  if (instantsIn(span) > MAX_INSTANTS || asked > Math.max(2 * points, FREE_POINTS)) return undefined;
  return { span, parts, points };
}

/** Spans of different phases have no instant in common. */
function phaseOf({ from, stepMs }: Span): string {
  return `${from % stepMs}/${stepMs}`;
}

export function instantsIn({ from, to, stepMs }: Span): number {
  return Math.floor((to - from) / stepMs) + 1;
}

function pointsOf(parts: readonly { span: Span }[]): number {
  return parts.reduce((sum, { span }) => sum + instantsIn(span), 0);
}
