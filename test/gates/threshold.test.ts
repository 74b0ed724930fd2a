import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GateContext, QuerySli } from '#core/gate.ts';
import type { TickSamples } from '#gates/samples.ts';
import {
  foldThresholdTick,
  judgeThreshold,
  loadThreshold,
  saveThreshold,
  startThreshold,
  type ThresholdGate,
} from '#gates/threshold.ts';
import { short } from './drill.ts';
import { context, gate } from './service.ts';

const sli: QuerySli = { kind: 'query', promql: 'queue_depth', op: '<', value: 100, failures: 3, window: 5 };

function contextFor(more: Partial<GateContext> = {}, query: QuerySli = sli): GateContext {
  const slo = { ...gate.slo, name: 'queue', sli: query, objective: 0 };
  return { ...context, gate: { ...gate, name: 'queue', role: 'Signal', slo }, ...more };
}

function tickOf(at: number, ...values: number[]): TickSamples {
  const samples = values.map((value, index) => ({
    process: `{"pod":"${index}"}`,
    pod: '',
    container: '',
    values: [value],
    scrapedAt: at,
  }));
  return { at, names: ['value'], samples, targets: [] };
}

/** One tick for each entry, every 15 s: the numbers that the query gave. */
function after(answers: number[][], given = contextFor(), from: ThresholdGate = startThreshold()): ThresholdGate {
  return answers.reduce((state, values) => {
    return foldThresholdTick(state, tickOf(state.at + 15_000, ...values), [], given);
  }, from);
}

const good = [1];
const bad = [100];

test.each([
  { name: 'three good ticks', answers: [good, good, good], want: 'Pass', says: /^1, wanted < 100: 0 of the last 3/ },
  { name: 'two', answers: [good, good], want: 'Inconclusive/TooFewSamples', says: /1 good tick is still due/ },
  {
    name: 'three bad ticks',
    answers: [bad, bad, bad],
    want: 'Fail/Threshold',
    says: /^100, wanted < 100: 3 of the last 3/,
  },
  { name: 'three of five', answers: [bad, good, bad, good, bad], want: 'Fail/Threshold', says: /3 of the last 5/ },
  {
    name: 'one has left the window',
    answers: [bad, good, good, bad, good, bad],
    want: 'Pass',
    says: /2 of the last 5/,
  },
  { name: 'it recovers', answers: [bad, bad, bad, good, good, good], want: 'Pass', says: /2 of the last 5/ },
  { name: 'no result', answers: [good, good, good, []], want: 'NoData/NoResult', says: /gate queue gives no result/ },
  { name: 'NaN', answers: [good, good, good, [Number.NaN]], want: 'Error/BadQuery', says: /gives NaN/ },
  { name: 'infinity', answers: [[Number.POSITIVE_INFINITY]], want: 'Error/BadQuery', says: /gives Infinity/ },
  { name: 'several series', answers: [good, good, good, [1, 2]], want: 'Error/BadQuery', says: /2 series where one/ },
  { name: 'no answer yet', answers: [], want: 'NoData/CatchingUp', says: /first answer/ },
])('$name: $want', ({ answers, want, says }) => {
  // kills: silence that counts as good, NaN compared (NaN < 100 is false, and NaN >= 100 too), no window.
  const state = after(answers);
  const reading = judgeThreshold(state, contextFor(), state.at + 15_000);
  expect(short(reading)).toBe(want);
  expect(reading.message).toMatch(says);
});

test.each([
  { op: '<', at: false, below: true, above: false },
  { op: '<=', at: true, below: true, above: false },
  { op: '>', at: false, below: false, above: true },
  { op: '>=', at: true, below: false, above: true },
] as const)('good is $op the limit', ({ op, ...want }) => {
  const verdict = (value: number) => {
    const given = contextFor({}, { ...sli, op });
    return judgeThreshold(after([[value], [value], [value]], given), given, 45_000).verdict === 'Pass';
  };
  expect({ at: verdict(100), below: verdict(99), above: verdict(101) }).toEqual(want);
});

test('what came before the step arrived counts for nothing', () => {
  const early = contextFor({ arrived: false });
  const waiting = after([good, good, good, good], early);
  expect(short(judgeThreshold(waiting, early, waiting.at))).toBe('Inconclusive/TooFewSamples');
  const arrived = contextFor({ raisedAt: 60_000 });
  // kills: ticks of an earlier stay, or from before the raise.
  expect(judgeThreshold(waiting, arrived, waiting.at).verdict).toBe('Inconclusive');
  expect(judgeThreshold(after([good, good], arrived, waiting), arrived, 90_000).verdict).toBe('Inconclusive');
  const next = contextFor({ stepEpoch: 'r-1/1/step1/2' });
  expect(judgeThreshold(after([good, good, good]), next, 45_000).verdict).toBe('Inconclusive');
});

test('answers that stop coming pass nothing', () => {
  const state = after([good, good, good]);
  expect(judgeThreshold(state, contextFor(), state.at + 60_000).verdict).toBe('Pass');
  expect(short(judgeThreshold(state, contextFor(), state.at + 60_001))).toBe('NoData/Stale');
});

test('law: read twice, or stored and read again, it says the same', () => {
  const answers = fc.array(fc.array(fc.constantFrom(1, 99, 100, Number.NaN), { maxLength: 2 }), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(answers, fc.nat(12), (all, cut) => {
      const whole = after(all);
      const first = after(all.slice(0, cut));
      const again = foldThresholdTick(first, tickOf(first.at, 1), [], contextFor());
      const loaded = loadThreshold(saveThreshold(again)) ?? startThreshold();
      const resumed = after(all.slice(cut), contextFor(), loaded);
      expect(saveThreshold(resumed)).toBe(saveThreshold(whole));
      expect(Buffer.byteLength(saveThreshold(whole))).toBeLessThanOrEqual(1024);
    }),
    { numRuns: 200, seed: 9 },
  );
  for (const noise of ['', '{}', 'null', '[]', '{"v":"t1"}']) expect(loadThreshold(noise)).toBeUndefined();
});

test('answers from before a resume are none of the attempt that it begins', () => {
  // kills: a signal that holds a mended canary for what the query said before
  const resumed = contextFor({ begunAt: 60_000 });
  expect(after([bad, bad, bad], resumed).good).toEqual([]);
  expect(after([bad, bad, bad, good], resumed).good).toEqual([true]);
});
