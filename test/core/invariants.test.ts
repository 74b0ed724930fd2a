import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import type { State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import { releasing, type World } from './world.ts';

/** Safety that no ordinary run touches, because two guards hold it or because the world is rarely that unlucky. */

const raisesOf = (state: State, seen: Seen, now: number): Effect[] =>
  decide(state, seen, now).effects.filter((effect) => effect.kind === 'SetWeight' && effect.raise);

/** A record that grants step 1, stored by a process that ended before it wrote the route. */
function grantedOnly(): World {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Probing');
  // The last tick but one before the raise: the data plane is given two to learn of the pods.
  world.tick();
  world.tick('crash-after-store');
  expect(world.state.release).toMatchObject({ stage: 'Shifting', weight: 5000, n: 2 });
  return world;
}

test('a record that was granted and not written is written by whoever comes next', () => {
  const world = grantedOnly();
  expect(raisesOf(world.state, world.seen(), world.now)).toMatchObject([{ weight: 5000, fence: { n: 2 } }]);
});

// kills: a raise without canCarry
test('a granted weight waits for the pods that shall carry it', () => {
  const world = grantedOnly();
  world.broken.add('v2');
  expect(raisesOf(world.state, world.seen(), world.now)).toEqual([]);
});

// kills: mayRaise without its comparison of fence numbers
test.each([
  { name: 'as new as the record', n: 2 },
  { name: 'newer than the record', n: 3 },
])('a fence $name is never passed by a raise, while the gates are silent too', ({ n }) => {
  const world = grantedOnly();
  world.verdict = () => ({ verdict: 'NoData', stable: 'Unknown', cause: 'CatchingUp' });
  Object.assign(world.routes[0] ?? {}, { fence: { release: 'shop-1', n, weight: 0 }, version: 900 });
  expect(raisesOf(world.state, world.seen(), world.now)).toEqual([]);
});

// kills: a pause that stands before the breach
test.each(['User', 'NoData'] as const)('a breach reaches weight 0 through a pause for %s', (reason) => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.state = { ...world.state, phase: 'Paused', reason };
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick();
  expect(world.routes[0]?.weight).toBe(0);
  expect(world.state).toMatchObject({
    phase: 'Paused',
    reason: 'GateBreached',
    release: { ending: { cause: 'Worse' } },
  });
});

// kills: scaling the canary down by the clock alone
test('after a retreat the canary pods stay until every gateway has taken weight 0', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const canaries = () => world.pods.filter((pod) => pod.set === 'shop-v2' && pod.terminating === undefined).length;
  const before = canaries();
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick();
  Object.assign(world.routes[0] ?? {}, { acceptedAt: Number.POSITIVE_INFINITY });
  world.run(60);
  expect(canaries(), 'some gateway may still send there').toBe(before);
  Object.assign(world.routes[0] ?? {}, { acceptedAt: world.now });
  world.run(10);
  expect(canaries()).toBe(0);
});

function committed(): World {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.joined === 4);
  while (world.state.release?.committed !== true) {
    world.now += 1000;
    world.reconcile('crash-after-store');
  }
  return world;
}

// kills: old pods that leave the Service by the record alone
test('after the commit point the old pods keep their label until the new ones carry all', () => {
  const world = committed();
  const seen = world.seen();
  const dying = structuredClone(seen);
  const pod = dying.replicaSets.find(({ revision }) => revision === 'v2')?.pods[0];
  Object.assign(pod ?? {}, { available: false });
  const leaves = (sight: Seen) =>
    decide(world.state, sight, world.now).effects.filter(
      (effect) => effect.kind === 'LabelPod' && effect.pod.startsWith('shop-v1') && !effect.arms.stable,
    );
  expect(leaves(dying)).toEqual([]);
  expect(leaves(seen)).toHaveLength(4);
});

// kills: the old revision scaled down at the commit point
test('the old pods stay at full size until the route has rested for scaleDownDelay', () => {
  const world = committed();
  const sizeOfOld = () => world.sets.find(({ revision }) => revision === 'v1')?.replicas;
  const early: string[] = [];
  world.runUntil(({ state: { release }, now, routes }) => {
    const rested = release?.restoredAt !== undefined && now - release.restoredAt >= 5000;
    if (!rested && release !== undefined && sizeOfOld() !== 4) early.push(`${now}: weight ${routes[0]?.weight}`);
    return release === undefined;
  });
  expect(early).toEqual([]);
  expect(sizeOfOld()).toBe(0);
});

// kills: verdicts that outlive the step they were reached at
test('a pass of the step before leaves no step', () => {
  const world = releasing();
  world.runUntil(({ state: { release } }) => release?.stage === 'Holding' && release.step === 1);
  world.now += 60_000;
  const seen = world.seen();
  const of = (stepEpoch: string) => ({ ...seen, gates: seen.gates.map((gate) => ({ ...gate, stepEpoch })) });
  const [current] = seen.gates;
  expect(decide(world.state, of('shop-1/1/step0/2'), world.now).next.release).toMatchObject({ step: 1 });
  expect(decide(world.state, of(current?.stepEpoch ?? ''), world.now).next.release).toMatchObject({ step: 2 });
});

// kills: in-cluster clients moved on to the next share by the record alone
test('a share of in-cluster clients begins when its pods are behind the Service', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.joined === 1);
  for (const pod of world.pods) if (pod.set === 'shop-v2') pod.arms = { stable: false, canary: true };
  delete world.state.release?.joinedAt;
  for (let tick = 0; tick < 30; tick++) world.tick('crash-after-store');
  expect(world.state.release).toMatchObject({ stage: 'Promoting', joined: 1 });
  expect(world.state.release).not.toHaveProperty('joinedAt');
});
