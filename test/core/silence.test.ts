import { expect, test } from 'vitest';
import type { Gate, GateReading, OnNoData } from '#core/gate.ts';
import { gate, releasing, type World } from './world.ts';

/** What a gate without data does to a release whose canary has traffic: what the plan says, and no more. */

const weightOf = (world: World) => world.routes[0]?.weight;
const silent =
  (verdict: GateReading['verdict'] = 'NoData', cause: GateReading['cause'] = 'Stale') =>
  () => ({
    verdict,
    stable: 'Unknown' as const,
    cause,
  });

function holding(onNoData: OnNoData, more: Partial<Gate> = {}): World {
  const world = releasing();
  world.plan = { ...world.plan, gates: [{ ...gate, onNoData, ...more }] };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  return world;
}

test.each([
  { name: 'Hold waits', onNoData: 'Hold', phase: 'Progressing', weight: 5000, because: 'it may come back' },
  { name: 'Pause pauses at once', onNoData: 'Pause', phase: 'Paused', weight: 5000, because: 'a person is asked' },
  {
    name: 'Retreat goes back at once',
    onNoData: 'Retreat',
    phase: 'Paused',
    weight: 0,
    because: 'blind is no way to fly',
  },
] as const)('$name: $because', ({ onNoData, phase, weight }) => {
  for (const verdict of ['NoData', 'Error'] as const) {
    const world = holding(onNoData);
    world.verdict = silent(verdict);
    world.run(3);
    expect(world.state.phase).toBe(phase);
    expect(weightOf(world)).toBe(weight);
    if (phase === 'Paused') expect(world.state).toMatchObject({ reason: 'NoData' });
    if (phase === 'Paused') expect(world.state.message).toBe(`availability: ${verdict}; its onNoData is ${onNoData}`);
  }
});

// kills: a silence of our own that is taken for one of the source
test('an operator that reads what it missed neither pauses nor goes back', () => {
  for (const onNoData of ['Pause', 'Retreat'] as const) {
    const world = holding(onNoData);
    world.verdict = silent('NoData', 'CatchingUp');
    world.run(20);
    expect(world.state.phase).toBe('Progressing');
    expect(weightOf(world)).toBe(5000);
  }
});

// kills: a policy for traffic that is asked where there is none
test('before the first raise there is nothing to take back', () => {
  const world = releasing();
  world.plan = { ...world.plan, gates: [{ ...gate, onNoData: 'Retreat' }] };
  world.verdict = silent();
  world.run(60);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Probing' } });
});

test('a silence is no breach: no culprit is recorded, and retry begins a new attempt', () => {
  const world = holding('Retreat');
  world.verdict = silent();
  world.run(10);
  expect(world.state.release).toMatchObject({ ending: { kind: 'Retreat', cause: 'NoData' } });
  expect(world.state.release?.breach).toBeUndefined();
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.act('retry');
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
});

test("a person's word for the step stands in for what the gate cannot say", () => {
  const world = holding('Pause');
  world.verdict = silent();
  world.run(2);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData' });
  world.act('promote');
  world.runUntil(({ state }) => state.release?.step === 1);
});

// kills: requests of young pods, which no gate counts, taken for a share that the gateway did not send.
test('a canary that warms up is waited for as such', () => {
  const world = releasing();
  world.plan = { ...world.plan, gates: [{ ...gate, maxWaitMs: 60_000 }] };
  const seen = world.seen.bind(world);
  world.seen = () => {
    const sight = seen();
    return {
      ...sight,
      gates: sight.gates.map((one) => {
        const step = { canary: { total: 0, bad: 0 }, stable: { total: 1000, bad: 0 } };
        return { ...one, verdict: 'Inconclusive', cause: 'WarmingUp', evidence: { ...one.evidence, step } };
      }),
    };
  };
  world.runUntil(({ state }) => state.phase === 'Paused');
  expect(world.state.message).toMatch(/^Holding step 1 of 3 at 5%: availability: .*; waited 1m$/);
});

// kills: the longest wait of all gates for each of them
test('the gate that waited longer than it may is the one that pauses, and is named', () => {
  const world = releasing();
  const short = { ...gate, name: 'quick', maxWaitMs: 60_000 };
  world.plan = { ...world.plan, gates: [gate, short] };
  const seen = world.seen.bind(world);
  world.seen = () => {
    const sight = seen();
    return { ...sight, gates: sight.gates.flatMap((one) => [one, { ...one, gate: 'quick' }]) };
  };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  world.runUntil(({ state }) => state.phase === 'Paused');
  expect(world.state.message).toBe('Holding step 1 of 3 at 5%: quick: Inconclusive; waited 1m');
});
