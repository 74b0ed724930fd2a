import type { GateCost } from '#core/gate.ts';
import { hasCode, OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { InstantResult, MetricSource, QueryCost, QueryRules } from '#ports/metric-source.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Ask, FreeQuestion, Span } from '#sources/ask.ts';
import { type Learned, nothingLearned, plan, type Query, split } from '#sources/planner.ts';
import { forceNamespace } from '#sources/promql-namespace.ts';
import { type Portion, shareAll, shareInSteps } from '#sources/share.ts';
import type { Asked, Send } from './gate-asks.ts';
import { createTurns, type Turns } from './gate-turns.ts';

// One heavy query may time out alone; three failures without a success between them are the source's.
const MAX_FAILURES = 3;
/** Of the turns, this many are for what cannot be shared: people's own queries never hold up the common ones. */
const SIDE_TURNS = 1;
/** What was learned about the size of answers is forgotten after this long: releases and pods come and go. */
const RELEARN_MS = 600_000;

/** What stays of a source from one pass to the next. */
export interface Lane {
  common: Turns;
  side: Turns;
  /** On the monotonic clock: the source asked for quiet until then. */
  quietUntil: Millis;
  learned: Learned;
  /** When the first of it was learned, on the monotonic clock. */
  learnedAt: Millis;
}

// A fifth of the twenty that Prometheus runs at a time, so that rules and dashboards go on.
const DEFAULT_RULES: QueryRules = { maxConcurrent: 4, maxQueryLength: 60_000, window: undefined };

export function createLane({ rules = DEFAULT_RULES }: MetricSource): Lane {
  const side = createTurns(SIDE_TURNS);
  // Where one query is all that may run, both lanes take turns.
  const common = rules.maxConcurrent > SIDE_TURNS ? createTurns(rules.maxConcurrent - SIDE_TURNS) : side;
  return {
    common,
    side,
    quietUntil: 0,
    learned: nothingLearned,
    learnedAt: 0,
  };
}

export interface SendDeps {
  source: MetricSource;
  lane: Lane;
  clock: Clock;
  telemetry: Telemetry;
}

interface Answer {
  result: InstantResult;
  cost: QueryCost;
}

/**
 * Sends what gates ask as few queries, a few at a time. When the source is down, the rest of the pass fails at once
 * instead of waiting a deadline each. An answer that is too large is asked for in smaller parts; a part that is too
 * large by itself fails alone.
 */
export function createSend(deps: SendDeps): Send {
  const { source, lane, clock } = deps;
  const rules = source.rules ?? DEFAULT_RULES;
  const fetch = createFetch(deps);

  async function run(query: Query, of: Asks): Promise<Outcome> {
    const { promql, span, parts } = query;
    try {
      const answer = await fetch({ promql, span, turns: query.lone ? lane.side : lane.common });
      await settle(await inTurns(shareInSteps(query, answer.result)), answer.cost, of);
      return { largest: parts.length, lone: false };
    } catch (error) {
      if (hasCode(error, 'SOURCE_TOO_LARGE')) return tooLarge(query, { of, error });
      fail(query, { of, error });
      return nothing;
    }
  }

  async function tooLarge(query: Query, failed: { of: Asks; error: unknown }): Promise<Outcome> {
    const smaller = split(query, rules);
    if (smaller !== undefined) return runSmaller(query, smaller, failed.of);
    if (!query.lone) learn(addLone(lane.learned, query));
    fail(query, failed);
    return { largest: 0, lone: true };
  }

  async function runSmaller(query: Query, smaller: readonly Query[], of: Asks): Promise<Outcome> {
    if (!query.exact) learn(addExact(lane.learned, query));
    const outcomes = await Promise.all(smaller.map((one) => run(one, of)));
    const largest = Math.max(...outcomes.map((outcome) => outcome.largest));
    const lone = outcomes.some((outcome) => outcome.lone);
    // One release that is too large by itself says nothing about how many others fit together.
    if (query.exact && !lone && largest > 0) learn(setMost(lane.learned, query, largest));
    return { largest, lone };
  }

  function learn(learned: Learned): void {
    if (lane.learned === nothingLearned) lane.learnedAt = clock.monotonic();
    lane.learned = learned;
  }

  async function runFree(same: readonly Free[]): Promise<void> {
    const [first] = same;
    if (first === undefined) return;
    const { question, span } = first;
    try {
      const promql = forced(question);
      const { result, cost } = await fetch({ promql, span, turns: lane.side, group: question.namespace });
      const { grid, series } = shareAll(span, result);
      for (const one of same) one.answer(grid, partOf(cost, { users: same.length, series, weight: 1 / same.length }));
    } catch (error) {
      for (const one of same) one.fail(error);
    }
  }

  return async (batch) => {
    if (clock.monotonic() - lane.learnedAt > RELEARN_MS) lane.learned = nothingLearned;
    const { of, free } = sorted(batch);
    const queries = plan([...of.keys()], rules, lane.learned);
    for (const same of Map.groupBy(free, freeKey).values()) void runFree(same);
    const { lone = [], shared = [] } = Object.groupBy(queries, (query) => (query.lone ? 'lone' : 'shared'));
    // One at a time, so in this order.
    for (const query of timesFirst(lone).flat()) void run(query, of);
    // What runs aside may take long: whoever shares does not wait for it to ask on.
    for (const some of timesFirst(shared)) await Promise.all(some.map((query) => run(query, of)));
  };
}

/**
 * The queries in the order in which they are sent. A scrape that is stored in between is then in the count: no
 * count is older than its time says, which would look like a process that has finished nothing.
 */
function timesFirst(queries: readonly Query[]): Query[][] {
  const { times = [], others = [] } = Object.groupBy(queries, ({ parts }) =>
    parts[0]?.asks[0]?.what.endsWith('Times') === true ? 'times' : 'others',
  );
  return [times, others];
}

type Asks = ReadonlyMap<Ask, Asked>;

interface Outcome {
  /** Parts of the largest query that was answered. */
  largest: number;
  /** Some part is too large by itself. */
  lone: boolean;
}

const nothing: Outcome = { largest: 0, lone: false };

function fail({ parts }: Query, { of, error }: { of: Asks; error: unknown }): void {
  for (const { asks } of parts) for (const ask of asks) of.get(ask)?.fail(error);
}

function createFetch({ source, clock, telemetry }: SendDeps) {
  const labels = { source: source.name };
  let failures = 0;
  let down: OperatorError | undefined;

  function noteFailure(error: unknown): void {
    const code = error instanceof OperatorError ? error.code : 'UNKNOWN';
    telemetry.count('headgate_source_errors_total', { ...labels, code });
    if (!hasCode(error, 'SOURCE_UNREACHABLE', 'SOURCE_THROTTLED')) return;
    failures += 1;
    if (failures >= MAX_FAILURES || error.code === 'SOURCE_THROTTLED') down ??= error;
  }

  async function measured(promql: string, span: Span): Promise<Answer> {
    const began = clock.monotonic();
    try {
      const answer = await (span.from === span.to
        ? source.query(promql, { at: span.from })
        : source.range(promql, span));
      failures = 0;
      telemetry.count('headgate_source_bytes_total', labels, answer.cost.bytes);
      telemetry.count('headgate_source_series_total', labels, answer.cost.series);
      return answer;
    } catch (error) {
      noteFailure(error);
      throw error;
    } finally {
      telemetry.count('headgate_source_queries_total', labels);
      telemetry.observe('headgate_source_query_seconds', (clock.monotonic() - began) / 1000, labels);
    }
  }

  return async ({ promql, span, turns, group }: { promql: string; span: Span; turns: Turns; group?: string }) => {
    await turns.take(group);
    try {
      if (down !== undefined) throw down; // not asked, so not counted: the failures before it are
      return await measured(promql, span);
    } finally {
      turns.give();
    }
  };
}

/** Gates that are answered without a turn for others: each of them counts and judges at once. */
const AT_A_TIME = 50;

async function settle(portions: readonly Portion[], cost: QueryCost, of: Asks): Promise<void> {
  const users = portions.reduce((sum, { asks }) => sum + asks.length, 0);
  // One more each, so that a gate without any series bears its part as well.
  const whole = portions.reduce((sum, { series }) => sum + series + 1, 0);
  for (const [index, { asks, grid, series }] of portions.entries()) {
    const weight = (series + 1) / whole / asks.length;
    for (const ask of asks) of.get(ask)?.answer(grid, partOf(cost, { users, series, weight }));
    if (index % AT_A_TIME === AT_A_TIME - 1) await othersTurn();
  }
}

async function inTurns<T>(steps: Generator<void, T>): Promise<T> {
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    await othersTurn();
  }
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function partOf(
  cost: QueryCost,
  { users, series, weight }: { users: number; series: number; weight: number },
): GateCost {
  return { queries: 1 / users, series, bytes: cost.bytes * weight, seconds: cost.elapsedMs / 1000 / users };
}

/** A tenant's own query reads the tenant's own namespace. */
function forced({ promql, namespace }: FreeQuestion): string {
  const result = forceNamespace(promql, namespace);
  if (result.ok) return result.promql;
  throw new OperatorError('SOURCE_QUERY', `line ${result.line}, column ${result.column}: ${result.message}`);
}

/** What can be shared, and what people wrote. */
function sorted(batch: readonly Asked[]): { of: Asks; free: Free[] } {
  const of = new Map<Ask, Asked>();
  const free: Free[] = [];
  for (const one of batch) {
    const { question, span } = one;
    if ('promql' in question) free.push({ ...one, question });
    else of.set({ ...question, span }, one);
  }
  return { of, free };
}

interface Free extends Asked {
  question: FreeQuestion;
}

/** The same text of two namespaces is two questions. */
function freeKey({ question, span }: Free): string {
  return `${span.from} ${span.to} ${span.stepMs} ${question.namespace} ${question.promql}`;
}

function addExact(learned: Learned, { group }: Query): Learned {
  return { ...learned, exact: new Set([...learned.exact, group]) };
}

function setMost(learned: Learned, { group }: Query, most: number): Learned {
  return { ...learned, most: new Map([...learned.most, [group, most]]) };
}

function addLone(learned: Learned, { group, parts }: Query): Learned {
  return { ...learned, lone: new Set([...learned.lone, ...parts.map(({ who }) => group + who)]) };
}
