import { expect, test } from 'vitest';
import type { GateReading } from '#core/gate.ts';
import { releasing, type World } from './world.ts';

/** After the last step: all but a small control on the canary, and stop gates that watch. */

const FOR_MS = 20_000;
const weightOf = (world: World) => world.routes[0]?.weight;
const bakes = ({ state }: World) => state.release?.stage === 'Baking';
const promoted = ({ state }: World) =>
  state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined;
const podsOf = (world: World, revision: string) =>
  world.pods.filter((pod) => pod.set === `shop-${revision}` && pod.terminating === undefined).length;
const says = (verdict: GateReading['verdict'], cause?: GateReading['cause']) => () => ({
  verdict,
  stable: 'Meets' as const,
  ...(cause === undefined ? {} : { cause }),
});

function baking(bake = { forMs: FOR_MS, control: 5000 }): World {
  const world = releasing();
  world.plan = { ...world.plan, bake };
  return world;
}

function inBake(bake?: { forMs: number; control: number }): World {
  const world = baking(bake);
  world.runUntil(bakes);
  return world;
}

test('a release climbs its steps, stays at 95 % for its time, and is promoted', () => {
  const world = baking();
  const weights = new Set<number>();
  const stays: number[] = [];
  world.runUntil((w) => {
    weights.add(weightOf(w) ?? -1);
    if (bakes(w)) stays.push(w.now);
    return promoted(w);
  });
  expect([...weights]).toEqual([0, 5000, 20_000, 50_000, 95_000]);
  expect((stays.at(-1) ?? 0) - (stays[0] ?? 0)).toBeGreaterThanOrEqual(FOR_MS - 1000);
  world.run(2);
  expect(world.violations).toEqual([]);
  expect(world.releases.get('shop-1')?.outcome).toBe('Promoted');
});

// kills: a weight that rises before the pods that shall carry it; a control of pods that were taken away
test('both arms have all their pods before the weight rises to 95 %', () => {
  const world = baking();
  world.plan = { ...world.plan, steps: [{ weight: 5000, holdMs: 2000 }] };
  const able = world.available.bind(world);
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const early = new Set(world.pods.map(({ name }) => name));
  world.available = (pod) => able(pod) && early.has(pod.name);
  world.run(10);
  expect(world.state.release).toMatchObject({ stage: 'Shifting', weight: 95_000 });
  expect(weightOf(world)).toBe(5000);
  world.available = able;
  world.runUntil(bakes);
  expect([podsOf(world, 'v1'), podsOf(world, 'v2')]).toEqual([4, 4]);
});

test.each([
  { name: 'no control', control: 0, steps: [50_000], want: 100_000, because: 'control: 0 ends at 100/0' },
  { name: 'a control', control: 20_000, steps: [50_000], want: 80_000, because: 'it is taken from the whole' },
  { name: 'a last step above it', control: 5000, steps: [97_000], want: 97_000, because: 'a bake takes nothing back' },
])('$name: $because', ({ control, steps, want }) => {
  const world = baking({ forMs: FOR_MS, control });
  world.plan = { ...world.plan, steps: steps.map((weight) => ({ weight, holdMs: 2000 })) };
  world.runUntil(bakes);
  expect(weightOf(world)).toBe(want);
  world.runUntil(promoted);
  expect(world.violations).toEqual([]);
});

// kills: a bake that asks once more for what the last step has shown; one that begins without it
test('leaving the last step asks for evidence, leaving the bake for quiet gates that see', () => {
  const world = baking();
  world.runUntil(({ state }) => state.release?.stage === 'Holding' && state.release.step === 2);
  world.verdict = says('Inconclusive');
  world.run(60);
  expect(weightOf(world)).toBe(50_000);
  world.verdict = says('Pass');
  world.runUntil(bakes);
  world.verdict = says('Inconclusive');
  world.runUntil(promoted);
});

// kills: a bake that only waits for its time, so that what passed the last step by luck is promoted
test('evidence that speaks for an excess holds the bake, and pauses it after maxWait', () => {
  const world = inBake();
  world.verdict = says('Inconclusive');
  world.counts = { advanceLogE: -1 };
  world.run(100);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Baking' } });
  world.run(1800);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData' });
  expect(weightOf(world), 'a pause keeps the weight').toBe(95_000);
});

// kills: silence that counts as quiet
test.each(['NoData', 'Error'] as const)('%s holds the bake, and pauses it after maxWait', (verdict) => {
  const world = inBake();
  world.verdict = says(verdict);
  world.run(100);
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Baking' } });
  world.run(1800);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData' });
  expect(world.state.message).toBe(`Baking at 95%: availability: ${verdict}; waited 30m`);
  expect(weightOf(world), 'a pause keeps the weight').toBe(95_000);
});

// kills: a bake that nobody watches
test.each(['Retreat', 'Abort'] as const)('a breach of the bake goes back at once: %s', (onBreach) => {
  const world = baking();
  world.plan = { ...world.plan, onBreach };
  world.runUntil(bakes);
  world.verdict = says('Fail', 'Worse');
  world.tick();
  expect(weightOf(world)).toBe(0);
  world.run(60);
  expect(world.state).toMatchObject({ stable: 'v1', release: { ending: { kind: onBreach } } });
  expect(world.violations).toEqual([]);
});

test('both arms bad: within ten minutes of the raise it goes to 0 without blame, later the bake waits', () => {
  const bad = () => ({ verdict: 'Inconclusive' as const, stable: 'Misses' as const, cause: 'BothArmsBad' as const });
  const early = inBake();
  early.verdict = bad;
  early.tick();
  expect(early.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Probing', weight: 0, step: 0 } });
  const late = inBake({ forMs: 700_000, control: 5000 });
  late.run(650);
  late.verdict = bad;
  late.run(200);
  // kills: a promotion in the middle of an outage
  expect(late.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Baking', weight: 95_000 } });
  late.verdict = says('Pass');
  late.runUntil(promoted);
});

test.each(['promote', 'skip-step'] as const)(
  '%s ends the bake before its time, though not before its probes',
  (verb) => {
    const world = baking({ forMs: 3_600_000, control: 5000 });
    world.plan = { ...world.plan, probes: ['smoke'] };
    world.probes = { result: 'Passed', message: 'passed' };
    world.runUntil(bakes);
    world.probes = { result: 'Running', message: 'GET / runs' };
    world.act(verb);
    world.run(5);
    expect(world.state).toMatchObject({ message: 'Baking at 95%: GET / runs', release: { stage: 'Baking' } });
    world.probes = { result: 'Passed', message: 'passed' };
    world.runUntil(promoted);
  },
);

test('traffic that somebody takes back during the bake pauses it, and a raise that was lost is written again', () => {
  const world = inBake();
  Object.assign(world.routes[0] ?? {}, {
    weight: 50_000,
    fence: { release: 'shop-1', n: 4, weight: 50_000 },
    version: 900,
  });
  world.runUntil(bakes, 20);
  world.runUntil((w) => weightOf(w) === 95_000, 20);
  world.runUntil(bakes);
  Object.assign(world.routes[0] ?? {}, { weight: 1000, manager: 'kubectl-edit', version: 901 });
  world.run(20);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  expect(weightOf(world), 'kills: correcting upward').toBe(1000);
});

test('the way back to what served recently bakes nothing', () => {
  const world = releasing();
  world.plan = { ...world.plan, steps: [], rollback: true };
  const stages = new Set<string>();
  world.runUntil((w) => {
    stages.add(w.state.release?.stage ?? '');
    return promoted(w);
  });
  expect([...stages]).not.toContain('Baking');
});

// kills: an index of a rung that another plan means otherwise
test('a Release that is deleted during the bake, and planned anew without one, is judged by its new plan', () => {
  const world = inBake();
  const { bake: _, ...plan } = world.plan;
  world.plan = plan;
  world.releases.clear();
  world.runUntil(promoted);
  expect(world.violations).toEqual([]);
});
