import type { Cause, GateContext, Verdict } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import { STALE_SCRAPES } from './bounds.ts';
import { readTick, sampleProblem } from './evidence.ts';
import type { Look, PodInfo, TickReading, TickSamples } from './samples.ts';

/** What every gate that counts does with a tick, whatever its counts mean: bases, scrapes, and what is in the way. */

/** The part of a gate's state that this is about. */
export interface CountState {
  /** Attempt and stay that the evidence belongs to. */
  readonly epoch: string;
  readonly stepEpoch: string;
  /** Where the counting of this attempt began, and the end of the last tick counted; 0 before the first look. */
  readonly startedAt: Millis;
  readonly at: Millis;
  readonly ticks: number;
  /** Not stored: undefined until the first look after a start. */
  readonly look?: Look;
  /** Not stored: pods of the canary that were too young to be counted at the newest look. */
  readonly warming?: readonly string[];
  /** Not stored: since when, and until when, the source was at work without a gap while a tick waits for scrapes. */
  readonly watched?: { from: Millis; to: Millis };
  /** Not stored: why the newest tick could not be counted, or not whole. */
  readonly problem?: CountProblem;
}

export interface CountProblem {
  verdict: Verdict;
  cause: Cause;
  message: string;
}

/** One tick with everything that is known of it. */
export interface CountSight {
  reading: TickReading;
  tick: TickSamples;
  pods: readonly PodInfo[];
}

/** What a kind of gate makes of ticks. */
export interface CountRules<State extends CountState> {
  /** Starts afresh what a new attempt or a new step starts afresh. */
  renew(state: State, context: GateContext): State;
  /** Counts a whole tick, and looks at every stop rule. */
  count(state: State, sight: CountSight, context: GateContext): State;
  /** A tick that still waits for scrapes: all that may be told is that the canary is silent. */
  wait(state: State, sight: CountSight, context: GateContext): State;
}

/** Folds one tick into the state of a gate that counts. */
export function foldCounts<State extends CountState>(
  state: State,
  tick: TickSamples,
  at: { pods: readonly PodInfo[]; context: GateContext; rules: CountRules<State> },
): State {
  const { pods, context, rules } = at;
  assert(tick.at % context.tickMs === 0, 'ticks lie on the absolute grid');
  const known = rules.renew(state, context);
  const first = known.look === undefined;
  if (first ? tick.at < known.at : tick.at <= known.at) return known;
  const broken = sampleProblem(tick);
  if (broken !== undefined) return { ...known, problem: { verdict: 'Error', cause: 'BadQuery', message: broken } };
  // Nothing is counted and nothing is lost: the counters go on, and the next look that shows them holds it all.
  if (tick.pods?.length === 0) return { ...known, problem: silentGateway };
  const reading = readTick({
    before: known.look,
    tick,
    pods,
    scrapeMs: scrapeOf(context),
    warmUpMs: warmUpOf(tick, context),
  });
  const problem = problemOf(reading);
  const told = noted(known, { problem, warming: reading.warming });
  // A first look that shows nobody is none: after a restart the real one may still come.
  const blind = first && reading.seen.canary + reading.seen.stable === 0;
  if (blind || reading.doubled.length > 0) return told;
  const look = { look: reading.look, at: tick.at };
  // A tick that began in the attempt before this one is no evidence of this one: it only sets the bases.
  const past = known.at < (context.begunAt ?? 0);
  if (first || past) return { ...told, ...look, startedAt: known.ticks === 0 ? tick.at : known.startedAt };
  const sight = { reading, tick, pods };
  // Nothing is lost by waiting: counters go on, and the next whole tick holds what this one does not count.
  if (mustWait(reading, pods)) return rules.wait(watching(told, tick, context), sight, context);
  return { ...rules.count(told, sight, context), ...look };
}

/** The state with what this tick shows besides counts: nearly always nothing, and then it is not copied. */
function noted<State extends CountState>(
  state: State,
  { problem, warming }: { problem: CountProblem | undefined; warming: readonly string[] },
): State {
  const was = state.problem !== undefined || state.warming !== undefined;
  if (!was && problem === undefined && warming.length === 0) return state;
  const { problem: _, warming: __, ...clean } = state;
  const young = warming.length === 0 ? clean : { ...clean, warming };
  return (problem === undefined ? young : { ...young, problem }) as State;
}

/**
 * A source that was away knows nothing of what anybody did meanwhile. So what it shows of a silence begins where it came
 * back, and not where the last tick was counted.
 */
function watching<State extends CountState>(state: State, { at, samples }: TickSamples, context: GateContext): State {
  const patience = STALE_SCRAPES * scrapeOf(context);
  if (!samples.some(({ scrapedAt }) => scrapedAt > at - patience)) return state;
  const { from, to } = watchedOf(state);
  return { ...state, watched: at - to > patience ? { from: at, to: at } : { from, to: at } };
}

/** Up to the last tick counted everybody was seen. */
function watchedOf({ at, watched }: CountState): { from: Millis; to: Millis } {
  return watched !== undefined && watched.to > at ? watched : { from: at, to: at };
}

/** Since when the source was there to see a silence; undefined while it has not been there for as long as scrapes may take. */
export function silentSince(state: CountState, at: Millis, context: GateContext): Millis | undefined {
  const { from } = watchedOf(state);
  const back = from > state.at;
  return back && at - from < STALE_SCRAPES * scrapeOf(context) ? undefined : from;
}

/** The processes of a gateway are nobody's pods: how old they are says nothing of the arms. */
function warmUpOf({ pods }: TickSamples, { gate }: GateContext): Millis {
  return pods === undefined ? (gate.warmUpMs ?? 0) : 0;
}

/** Whether what the canary answers, it answers to users: at weight 0 it answers probes only. */
export function isExposed({ weight, exposed, arrived }: GateContext): boolean {
  return weight > 0 || exposed === true || arrived;
}

/** Samples may be as old as a scrape, however short the tick is. */
export function scrapeOf({ tickMs, scrapeMs }: GateContext): Millis {
  return Math.max(tickMs, scrapeMs ?? 0);
}

/** Queries look one scrape into the past and come once a tick: that much age is normal and does not count. */
export function isOld({ at }: Pick<CountState, 'at'>, context: GateContext, now: Millis): boolean {
  return now - at > STALE_SCRAPES * scrapeOf(context) + context.tickMs;
}

/** Without a process there is nobody to miss, and what nobody says is no zero. */
const silentGateway: CountProblem = {
  verdict: 'NoData',
  cause: 'NotScraped',
  message:
    'no process of the gateway shows such requests: it is not scraped, serves nobody, or lacks what docs/catalogue.md says it needs',
};

function problemOf({ doubled, untargeted, overdue, unscraped }: TickReading): CountProblem | undefined {
  const [twice] = doubled;
  if (twice !== undefined) {
    const message = `pod ${twice} is scraped by more than one target: keep one ServiceMonitor, PodMonitor or job for it`;
    return { verdict: 'NoData', cause: 'ScrapedTwice', message };
  }
  const [blind] = untargeted;
  if (blind !== undefined) {
    const message = `pod ${blind} has no scrape target: let a ServiceMonitor, PodMonitor or job select it`;
    return { verdict: 'NoData', cause: 'NotScraped', message };
  }
  const [late] = overdue;
  if (late !== undefined) {
    const message = `pod ${late} has a scrape target and no sample since three scrapes`;
    return { verdict: 'NoData', cause: 'Stale', message };
  }
  const [missing] = unscraped;
  if (missing === undefined) return undefined;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message: `waiting for the scrape of pod ${missing}` };
}

/** A tick waits for pods that were not scraped, but not for ever: one dead exporter must not blind the stop test. */
function mustWait({ unscraped, overdue, seen }: TickReading, pods: readonly PodInfo[]): boolean {
  if (unscraped.length === 0) return false;
  return unscraped.length > overdue.length || pods.some(({ arm, available }) => available && seen[arm] === 0);
}
