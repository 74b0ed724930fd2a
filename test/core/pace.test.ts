import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podLadder } from '#core/capacity.ts';
import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import type { Plan, Step } from '#core/model.ts';
import { podsOfSurge } from '#core/pace.ts';
import type { Surge } from '#core/words.ts';
import { tooQuickBy } from './pace-rules.ts';
import { FAULTS, type Fault, World, type WorldPod } from './world.ts';

/** A canary whose pods come by and by. */

const step = (weight: number, more: Partial<Step> = {}): Step => ({ weight, holdMs: 5000, ...more });

/** Watches every size that the canary is asked to have. */
class PacedWorld extends World {
  /** Sizes of the canary's ReplicaSet, as they were asked for. */
  asked: number[] = [];
  /** Pods that were ready once and are not now. */
  flapping = new Set<string>();

  static settled(plan: Partial<Plan>, replicas = 20): PacedWorld {
    const world = new PacedWorld();
    world.spec = { ...world.spec, replicas };
    world.plan = { ...world.plan, steps: [step(50_000)], ...plan };
    world.runUntil(({ state, narrowed }) => state.phase === 'Healthy' && narrowed);
    world.spec = { ...world.spec, revision: 'v2' };
    return world;
  }

  get size(): number {
    return this.sets.find(({ revision }) => revision === 'v2')?.replicas ?? 0;
  }

  get ready(): number {
    return this.pods.filter((pod) => pod.set === 'shop-v2' && this.available(pod)).length;
  }

  override available(pod: WorldPod): boolean {
    return super.available(pod) && !this.flapping.has(pod.name);
  }

  override apply(effect: Effect): void {
    const wrong = tooQuickBy(effect, this);
    if (wrong !== undefined && wrong !== '') this.violations.push(wrong);
    const before = this.size;
    super.apply(effect);
    if (this.size !== before) this.asked.push(this.size);
    const { release } = this.state;
    if (this.size < before && release?.revision === 'v2' && release.ending === undefined)
      this.violations.push(`the canary shrinks from ${before} to ${this.size}`);
  }

  protected override check(): void {}

  /** Everything but the deadlines as the newest word asks for. */
  rests(): boolean {
    return this.state.phase === 'Healthy' && this.state.stable === 'v2' && this.size === this.spec.replicas;
  }

  help(): void {
    const { phase, release } = this.state;
    if (release !== undefined && phase !== 'Progressing') this.act(release.ending === undefined ? 'resume' : 'retry');
  }
}

const byFive: Partial<Plan> = { maxSurge: { pods: 5 } };

test.each<{ surge: Surge; replicas: number; want: number; because: string }>([
  { surge: { pods: 5 }, replicas: 3, want: 5, because: 'a number is a number' },
  { surge: { share: 10_000 }, replicas: 25, want: 3, because: 'a part of a pod is a pod' },
  { surge: { share: 100_000 }, replicas: 7, want: 7, because: 'all of them is no limit' },
  { surge: { share: 1000 }, replicas: 10, want: 1, because: 'without any the canary would never come' },
])('$surge of $replicas pods are $want: $because', ({ surge, replicas, want }) => {
  expect(podsOfSurge(surge, replicas)).toBe(want);
});

test('pods are asked for as others become available, and the raise waits for all of them', () => {
  const world = PacedWorld.settled(byFive);
  const told: string[] = [];
  world.runUntil(({ state, routes }) => {
    if (state.message.includes('at a time')) told.push(state.message);
    if ((routes[0]?.weight ?? 0) > 0) expect(world.ready).toBe(20);
    return state.release?.stage === 'Holding';
  });
  expect(world.asked).toEqual([5, 10, 15, 20]);
  expect(told).toContain('Preparing: 10 of 20 canary pods are available, at most 5 at a time');
  expect(world.violations).toEqual([]);
});

test('without a limit all of them come at once', () => {
  const world = PacedWorld.settled({});
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  expect(world.asked).toEqual([20]);
  expect(world.state.release).not.toHaveProperty('grownAt');
});

test.each<{ name: string; plan: Partial<Plan>; want: number[]; because: string }>([
  {
    name: 'a step has its own',
    plan: { ...byFive, steps: [step(20_000, { maxSurge: { pods: 3 } }), step(50_000)] },
    want: [3, 5, 10, 15, 20],
    because: 'the first pods may be the dearest ones: their images are on no node yet',
  },
  {
    name: 'a step alone has one',
    plan: { steps: [step(20_000, { maxSurge: { pods: 3 } }), step(50_000)] },
    want: [3, 5, 20],
    because: 'the others were not limited',
  },
  {
    name: 'the last step keeps fewer pods',
    plan: { ...byFive, steps: [step(20_000, { maxSurge: { pods: 1 }, canaryReplicas: 2 })] },
    want: [1, 2, 7, 12, 17, 20],
    because: "the promotion is no step: it grows by the Rollout's own word",
  },
  {
    name: 'a share',
    plan: { maxSurge: { share: 30_000 } },
    want: [6, 12, 18, 20],
    because: 'it is one of all pods',
  },
  {
    name: 'what served recently returns',
    plan: { ...byFive, steps: [], rollback: true },
    want: [20],
    because: 'the remedy waits for nobody',
  },
])('$name: $because', ({ plan, want }) => {
  const world = PacedWorld.settled(plan);
  world.runUntil(() => world.rests());
  expect(world.asked).toEqual(want);
  expect(world.violations).toEqual([]);
});

describe('the deadline', () => {
  // kills: a deadline that counts from the beginning alone
  test('counts from the newest portion', () => {
    const world = PacedWorld.settled({ maxSurge: { pods: 1 } }, 40);
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    expect(world.now - (world.state.release?.startedAt ?? 0)).toBeGreaterThan(world.spec.progressDeadlineMs);
    expect(world.violations).toEqual([]);
  });

  // kills: a pod that comes again and again taken for growth
  test('ends a release whose next portion does not come', () => {
    const world = PacedWorld.settled(byFive);
    world.runUntil(() => world.ready === 10);
    world.broken.add('v2');
    const { grownAt = 0 } = world.state.release ?? {};
    world.runUntil(({ state }) => state.phase === 'Degraded');
    expect(world.state.message).toMatch(/^progressDeadline 1m passed: Preparing: 0 of 20 canary pods are available/);
    expect(world.now - grownAt).toBeLessThanOrEqual(world.spec.progressDeadlineMs + 4000);
    expect(world.size, 'nobody asks for more of what does not come').toBeLessThanOrEqual(15);
  });

  test('is looked at when it passes', () => {
    const world = PacedWorld.settled(byFive);
    world.runUntil(({ state }) => state.release?.grownTo === 10);
    const { grownAt = 0 } = world.state.release ?? {};
    const late = grownAt + world.spec.progressDeadlineMs - 1000;
    expect(decide(world.state, world.seen(), late).requeueAt).toBe(grownAt + world.spec.progressDeadlineMs + 1);
  });

  test('begins anew with an attempt', () => {
    const world = PacedWorld.settled({ maxSurge: { pods: 1 } }, 40);
    world.runUntil(() => world.ready === 30);
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    world.act('abort');
    world.runUntil(() => world.size === 0 && world.ready === 0);
    world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
    world.act('retry');
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    expect(world.size).toBe(40);
  });
});

// kills: a size that follows the ready pods down
test('pods that are not ready any more take none away, and no more come for them', () => {
  const world = PacedWorld.settled(byFive);
  world.runUntil(() => world.ready === 10 && world.size === 15);
  for (const pod of world.pods.slice(-12)) world.flapping.add(pod.name);
  world.run(5);
  expect(world.size).toBe(15);
  world.flapping.clear();
  world.runUntil(() => world.ready === 20);
  expect(world.violations).toEqual([]);
});

describe('an autoscaler', () => {
  test('that asks for more while the canary grows is followed by and by', () => {
    const world = PacedWorld.settled(byFive);
    world.runUntil(() => world.ready === 10);
    world.spec = { ...world.spec, replicas: 30 };
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    expect(world.asked).toEqual([5, 10, 15, 20, 25, 30]);
  });

  test('that asks for less takes nothing away', () => {
    const world = PacedWorld.settled(byFive);
    world.runUntil(() => world.ready === 10);
    world.spec = { ...world.spec, replicas: 4 };
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    expect(world.violations).toEqual([]);
    expect(world.size).toBe(20);
  });

  // kills: growth by load held back like growth by a step
  test('that asks for more where the canary has its share gets it at once', () => {
    const world = PacedWorld.settled(byFive);
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    world.spec = { ...world.spec, replicas: 60 };
    world.tick();
    expect(world.size).toBe(60);
  });
});

test('without routes the canary pods get their share of the Service by and by, and the step begins when all have it', () => {
  const world = PacedWorld.settled({}, 10);
  world.plan = podLadder({ ...world.plan, ...byFive, steps: [step(5000), step(50_000)] }, 10);
  world.spec = { ...world.spec, routes: [] };
  const serving = () =>
    world.pods.filter((pod) => pod.set === 'shop-v2' && pod.arms.stable && world.available(pod)).length;
  const seen = new Set<number>();
  world.runUntil(({ state: { release } }) => {
    if (release?.step === 1) seen.add(serving());
    return release?.step === 1 && release.arrivedAt !== undefined;
  });
  expect([...seen]).toEqual([1, 6, 10]);
  expect(world.violations).toEqual([]);
});

interface Move {
  replicas: number | undefined;
  fault: Fault;
  verdict: 'Pass' | 'Inconclusive' | 'Fail' | 'Both';
  /** Pods of the canary that are not ready for now, or all of them again. */
  flaps: number | undefined;
  kills: number;
}

const move: fc.Arbitrary<Move> = fc.record({
  replicas: fc.option(fc.integer({ min: 1, max: 24 }), { nil: undefined, freq: 6 }),
  fault: fc.constantFrom<Fault[]>('none', 'none', 'none', ...FAULTS),
  verdict: fc.constantFrom('Pass', 'Pass', 'Pass', 'Pass', 'Pass', 'Inconclusive', 'Fail', 'Both'),
  flaps: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined, freq: 3 }),
  kills: fc.constantFrom(0, 0, 0, 1, 3),
});

function meet(world: PacedWorld, { replicas, fault, verdict, flaps, kills }: Move): void {
  if (replicas !== undefined) world.spec = { ...world.spec, replicas };
  const mine = world.pods.filter(({ set, terminating }) => set === 'shop-v2' && terminating === undefined);
  if (flaps !== undefined) world.flapping = new Set(mine.slice(0, flaps).map(({ name }) => name));
  for (const pod of mine.slice(0, kills)) pod.terminating = world.now + 1000;
  world.verdict = () =>
    verdict === 'Both'
      ? { verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' }
      : { verdict, stable: 'Meets' };
  world.tick(fault);
}

const surge: fc.Arbitrary<Surge> = fc.oneof(
  fc.record({ pods: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ share: fc.integer({ min: 1, max: 100 }).map((percent) => percent * 1000) }),
);

// kills: what test/mutants/pacing.ts lists.
test('law: no more canary pods come up at once than may, none is taken away, and all of them come', () => {
  const steps = fc
    .tuple(fc.option(surge, { nil: undefined }), fc.option(surge, { nil: undefined }))
    .map((given) =>
      given.map((maxSurge, i) => step(i === 0 ? 20_000 : 60_000, maxSurge === undefined ? {} : { maxSurge })),
    );
  let limited = 0;
  fc.assert(
    fc.property(surge, steps, fc.array(move, { minLength: 20, maxLength: 60 }), (maxSurge, ladder, moves) => {
      const world = PacedWorld.settled({ maxSurge, steps: ladder }, 12);
      for (const one of moves) {
        meet(world, one);
        if (world.state.release?.grownAt !== undefined) limited += 1;
        expect(world.violations, world.timeline.join('\n')).toEqual([]);
      }
      world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
      world.flapping.clear();
      for (let tick = 0; tick < 400 && !world.rests(); tick++) {
        world.tick();
        if (tick % 20 === 0) world.help();
      }
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
      expect(world.rests(), `${world.timeline.join('\n')}\n${JSON.stringify(world.state)}`).toBe(true);
    }),
    { numRuns: 200, seed: 20_261_122 },
  );
  expect(limited, 'ticks of a canary that comes by and by').toBeGreaterThan(1000);
});
