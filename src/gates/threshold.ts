import type { Evidence, GateContext, GateReading, QuerySli } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import { type CountProblem, isOld } from './count.ts';
import { early } from './count-verdict.ts';
import { defineGate } from './define.ts';
import { stepsOfThreshold } from './patience.ts';
import type { PodInfo, TickSamples } from './samples.ts';

/**
 * A number against a limit, for whoever wants the old way. It compares nothing with stable and knows no error bounds, so
 * it holds a step and ends no release.
 */
export interface ThresholdGate {
  readonly epoch: string;
  readonly stepEpoch: string;
  /** The last tick that was looked at. */
  readonly at: Millis;
  /** Ticks that gave a number since the stay began, newest first, as many as the window has: true where it was good. */
  readonly good: readonly boolean[];
  /** What the newest tick gave: its number, or what is wrong with it. */
  readonly newest?: number | CountProblem;
}

export function startThreshold(): ThresholdGate {
  return { epoch: '', stepEpoch: '', at: 0, good: [] };
}

function renew(state: ThresholdGate, { epoch, stepEpoch }: GateContext): ThresholdGate {
  return state.epoch === epoch && state.stepEpoch === stepEpoch ? state : { ...state, epoch, stepEpoch, good: [] };
}

/** Takes one answer: `tick.samples` has one entry for each series that the query gave. */
export function foldThresholdTick(
  state: ThresholdGate,
  tick: TickSamples,
  _pods: readonly PodInfo[],
  context: GateContext,
): ThresholdGate {
  const known = renew(state, context);
  if (tick.at <= known.at) return known;
  const newest = numberOf(tick, context);
  const next = { ...known, at: tick.at, newest };
  const { raisedAt = 0, begunAt = 0 } = context;
  const counts = context.arrived && tick.at >= Math.max(raisedAt, begunAt);
  if (typeof newest !== 'number' || !counts) return next;
  const sli = sliOf(context);
  return { ...next, good: [holds(newest, sli), ...known.good].slice(0, sli.window) };
}

function numberOf({ samples }: TickSamples, { gate }: GateContext): number | CountProblem {
  const [only, ...more] = samples;
  if (only === undefined) {
    const message = `the query of gate ${gate.name} gives no result: no series matches, or a division by nothing dropped it`;
    return { verdict: 'NoData', cause: 'NoResult', message };
  }
  if (more.length > 0) {
    const message = `the query of gate ${gate.name} gives ${samples.length} series where one is due: aggregate them, e.g. sum(…)`;
    return { verdict: 'Error', cause: 'BadQuery', message };
  }
  const [value = Number.NaN] = only.values;
  if (Number.isFinite(value)) return value;
  const message = `the query of gate ${gate.name} gives ${value}, which is no number to compare: guard the division, e.g. with "> 0"`;
  return { verdict: 'Error', cause: 'BadQuery', message };
}

const operators: Record<QuerySli['op'], (value: number, limit: number) => boolean> = {
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

function holds(value: number, { op, value: limit }: QuerySli): boolean {
  return operators[op](value, limit);
}

function sliOf({ gate }: GateContext): QuerySli {
  assert(gate.slo.sli.kind === 'query', 'a threshold judges a query');
  return gate.slo.sli;
}

/** What the threshold says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeThreshold(state: ThresholdGate, context: GateContext, now: Millis): GateReading {
  const { gate, epoch, stepEpoch } = context;
  const current = renew(state, context);
  const answer = answerOf(current, context, now);
  return {
    gate: gate.name,
    role: gate.role,
    epoch,
    stepEpoch,
    ...answer,
    stable: 'Unknown',
    evidence: evidenceOf(current),
  };
}

type Answer = Omit<CountProblem, 'cause'> & { cause?: CountProblem['cause'] };

function answerOf(state: ThresholdGate, context: GateContext, now: Millis): Answer {
  const { newest, good } = state;
  if (newest === undefined) return { verdict: 'NoData', cause: 'CatchingUp', message: 'waiting for the first answer' };
  if (isOld(state, context, now)) return { verdict: 'NoData', cause: 'Stale', message: 'no answer since three ticks' };
  if (typeof newest !== 'number') return newest;
  const sli = sliOf(context);
  const bad = good.filter((each) => !each).length;
  const seen = `${Number(newest.toPrecision(6))}, wanted ${sli.op} ${sli.value}`;
  const missed = `${bad} of the last ${good.length} ticks missed it`;
  if (bad >= sli.failures) return { verdict: 'Fail', cause: 'Threshold', message: `${seen}: ${missed}` };
  const waiting = early(context);
  if (waiting !== undefined) return waiting;
  if (good.length - bad >= sli.failures) return { verdict: 'Pass', message: `${seen}: ${missed}` };
  const left = sli.failures - (good.length - bad);
  const message = `${seen}: ${missed}, ${left} good ${left === 1 ? 'tick is' : 'ticks are'} still due`;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message };
}

/** There are no counts behind a number: what decided stands in the message. */
function evidenceOf({ at, good }: ThresholdGate): Evidence {
  const none = () => ({ canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } });
  const tests = { stopLogE: 0, stopLimit: 0, advanceLogE: 0, advanceLimit: 0, advanceExcess: 0 };
  return { at, ticks: good.length, ...none(), ...tests, step: none(), rps: 0, spend: 0 };
}

const VERSION = 't1';

export function saveThreshold({ epoch, stepEpoch, at, good }: ThresholdGate): string {
  return JSON.stringify({ v: VERSION, e: [epoch, stepEpoch], at, good: good.map((each) => (each ? 1 : 0)).join('') });
}

/** The state that `saveThreshold` wrote; undefined for anything else. */
export function loadThreshold(text: string): ThresholdGate | undefined {
  try {
    const { v, e, at, good } = JSON.parse(text);
    const [epoch, stepEpoch] = e;
    const whole = [epoch, stepEpoch, good].every((part) => typeof part === 'string') && Number.isFinite(at);
    if (v !== VERSION || !whole) return undefined;
    return { epoch, stepEpoch, at, good: [...good].map((each) => each === '1') };
  } catch {
    return undefined;
  }
}

export const threshold = defineGate<ThresholdGate>({
  kind: 'threshold',
  sli: 'query',
  doc: 'The number that a PromQL query gives, compared with a limit. At most a Signal.',
  looksBack: false,
  stepsMs: stepsOfThreshold,
  start: startThreshold,
  fold: foldThresholdTick,
  judge: judgeThreshold,
  save: saveThreshold,
  load: loadThreshold,
});
