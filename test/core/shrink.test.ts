import fc from 'fast-check';
import { expect, test } from 'vitest';
import { podsAt, podsFor, stableBeside } from '#core/capacity.ts';
import { conditionsOf } from '#core/conditions.ts';
import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import { podsLeftWith, unlawfulReturn } from './shrink-rules.ts';
import { FAULTS, type Fault, World } from './world.ts';

/** Stable gets smaller while the canary serves, where the Rollout asks for it. */

/** A gateway takes a weight so long after it has accepted it: below settle. */
const LAG_MS = 1000;

/** Watches every pod that stable loses, and every share that it gets back. */
class ShrinkingWorld extends World {
  /** Share of the canary as the gateway really has it. */
  live = 0;
  private written = { weight: 0, at: 0 };

  static settled(more: Partial<World['spec']> = {}): ShrinkingWorld {
    const world = new ShrinkingWorld();
    world.spec = { ...world.spec, replicas: 10, shrinkStable: true, ...more };
    const steps = world.plan.steps.map((step) => ({ ...step, holdMs: 15_000 }));
    world.plan = { ...world.plan, steps, bake: { forMs: 15_000, control: 5000 } };
    world.runUntil(({ state, narrowed }) => state.phase === 'Healthy' && narrowed);
    world.spec = { ...world.spec, revision: 'v2' };
    return world;
  }

  static holding(step: number, more: Partial<World['spec']> = {}): ShrinkingWorld {
    const world = ShrinkingWorld.settled(more);
    world.runUntil(({ state: { release } }) => release?.step === step && release.arrivedAt !== undefined);
    // Until the pods that it does not need are gone.
    world.run(6);
    return world;
  }

  size(revision: string): number {
    return this.sets.find((set) => set.revision === revision)?.replicas ?? 0;
  }

  get weight(): number {
    return this.routes[0]?.weight ?? 0;
  }

  fail(cause: 'Worse' | 'DarkCanary' = 'Worse'): void {
    this.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause });
  }

  /** Somebody sets the weight, and the gateway accepts it at once. */
  turn(weight: number): void {
    for (const route of this.routes)
      Object.assign(route, { weight, version: route.version + 1, acceptedAt: this.now, manager: 'kubectl-edit' });
  }

  kill(revision: string, count = Number.POSITIVE_INFINITY): void {
    const mine = this.pods.filter((pod) => pod.set === `shop-${revision}` && pod.terminating === undefined);
    for (const pod of mine.slice(0, count)) pod.terminating = this.now;
  }

  protected override cluster(): void {
    super.cluster();
    const route = this.routes[0];
    if (route === undefined || this.now < route.acceptedAt) return;
    if (this.written.weight !== route.weight) this.written = { weight: route.weight, at: this.now };
    if (this.now - this.written.at >= LAG_MS) this.live = this.written.weight;
  }

  override apply(effect: Effect): void {
    const { stable, release } = this.state;
    const set = this.sets.find((candidate) => 'name' in effect && candidate.name === effect.name);
    const fewer = effect.kind === 'ScaleReplicaSet' && set !== undefined && effect.replicas < set.replicas;
    if (fewer && set.revision === stable && release?.ending === undefined && !release?.committed) {
      const least = podsLeftWith(this.live, Math.max(this.spec.replicas, release?.full ?? 0));
      if (effect.replicas < least) this.violations.push(`stable has ${effect.replicas} pods, its share takes ${least}`);
    }
    super.apply(effect);
  }

  override reconcile(fault: Fault = 'none', seen = this.seen()): void {
    const before = this.state;
    super.reconcile(fault, seen);
    if (this.state === before) return;
    const wrong = unlawfulReturn({ before, after: this.state, seen, now: this.now });
    if (wrong !== undefined) this.violations.push(`${wrong} (at ${this.now})`);
  }

  protected override check(): void {}

  /** Healthy and whole. */
  rests(): boolean {
    const { replicas, revision } = this.spec;
    const sized = this.sets.every((set) => set.replicas === (set.revision === revision ? replicas : 0));
    return sized && this.state.phase === 'Healthy' && this.state.stable === revision;
  }

  /** What a person would say. */
  help(): void {
    const { phase, release } = this.state;
    if (release !== undefined && phase !== 'Progressing') this.act(release.ending === undefined ? 'resume' : 'retry');
  }
}

test.each([
  { weight: 0, stable: 10, canary: 1, because: 'nothing is taken off stable' },
  { weight: 5000, stable: 10, canary: 1, because: 'half a pod is no pod' },
  { weight: 20_000, stable: 9, canary: 3, because: 'eight for its own share and half of two' },
  { weight: 50_000, stable: 8, canary: 8, because: 'both arms see the same load per pod' },
  { weight: 95_000, stable: 6, canary: 10, because: 'the way back always finds half of the pods' },
  { weight: 100_000, stable: 5, canary: 10, because: 'though nothing is sent to them' },
])('of ten pods beside a canary of $weight stable keeps $stable: $because', ({ weight, stable, canary }) => {
  expect(stableBeside({ replicas: 10, weight })).toBe(stable);
  expect(podsFor({ replicas: 10, weight, shrinks: true })).toBe(canary);
});

test('copies take nothing off stable, so a canary of copies is as large as ever', () => {
  const step = { weight: 0, holdMs: 0, reach: { mirror: 50_000 } };
  expect(podsAt(step, 10, true)).toBe(10);
});

test('stable shrinks at each step once the gateway has the weight, and everything ends whole', () => {
  const world = ShrinkingWorld.settled();
  const sizes = new Map<string, number>();
  const early: string[] = [];
  let peak = 0;
  world.runUntil(({ state: { release }, pods }) => {
    peak = Math.max(peak, pods.filter(({ terminating }) => terminating === undefined).length);
    if (release?.stage === 'Shifting' && world.size('v1') < stableBeside({ replicas: 10, weight: world.live }))
      early.push(`${release.weight}: ${world.size('v1')}`);
    if (release?.arrivedAt !== undefined && !release.committed)
      sizes.set(`${release.stage} ${release.weight}`, world.size('v1'));
    return world.rests();
  });

  expect(Object.fromEntries(sizes)).toEqual({
    'Holding 5000': 10,
    'Holding 20000': 9,
    'Holding 50000': 8,
    'Baking 95000': 6,
    'Promoting 95000': 6,
  });
  expect(early).toEqual([]);
  expect(peak, 'twenty without').toBe(18);
  expect(world.violations).toEqual([]);
});

test('without the wish stable keeps its size', () => {
  const world = ShrinkingWorld.settled();
  const { shrinkStable: _, ...spec } = world.spec;
  world.spec = spec;
  world.runUntil(({ state: { release } }) => release?.stage === 'Baking' && release.arrivedAt !== undefined);
  world.run(2);
  expect(world.size('v1')).toBe(10);
  expect(conditionsOf(world.state, world.seen()).find(({ type }) => type === 'StableShrunk')).toBeUndefined();
});

test('without routes stable keeps its size: fewer of its pods would be more for the canary', () => {
  const world = ShrinkingWorld.settled({ routes: [] });
  world.runUntil(({ state: { release } }) => release?.arrivedAt !== undefined && release.step === 2);
  world.run(2);
  expect(world.size('v1')).toBe(10);
});

test('while it is shrunk a condition says why', () => {
  const world = ShrinkingWorld.holding(2);
  expect(conditionsOf(world.state, world.seen()).find(({ type }) => type === 'StableShrunk')).toEqual({
    type: 'StableShrunk',
    status: 'True',
    reason: 'CanaryServes',
    message: 'ReplicaSet shop-v1 has 8 of 10 pods while the canary serves 50%: spec.shrinkStable asks for it',
  });
});

test('a retreat goes at once to what ready pods carry, and the rest as they come', () => {
  const world = ShrinkingWorld.holding(3);
  const before = world.weight;
  world.fail();
  world.tick();
  const atOnce = { weight: world.weight, size: world.size('v1'), message: world.state.message };
  const weights: number[] = [];
  world.runUntil(() => {
    weights.push(world.weight);
    return world.weight === 0;
  });

  expect(before).toBe(95_000);
  expect(atOnce).toEqual({
    weight: 40_000,
    size: 10,
    message: "availability: Fail; the traffic goes back as stable's pods come: 6 of 10 are ready, the canary keeps 40%",
  });
  // kills: a fall that stops at its first write; one that is too late for the pods
  expect(weights.length, 'pods take two ticks to be seen, and two to be ready').toBeLessThan(6);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached', message: 'availability: Fail' });
  expect(world.violations).toEqual([]);
});

test.each([
  {
    name: 'pods come one by one',
    because: 'each of them takes its own share back',
    break: (world: ShrinkingWorld) => (world.room = world.pods.length + 1),
    tells: false,
    atOnce: 40_000,
    after: 30_000,
  },
  {
    name: 'a quota refuses the pods',
    because: 'nobody waits for pods that do not come',
    break: (world: ShrinkingWorld) => (world.room = world.pods.length),
    tells: true,
    atOnce: 40_000,
    after: 0,
  },
  {
    name: 'the gateway may not send to the canary any more',
    because: 'it answers with errors',
    break: (world: ShrinkingWorld) => (world.barred = 'no ReferenceGrant'),
    tells: false,
    atOnce: 0,
    after: 0,
  },
  {
    name: 'no pod of the canary is ready',
    because: 'what nobody serves is lost anyway',
    break: (world: ShrinkingWorld) => world.kill('v2'),
    tells: false,
    atOnce: 0,
    after: 0,
  },
  {
    name: 'few pods of the canary are ready',
    because: 'they get no more than they carry',
    break: (world: ShrinkingWorld) => world.kill('v2', 8),
    tells: false,
    atOnce: 20_000,
    after: 0,
  },
])('$name: $because', ({ break: strike, tells, atOnce, after }) => {
  const world = ShrinkingWorld.holding(3);
  world.tells = tells;
  strike(world);
  world.fail();
  world.tick();
  const first = world.weight;
  world.run(5);
  expect([first, world.weight]).toEqual([atOnce, after]);
  expect(world.violations).toEqual([]);
});

test('a canary that finishes nothing keeps nothing', () => {
  const world = ShrinkingWorld.holding(3);
  world.fail('DarkCanary');
  world.tick();
  expect(world.weight).toBe(0);
});

test('after a minute everything goes back, whatever is ready', () => {
  const world = ShrinkingWorld.holding(3);
  world.room = world.pods.length;
  world.tells = false;
  world.fail();
  world.run(60);
  const late = world.weight;
  // Nothing happens until then but the clock: it must ask to be looked at.
  const { requeueAt = Number.POSITIVE_INFINITY } = decide(world.state, world.seen(), world.now);
  world.run(2);

  expect(late).toBe(40_000);
  expect(requeueAt - world.now).toBeLessThanOrEqual(1000);
  expect(world.weight).toBe(0);
  expect(world.violations).toEqual([]);
});

test('a record that is lost on the way back changes nothing', () => {
  const world = ShrinkingWorld.holding(3);
  world.fail();
  const weights: number[] = [];
  const plan: Fault[] = ['drop-store', 'crash-before-store', 'crash-after-store', 'drop-store'];
  for (const fault of plan) {
    world.tick(fault);
    weights.push(world.weight);
  }
  world.run(20);
  expect(weights.every((weight, i) => weight <= (weights[i - 1] ?? 95_000))).toBe(true);
  expect(world.weight).toBe(0);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(world.violations).toEqual([]);
});

test('both arms bad: the traffic goes back in steps, nobody is blamed for that, and it begins again from 0', () => {
  const world = ShrinkingWorld.holding(3);
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.tick();
  const { release, message } = world.state;
  const waits: string[] = [];
  world.runUntil(({ state }) => {
    waits.push(state.message);
    return state.release?.weight === 0;
  });
  const { phase, release: still } = world.state;
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.runUntil(() => world.rests());

  expect({ weight: release?.weight, stage: release?.stage }).toEqual({ weight: 40_000, stage: 'Probing' });
  expect(message).toContain('nobody is blamed');
  expect(waits.join('\n')).toContain("Waiting before the first raise: the traffic goes back as stable's pods come");
  // kills: a way back that counts as a second time
  expect({ phase, ending: still?.ending }).toEqual({ phase: 'Progressing', ending: undefined });
  expect(world.violations).toEqual([]);
});

test('somebody takes the rest of a way back: it is over, and nothing returns without a word', () => {
  const world = ShrinkingWorld.holding(3);
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.tick();
  const [route] = world.routes;
  if (route !== undefined) Object.assign(route, { weight: 0, version: route.version + 1, manager: 'kubectl-edit' });
  world.tick();
  const { phase, reason, release } = world.state;
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.run(60);

  // kills: a way back that goes on as if its last step had been its own
  expect({ phase, reason, weight: release?.weight }).toEqual({ phase: 'Paused', reason: 'RouteChanged', weight: 0 });
  expect(world.state.message).toContain('taken back by kubectl-edit');
  expect(world.weight).toBe(0);
  world.act('resume');
  world.runUntil(() => world.rests());
  expect(world.violations).toEqual([]);
});

test('somebody takes the traffic back: stable grows at once to what it gets', () => {
  const world = ShrinkingWorld.holding(3);
  const [route] = world.routes;
  if (route !== undefined) Object.assign(route, { weight: 0, version: route.version + 1, manager: 'kubectl-edit' });
  world.tick();
  expect(world.size('v1')).toBe(10);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
});

// kills: shrinks by what was obeyed before; by a record that knows nothing of the last write
test.each<Fault>(['none', 'drop-store'])(
  'somebody gives more before the raise has settled: no pod goes until our own write has settled too (%s)',
  (fault) => {
    for (const after of [0, 1, 2, 3, 4]) {
      const world = ShrinkingWorld.settled({ replicas: 4 });
      world.runUntil(({ state: { release }, routes: [route] }) => release?.step === 2 && route?.weight === 50_000);
      world.run(after);
      world.turn(100_000);
      world.tick(fault);
      world.run(12);
      expect(world.violations, `${after} ticks after the raise`).toEqual([]);
      expect([after, world.weight, world.size('v1')]).toEqual([after, 50_000, 3]);
    }
  },
);

// kills: what arrived once counts for ever
test('somebody takes the traffic back and gives it again: its pods go once that has settled', () => {
  const world = ShrinkingWorld.holding(2);
  world.turn(1000);
  world.run(4);
  const grown = world.size('v1');
  world.turn(50_000);
  world.tick();
  const atOnce = world.size('v1');
  const { now } = world;
  const { requeueAt = Number.POSITIVE_INFINITY } = decide(world.state, world.seen(), now);
  world.run(4);

  expect([grown, atOnce, world.size('v1')]).toEqual([10, 10, 8]);
  expect(requeueAt - now, 'time alone lets them go').toBeLessThanOrEqual(world.spec.settleMs);
  expect(world.violations).toEqual([]);
});

test('an autoscaler is followed up in proportion, and down at the end alone', () => {
  const world = ShrinkingWorld.holding(2);
  world.spec = { ...world.spec, replicas: 20 };
  world.run(2);
  const up = [world.size('v1'), world.size('v2')];
  world.spec = { ...world.spec, replicas: 4 };
  world.run(2);
  const down = [world.size('v1'), world.size('v2')];
  world.fail();
  world.tick();
  const back = world.size('v1');
  world.runUntil(() => world.size('v2') === 0);
  world.run(2);

  expect(up).toEqual([15, 15]);
  // kills: a smaller stable that is taken for its size
  expect(down).toEqual([15, 15]);
  expect(back).toBe(20);
  expect(world.size('v1')).toBe(4);
});

test('a Rollout that is deleted gets its stable back before its canary goes', () => {
  const world = ShrinkingWorld.holding(3);
  world.deleting = true;
  world.tick();
  const first = { weight: world.weight, size: world.size('v1') };
  world.runUntil(({ finalized }) => finalized);
  expect(first).toEqual({ weight: 40_000, size: 10 });
  expect(world.weight).toBe(0);
  expect(world.violations).toEqual([]);
});

interface Move {
  replicas: number | undefined;
  room: number | undefined;
  tells: boolean;
  fault: Fault;
  verdict: 'Pass' | 'Inconclusive' | 'Fail' | 'Both';
  dies: 'v1' | 'v2' | undefined;
}

const faults: Fault[] = ['none', 'none', 'none', 'none', ...FAULTS];
const move: fc.Arbitrary<Move> = fc.record({
  replicas: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 4 }),
  room: fc.option(fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY), { nil: undefined, freq: 8 }),
  tells: fc.boolean(),
  fault: fc.constantFrom(...faults),
  verdict: fc.constantFrom(...(['Pass', 'Pass', 'Pass', 'Pass', 'Pass', 'Inconclusive', 'Fail', 'Both'] as const)),
  dies: fc.option(fc.constantFrom('v1' as const, 'v2' as const), { nil: undefined, freq: 10 }),
});

function meet(world: ShrinkingWorld, { replicas, room, tells, verdict, fault, dies }: Move): void {
  if (room !== undefined) Object.assign(world, { room: world.pods.length + room, tells });
  if (replicas !== undefined) world.spec = { ...world.spec, replicas };
  if (dies !== undefined) world.kill(dies, 2);
  world.verdict = () =>
    verdict === 'Both'
      ? { verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' }
      : { verdict, stable: 'Meets' };
  world.tick(fault);
}

// kills: what test/mutants/shrinking.ts lists.
test('law: a stable that shrinks carries what it is sent, and is whole in the end', () => {
  let fell = 0;
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 3 }), fc.array(move, { minLength: 20, maxLength: 50 }), (step, moves) => {
      const world = ShrinkingWorld.holding(step);
      for (const one of moves) {
        meet(world, one);
        if (world.state.release?.returningSince !== undefined) fell += 1;
        expect(world.violations, world.timeline.join('\n')).toEqual([]);
      }
      world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
      world.room = Number.POSITIVE_INFINITY;
      for (let tick = 0; tick < 400 && !world.rests(); tick++) {
        world.tick();
        if (tick % 20 === 0) world.help();
      }
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
      expect(world.rests(), `${world.timeline.join('\n')}\n${JSON.stringify(world.state)}`).toBe(true);
    }),
    { numRuns: 200, seed: 20_261_122 },
  );
  expect(fell, 'ways back that took their time').toBeGreaterThan(100);
});
