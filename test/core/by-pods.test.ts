import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gridLadder, podLadder } from '#core/capacity.ts';
import type { Step } from '#core/model.ts';
import { releasing, settled, type World } from './world.ts';

/** Releases without routes: the canary's share is that of its pods behind the Service. */

const step = (weight: number, more: Partial<Step> = {}): Step => ({ weight, holdMs: 5000, ...more });

describe('the ladder that pods can climb', () => {
  test.each([
    {
      name: 'three replicas',
      because: '5 % and 20 % are one pod each, a quarter of four',
      replicas: 3,
      steps: [step(5000), step(20_000, { holdMs: 9000 }), step(50_000)],
      want: [
        { weight: 25_000, holdMs: 9000, canaryReplicas: 1 },
        { weight: 50_000, holdMs: 5000, canaryReplicas: 3 },
      ],
    },
    {
      name: 'ten replicas',
      because: 'more pods are a finer grid',
      replicas: 10,
      steps: [step(5000), step(20_000), step(50_000)],
      want: [
        { weight: 9091, holdMs: 5000, canaryReplicas: 1 },
        { weight: 23_077, holdMs: 5000, canaryReplicas: 3 },
        { weight: 50_000, holdMs: 5000, canaryReplicas: 10 },
      ],
    },
    {
      name: 'one replica',
      because: 'one beside one is half, whatever was asked for',
      replicas: 1,
      steps: [step(5000), step(90_000)],
      want: [{ weight: 50_000, holdMs: 5000, canaryReplicas: 1 }],
    },
    {
      name: 'a person is asked for',
      because: 'a pause is not lost with the step that it stood at',
      replicas: 3,
      steps: [step(5000, { pause: {} }), step(20_000)],
      want: [{ weight: 25_000, holdMs: 5000, canaryReplicas: 1, pause: {} }],
    },
    {
      name: 'a pace of one of them',
      because: 'where two become one the slower of them is not forgotten',
      replicas: 3,
      steps: [step(5000, { maxSurge: { pods: 1 } }), step(20_000)],
      want: [{ weight: 25_000, holdMs: 5000, canaryReplicas: 1, maxSurge: { pods: 1 } }],
    },
    {
      name: 'its own number of pods',
      because: 'a step may say how many',
      replicas: 4,
      steps: [step(5000, { canaryReplicas: 2 })],
      want: [{ weight: 33_333, holdMs: 5000, canaryReplicas: 2 }],
    },
  ])('$name: $because', ({ replicas, steps, want, because }) => {
    expect(podLadder({ steps }, replicas).steps, because).toEqual(want);
  });

  test('the bake compares halves', () => {
    const { bake } = podLadder({ steps: [step(5000)], bake: { forMs: 60_000, control: 5000 } }, 3);
    expect(bake).toEqual({ forMs: 60_000, control: 50_000 });
  });

  // kills: steps that keep the weight that was asked for; two steps of as many pods.
  test('it rises, and never above half', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 99_000 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 500 }), (given, replicas) => {
        const { steps } = podLadder({ steps: [...new Set(given)].sort((a, b) => a - b).map((w) => step(w)) }, replicas);
        const got = steps.map(({ weight }) => weight);
        expect(got.every((weight, index) => weight > (got[index - 1] ?? 0) && weight <= 50_000)).toBe(true);
        expect(steps.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('the ladder of routes that carry whole percents', () => {
  test.each([
    {
      name: 'steps between two percents',
      because: 'they go to the nearest',
      steps: [step(1600), step(33_333)],
      want: [step(2000), step(33_000)],
    },
    {
      name: 'steps below the first',
      because: 'a step that moves nothing proves nothing; two at one weight are one, held as long as the longest',
      steps: [step(100, { pause: {} }), step(700, { holdMs: 9000 }), step(5000)],
      want: [step(1000, { holdMs: 9000, pause: {} }), step(5000)],
    },
    { name: 'the last one', because: 'stable still serves', steps: [step(99_999)], want: [step(99_000)] },
  ])('$name: $because', ({ steps, want, because }) => {
    expect(gridLadder({ steps }, 1000).steps, because).toEqual(want);
  });

  test('the bake too', () => {
    const bake = { forMs: 60_000, control: 500 };
    expect(gridLadder({ steps: [], bake }, 1000).bake).toEqual({ forMs: 60_000, control: 1000 });
    expect(gridLadder({ steps: [], bake: { ...bake, control: 0 } }, 1000).bake?.control).toBe(0);
  });

  // kills: steps cut off to the lower percent, which loses the first; steps of one weight left standing.
  test('it rises, on marks that all can carry, and without a grid nothing changes', () => {
    const weights = fc.array(fc.integer({ min: 1, max: 99_999 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(weights, fc.constantFrom(1, 1000), (given, grid) => {
        const asked = [...new Set(given)].sort((a, b) => a - b);
        const got = gridLadder({ steps: asked.map((weight) => step(weight)) }, grid).steps.map(({ weight }) => weight);
        expect(got.every((weight, i) => weight % grid === 0 && weight > (got[i - 1] ?? 0) && weight < 100_000)).toBe(
          true,
        );
        if (grid === 1) expect(got).toEqual(asked);
      }),
    );
  });
});

/** A world whose Rollout names no route, in the middle of a release of four replicas. */
function byPods(): World {
  const world = settled();
  world.routes = [];
  world.spec = { ...world.spec, routes: [], revision: 'v2' };
  world.plan = podLadder(world.plan, world.spec.replicas);
  return world;
}

const behind = ({ pods }: World, set: string) => pods.filter((pod) => pod.set === set && pod.arms.stable).length;
const there = ({ pods }: World, set: string) =>
  pods.filter((pod) => pod.set === set && pod.terminating === undefined).length;

describe('a release by pods', () => {
  // kills: pods that get the stable label before the grant is stored.
  test('climbs pod by pod, each time after its grant, and is promoted', () => {
    const world = byPods();
    const rungs: [number, number][] = [];
    world.runUntil((now) => {
      const { release } = now.state;
      const serving = behind(now, 'shop-v2');
      if (release !== undefined && !release.committed && serving > (release.joined ?? 0))
        throw new Error(`${serving} pods serve, ${release.joined} were granted`);
      const rung: [number, number] = [release?.weight ?? 0, serving];
      if (release?.stage === 'Holding' && rungs.at(-1)?.join() !== rung.join()) rungs.push(rung);
      return now.state.stable === 'v2' && release === undefined;
    });
    expect(rungs).toEqual([
      [20_000, 1],
      [50_000, 4],
    ]);
    expect(world.violations).toEqual([]);
    expect([there(world, 'shop-v1'), behind(world, 'shop-v2')]).toEqual([0, 4]);
  });

  test('no user meets a canary that has not passed its probes', () => {
    const world = byPods();
    world.plan = { ...world.plan, probes: ['smoke'] };
    world.probes = { result: 'Running', message: 'probing' };
    world.run(60);
    expect(behind(world, 'shop-v2')).toBe(0);
  });

  // kills: steps without routes that wait for no gate.
  test('a gate that cannot tell holds it where it is', () => {
    const world = byPods();
    world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets', cause: 'TooFewSamples' });
    world.run(100);
    expect(world.state.release).toMatchObject({ stage: 'Holding', weight: 20_000, joined: 1 });
  });

  // kills: a shift that waits for no pod.
  test('a step begins when its pods are behind the Service, not when they were granted', () => {
    const world = byPods();
    world.runUntil(({ state: { release } }) => release?.stage === 'Shifting');
    for (const pod of world.pods) if (pod.set === 'shop-v2') pod.arms = { stable: false, canary: true };
    for (let tick = 0; tick < 30; tick++) world.tick('crash-after-store');
    expect(world.state.release).toMatchObject({ stage: 'Shifting', joined: 1 });
    world.run(5);
    expect(world.state.release).toMatchObject({ stage: 'Holding', joined: 1 });
  });

  // kills: rest by the routes alone, which are none: a remedy told before the traffic was gone.
  test('it is not remedied while a pod is behind the Service', () => {
    const world = byPods();
    world.runUntil(({ state: { release } }) => release?.stage === 'Holding');
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    for (let tick = 0; tick < 30; tick++) world.tick('crash-after-store');
    expect(world.state.release?.ending).not.toHaveProperty('remediedAt');
    expect(there(world, 'shop-v2')).toBe(1);
    world.run(2);
    expect(world.state.release?.ending).toHaveProperty('remediedAt');
  });

  test('a breach takes the pods out of the Service at once; they go after scaleDownDelay', () => {
    const world = byPods();
    world.runUntil(({ state: { release } }) => release?.stage === 'Holding' && release.weight === 50_000);
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    world.tick();
    const at = world.now;
    expect([behind(world, 'shop-v2'), behind(world, 'shop-v1')]).toEqual([0, 4]);
    expect(world.state.release?.ending?.remediedAt).toBeUndefined();
    world.tick();
    expect(world.state.release?.ending?.remediedAt).toBe(world.now);
    world.runUntil((now) => there(now, 'shop-v2') === 0);
    expect(world.now - at).toBeGreaterThanOrEqual(world.spec.scaleDownDelayMs);
    expect(world.violations).toEqual([]);
  });

  test('a Rollout that still has routes goes by them', () => {
    const world = releasing();
    world.runUntil(({ state: { release } }) => release?.stage === 'Holding');
    expect([world.state.release?.joined, behind(world, 'shop-v2')]).toEqual([undefined, 0]);
  });
});
