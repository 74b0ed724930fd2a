import fc from 'fast-check';
import { expect, test } from 'vitest';
import { podsAt, setOf } from '#core/capacity.ts';
import { conditionsOf } from '#core/conditions.ts';
import type { Effect } from '#core/effect.ts';
import { rungAt } from '#core/ladder.ts';
import { FAULTS, type Fault, World } from './world.ts';

/** Sizes while somebody scales: a person, an HPA or KEDA. All of them write spec.replicas and nothing else. */

interface Move {
  replicas: number | undefined;
  room: number | undefined;
  tells: boolean;
  fault: Fault;
  verdict: 'Pass' | 'Inconclusive' | 'Fail';
}

/** Watches every scaling. */
class ScaledWorld extends World {
  static settled(): ScaledWorld {
    const world = new ScaledWorld();
    world.runUntil(({ state, narrowed }) => state.phase === 'Healthy' && narrowed);
    world.spec = { ...world.spec, revision: 'v2' };
    return world;
  }

  size(revision: string): number {
    return this.sets.find((set) => set.revision === revision)?.replicas ?? 0;
  }

  override apply(effect: Effect): void {
    if (effect.kind === 'ScaleReplicaSet') this.watchScale(effect);
    super.apply(effect);
  }

  private watchScale({ name, replicas }: Extract<Effect, { kind: 'ScaleReplicaSet' }>): void {
    const { stable, release } = this.state;
    const set = this.sets.find((candidate) => candidate.name === name);
    if (set === undefined || replicas >= set.replicas || release === undefined || release.ending !== undefined) return;
    if (set.revision === stable || set.revision === release.revision)
      this.violations.push(`${name} shrinks from ${set.replicas} to ${replicas} during a release`);
  }

  protected override check(): void {}

  /** One tick in which somebody scales, the room changes, or the operator dies. */
  meet({ replicas, room, tells, verdict, fault }: Move): void {
    if (room !== undefined) Object.assign(this, { room: this.pods.length + room, tells });
    if (replicas !== undefined) this.spec = { ...this.spec, replicas };
    this.verdict = () => ({ verdict, stable: 'Meets' });
    this.tick(fault);
    if (fault === 'none') this.watchReach();
  }

  /** What a person would say. */
  help(): void {
    const { phase, release } = this.state;
    if (release !== undefined && phase !== 'Progressing') this.act(release.ending === undefined ? 'resume' : 'retry');
  }

  /** Healthy, and every size as the newest word asks for. */
  rests(): boolean {
    const { replicas, revision } = this.spec;
    const sized = this.sets.every((set) => set.replicas === (set.revision === revision ? replicas : 0));
    return sized && this.state.phase === 'Healthy';
  }

  /** After a pass that nothing cut short: both arms are wished as large as the newest word asks for. */
  watchReach(): void {
    const { release, stable } = this.state;
    if (release === undefined || release.ending !== undefined || release.committed) return;
    const plan = this.releases.get(release.name)?.plan;
    if (plan === undefined || stable === undefined) return;
    if (this.size(stable) < this.spec.replicas) this.violations.push(`stable is not told of ${this.spec.replicas}`);
    const asked =
      release.stage === 'Promoting' ? this.spec.replicas : podsAt(rungAt(plan, release.step), this.spec.replicas);
    const there = this.sets.some(({ revision }) => revision === release.revision);
    if (there && this.size(release.revision) < asked) this.violations.push(`the canary is not told of ${asked}`);
  }
}

const faults: Fault[] = ['none', 'none', ...FAULTS];
const move: fc.Arbitrary<Move> = fc.record({
  replicas: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 3 }),
  /** Pods beyond those there are that a quota leaves room for, from now on; none: no quota any more. */
  room: fc.option(fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY), { nil: undefined, freq: 4 }),
  tells: fc.boolean(),
  fault: fc.constantFrom(...faults),
  verdict: fc.constantFrom('Pass' as const, 'Pass' as const, 'Pass' as const, 'Inconclusive' as const, 'Fail' as const),
});

// kills: an arm that follows a lower wish at once; a higher wish that reaches stable alone; stable alone held.
test('law: during a release no arm shrinks with the wish, and a higher wish reaches both', () => {
  fc.assert(
    fc.property(fc.array(move, { minLength: 30, maxLength: 60 }), (moves) => {
      const world = ScaledWorld.settled();
      for (const one of moves) {
        world.meet(one);
        expect(world.violations, world.timeline.join('\n')).toEqual([]);
      }
      world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
      world.room = Number.POSITIVE_INFINITY;
      for (let tick = 0; tick < 400 && !world.rests(); tick++) {
        world.tick();
        if (tick % 20 === 0) world.help();
      }
      expect(world.rests(), `${world.timeline.join('\n')}\n${JSON.stringify(world.state)}`).toBe(true);
      expect(world.violations).toEqual([]);
    }),
    { numRuns: 150, seed: 20_261_121 },
  );
});

test('a lower wish is followed when a release that went back has let its canary go', () => {
  const world = ScaledWorld.settled();
  world.runUntil(({ routes }) => (routes[0]?.weight ?? 0) > 0);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.runUntil(({ state }) => state.phase === 'Paused');
  world.spec = { ...world.spec, replicas: 2 };
  world.tick();
  const atOnce = world.size('v1');
  world.runUntil(({ sets }) => sets.some(({ revision, replicas }) => revision === 'v2' && replicas === 0));
  world.tick();

  expect(atOnce, 'pods still leave: not yet').toBe(4);
  // kills: a release that waits for a person holds stable at its old size for as long as that takes.
  expect(world.size('v1')).toBe(2);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
});

test.each([
  { name: 'a quota', tells: true, because: 'old pods have the room that the new ones wait for' },
  { name: 'full nodes', tells: false, because: 'nobody says a word, so progressDeadline counts' },
])('after the commit point $name does not stop the promotion', ({ tells, because }) => {
  const world = ScaledWorld.settled();
  Object.assign(world, { room: 8, tells });
  world.runUntil(({ state }) => state.release?.joined === 4 && state.release.joinedAt !== undefined);
  // The old pods still serve when the wish rises: the pass that commits does nothing else.
  while (world.state.release?.committed !== true) world.tick('crash-after-store');
  world.spec = { ...world.spec, replicas: 7 };
  world.tick();
  world.tick();
  const short = conditionsOf(world.state, world.seen()).find(({ type }) => type === 'PodsRefused');
  const served: number[] = [];
  // kills: the old pods wait for room that they have themselves.
  world.runUntil((now) => {
    served.push(now.pods.filter((pod) => pod.arms.stable && now.available(pod)).length);
    return now.state.phase === 'Healthy' && now.pods.length === 7;
  });

  expect(short, because).toEqual(
    tells
      ? {
          type: 'PodsRefused',
          status: 'True',
          reason: 'QuotaExceeded',
          message: 'ReplicaSet shop-v2 has 4 of 7 pods: exceeded quota: team',
        }
      : undefined,
  );
  expect(Math.min(...served), 'as many as before, all the time').toBeGreaterThanOrEqual(4);
  expect(setOf(world.seen(), 'v1')?.replicas ?? 0).toBe(0);
});

test('before the commit point the sentence names the quota, and the progress deadline ends the wait', () => {
  const world = ScaledWorld.settled();
  world.room = 4;
  world.runUntil(({ sets }) => sets.length === 2);
  world.tick();
  world.tick();
  const waiting = world.state.message;
  world.runUntil(({ state }) => state.phase === 'Degraded', 200);

  expect(waiting).toBe('Preparing: 0 of 1 canary pods are available (ReplicaSet shop-v2: exceeded quota: team)');
  expect(world.state).toMatchObject({ reason: 'DeadlineExceeded' });
});

test('a Rollout that is scaled to nothing begins no release until it has pods again', () => {
  const world = ScaledWorld.settled();
  world.spec = { ...world.spec, revision: 'v1', replicas: 0 };
  world.runUntil(({ pods }) => pods.length === 0);
  world.spec = { ...world.spec, revision: 'v2' };
  world.run(100);
  const asleep = { ...world.state };
  world.spec = { ...world.spec, replicas: 3 };
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');

  // kills: a release that waits for a canary of no pods, and is given up at its deadline.
  expect(asleep).toMatchObject({ stable: 'v1', message: 'Waiting to begin: spec.replicas is 0' });
  expect(asleep.release).toBeUndefined();
});

test('a drain that takes every canary costs no blame the first time: back to 0, and up again with the next pods', () => {
  const world = ScaledWorld.settled();
  world.runUntil(({ state }) => state.release?.stage === 'Holding' && state.release.step === 1);
  const evict = () => {
    for (const pod of world.pods) if (pod.set === 'shop-v2') pod.terminating ??= world.now + 1000;
  };
  evict();
  world.tick();
  const weights = world.routes.map(({ weight }) => weight);
  const { release, phase } = world.state;
  world.runUntil(({ state }) => state.phase === 'Healthy');

  // kills: a weight that stays with nobody behind it; a breach for what a drain did.
  expect(weights).toEqual([0]);
  expect({ phase, ...release }).toMatchObject({ phase: 'Progressing', stage: 'Probing', step: 0, autoResumed: true });
  expect(world.state.stable).toBe('v2');
});
