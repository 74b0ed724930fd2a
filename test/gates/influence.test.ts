import { expect, test } from 'vitest';
import type { Counts } from '#core/gate.ts';
import { loadErrorGate, saveErrorGate, startErrorGate } from '#gates/error-state.ts';
import { foldErrorTick, judgeErrors } from '#gates/errors.ts';
import { foldInfluence, loadInfluence, mainSource, noInfluence, saveInfluence } from '#gates/influence.ts';
import { Drill, short } from './drill.ts';
import { binomial, seeded } from './random.ts';

type Tick = [pods: number[], stableBad: number];

/** Ticks of 100 requests a canary pod and 1,000 of stable. */
function after(ticks: Tick[]) {
  let influence = noInfluence;
  for (const [bads, stableBad] of ticks) {
    const pods = new Map(bads.map((bad, index): [string, Counts] => [`c-${index}`, { total: 100, bad }]));
    const canary = { total: 100 * bads.length, bad: bads.reduce((a, b) => a + b, 0) };
    influence = foldInfluence(influence, { canary, stable: { total: 1000, bad: stableBad } }, pods);
  }
  return influence;
}

const times = (count: number, tick: Tick): Tick[] => Array.from({ length: count }, () => tick);

test.each([
  { name: 'one pod of three', because: 'all failures are its own', ticks: times(6, [[0, 2, 0], 1]), want: 'c-1' },
  { name: 'one pod of two', because: 'two cannot outvote one', ticks: times(6, [[0, 2], 1]), want: undefined },
  { name: 'all pods', because: 'the release is bad', ticks: times(6, [[2, 2, 2], 1]), want: undefined },
  { name: 'two of three', because: 'no pod has more than half', ticks: times(6, [[2, 2, 0], 1]), want: undefined },
  { name: 'four failures', because: 'chance piles up as much', ticks: [[[3, 1, 0], 0]] as Tick[], want: undefined },
  { name: 'nothing failed', because: 'there is no excess', ticks: times(6, [[0, 0, 0], 0]), want: undefined },
  {
    name: 'one tick late',
    because: 'a burst is no rate',
    ticks: [...times(20, [[0, 0, 0], 1]), [[8, 8, 8], 1]] as Tick[],
    want: 'tick',
  },
  {
    name: 'two ticks late',
    because: 'each has half, and not more',
    ticks: [...times(20, [[0, 0, 0], 0]), ...times(2, [[8, 8, 8], 0])] as Tick[],
    want: undefined,
  },
  {
    name: 'the second tick',
    because: 'after so little nothing is late',
    ticks: [
      [[0, 0, 0], 1],
      [[8, 8, 8], 1],
    ] as Tick[],
    want: undefined,
  },
  {
    name: 'the first tick',
    because: 'a bad release must not wait',
    ticks: [[[8, 8, 8], 1]] as Tick[],
    want: undefined,
  },
])('main source: $name', ({ ticks, want, because }) => {
  // kills: more than half alone, two pods, a defect of the first ticks held as a burst.
  const source = mainSource(after(ticks));
  expect(source === undefined ? undefined : (source.pod ?? 'tick'), because).toBe(want);
});

test('the source is found again after a restart, and nothing is stored without one', () => {
  const influence = after(times(6, [[0, 2, 0, 0], 1]));
  expect(mainSource(loadInfluence(saveInfluence(influence)))).toMatchObject({ pod: 'c-1', bad: 12, total: 600 });
  expect(saveInfluence(after(times(6, [[2, 2, 2], 1])))).toBeUndefined();
});

test('a canary that is bad everywhere is rarely taken for one bad pod', () => {
  const random = seeded(31);
  const runs = Array.from({ length: 400 }, () => {
    const draw = () => [0, 1, 2].map(() => binomial(random, 100, 0.02));
    return after(Array.from({ length: 3 }, (): Tick => [draw(), binomial(random, 1000, 0.001)]));
  });
  expect(runs.filter((influence) => mainSource(influence)?.pod !== undefined).length).toBeLessThanOrEqual(20);
});

/** Three canary pods, of which the drill's second has all failures. */
function withBadPod(): Drill {
  const drill = new Drill();
  for (const name of ['c-2', 'c-3']) drill.service.add(name, 'canary', -60_000, { total: 40, bad: 0 });
  drill.tick({ canary: [300, 0], stable: [2700, 2] });
  return drill;
}

function fail(drill: Drill, pods: string[]): ReturnType<Drill['tick']> {
  for (const pod of pods) drill.service.serve(pod, 0, 3);
  return drill.tick({ canary: [300, 0], stable: [2700, 2] });
}

test('one bad pod of three holds the release, names the pod, and its successor frees it', () => {
  const drill = withBadPod();
  const readings = Array.from({ length: 6 }, () => fail(drill, ['c-2']));
  expect(readings.map(short)).not.toContain('Fail/Worse');
  expect(short(readings[5] ?? drill.judge())).toBe('Inconclusive/SinglePod');
  expect(readings[5]).toMatchObject({ pod: 'c-2' });
  expect(readings[5]?.message).toMatch(
    /pod c-2 supplies most of the excess, 18 of .* of the 18 bad .* on 3 pods: without it/,
  );
  // kills: a restart that forgets whose failures they were, and stops the release for them.
  const restarted = loadErrorGate(saveErrorGate(drill.gate)) ?? startErrorGate();
  drill.gate = foldErrorTick(restarted, drill.service.tick(drill.now), drill.service.infos(), drill.context);
  expect(short(fail(drill, ['c-2']))).toBe('Inconclusive/SinglePod');
  drill.service.pods.delete('c-2');
  drill.service.add('c-4', 'canary', drill.now, { total: 0, bad: 0 });
  const calm = drill.ticks(12, { canary: [300, 0], stable: [2700, 2] });
  // kills: evidence of a pod that is gone, which would hold the release for ever.
  expect(short(calm[11] ?? drill.judge())).toBe('Pass');
});

test('a release that is bad on every pod is stopped for all that', () => {
  const drill = withBadPod();
  const readings = Array.from({ length: 4 }, () => fail(drill, ['c-1', 'c-2', 'c-3']));
  expect(readings.map(short)).toContain('Fail/Worse');
});

test('a pod that burns the whole budget is no reason to wait', () => {
  const drill = withBadPod();
  drill.context = { ...drill.context, maxSpend: 1e-9 };
  const readings = Array.from({ length: 6 }, () => fail(drill, ['c-2']));
  expect(readings.map(short)).toContain('Fail/BudgetSpent');
  expect(judgeErrors(drill.gate, drill.context, drill.now).verdict).toBe('Fail');
});
