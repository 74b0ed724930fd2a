import { hasCode, OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { InstantResult, Labels, MetricSource } from '#ports/metric-source.ts';
import type { Telemetry } from '#ports/telemetry.ts';

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
}

/** What a query says at each instant of a span; an instant without any series has no entry. */
export type Grid = ReadonlyMap<Millis, Point[]>;

/** Asks one source on behalf of every gate that is due. */
export interface Asks {
  ask(promql: string, span: Span): Promise<Grid>;
}

// One heavy query may time out alone; three failures without a success between them are the source's.
const MAX_FAILURES = 3;

export interface AsksDeps {
  source: MetricSource;
  turns: Turns;
  clock: Clock;
  telemetry: Telemetry;
}

/**
 * One pass over a source: identical questions are asked once, few at a time, and when the source is down the rest of
 * the pass fails at once instead of waiting a deadline each.
 */
export function createAsks(deps: AsksDeps): Asks {
  const { source, turns, clock, telemetry } = deps;
  const answers = new Map<string, Promise<Grid>>();
  let failures = 0;
  let down: OperatorError | undefined;

  function noteFailure(error: unknown): void {
    const code = error instanceof OperatorError ? error.code : 'UNKNOWN';
    telemetry.count('headgate_source_errors_total', { source: source.name, code });
    if (!hasCode(error, 'SOURCE_UNREACHABLE', 'SOURCE_THROTTLED')) return;
    failures += 1;
    if (failures >= MAX_FAILURES || error.code === 'SOURCE_THROTTLED') down ??= error;
  }

  async function send(promql: string, span: Span): Promise<Grid> {
    await turns.take();
    try {
      if (down !== undefined) throw down; // not asked, so not counted: the failures before it are
      return await measured(() => read(source, promql, span));
    } finally {
      turns.give();
    }
  }

  async function measured(call: () => Promise<Grid>): Promise<Grid> {
    const began = clock.monotonic();
    try {
      const grid = await call();
      failures = 0;
      return grid;
    } catch (error) {
      noteFailure(error);
      throw error;
    } finally {
      telemetry.observe('headgate_source_query_seconds', (clock.monotonic() - began) / 1000, { source: source.name });
    }
  }

  return {
    ask(promql, span) {
      const question = `${span.from} ${span.to} ${span.stepMs} ${promql}`;
      const known = answers.get(question);
      if (known !== undefined) return known;
      const answer = send(promql, span);
      answers.set(question, answer);
      return answer;
    },
  };
}

async function read(source: MetricSource, promql: string, span: Span): Promise<Grid> {
  if (span.from === span.to) {
    const { result } = await source.query(promql, { at: span.from });
    return instantGrid(result, span.from);
  }
  const { result } = await source.range(promql, span);
  const grid = new Map<Millis, Point[]>();
  for (const { labels, points, histograms } of result.series) {
    if (histograms.length > 0) throw notACounter();
    for (const { at, value } of points) put(grid, at, { labels, value });
  }
  return grid;
}

function instantGrid(result: InstantResult, at: Millis): Grid {
  if (result.kind !== 'vector') {
    throw new OperatorError('SOURCE_ANSWER', `expected a vector of counters, got a ${result.kind}`);
  }
  if (result.histograms.length > 0) throw notACounter();
  const grid = new Map<Millis, Point[]>();
  for (const { labels, value } of result.samples) put(grid, at, { labels, value });
  return grid;
}

function notACounter(): OperatorError {
  const message = 'the metric is a native histogram; name a counter in total, bad and good';
  return new OperatorError('SOURCE_QUERY', message);
}

function put(grid: Map<Millis, Point[]>, at: Millis, point: Point): void {
  const points = grid.get(at);
  if (points === undefined) grid.set(at, [point]);
  else points.push(point);
}

/** Something that only a few may do at a time, in the order in which they came. */
export interface Turns {
  take(): Promise<void>;
  give(): void;
}

export function createTurns(free: number): Turns {
  let left = free;
  const waiting: (() => void)[] = [];
  return {
    async take() {
      if (left > 0) {
        left -= 1;
        return;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    },
    give() {
      const next = waiting.shift();
      if (next === undefined) left += 1;
      else next();
    },
  };
}
