import { expect, test } from 'vitest';
import { releasing, type World } from './world.ts';

/** Somebody takes the stable label off the Service's selector. */

const holding = (world: World) => world.state.release?.stage === 'Holding';

function widenedAt(until: (world: World) => boolean): World {
  const world = releasing();
  world.runUntil(until);
  world.narrowed = false;
  world.tick();
  return world;
}

// kills: a Service that is narrowed again and again while its clients meet the canary in between
test.each([
  { name: 'before the first user', because: 'its pods are ready and the Service sends', until: probing },
  { name: 'on a step', because: 'the weight says 5 % and in-cluster clients meet it as they come', until: holding },
  { name: 'while in-cluster clients move', because: 'no share of them is kept', until: joining },
])('a Service that is widened $name takes the canary back: $because', ({ until, because }) => {
  const world = widenedAt(until);
  expect(world.state, because).toMatchObject({
    phase: 'Paused',
    reason: 'RouteChanged',
    release: { weight: 0, ending: { kind: 'Retreat', cause: 'ServiceWidened' } },
  });
  expect(world.state.message).toContain('headgate.dev/stable was taken off its selector');
  expect(world.narrowed).toBe(true);
  world.run(120);
  expect(world.pods.filter(({ set }) => set.endsWith('v2'))).toHaveLength(0);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  world.act('retry');
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});

function probing({ state, pods }: World): boolean {
  return state.release?.stage === 'Probing' && pods.some(({ set }) => set.endsWith('v2'));
}

function joining({ state }: World): boolean {
  return state.release?.stage === 'Promoting' && (state.release.joined ?? 0) > 0 && !state.release.committed;
}

test('at rest nothing is sent wrongly: it is narrowed again, and nothing else happens', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined);
  world.narrowed = false;
  world.run(5);
  expect(world.narrowed).toBe(true);
  expect(world.state.phase).toBe('Healthy');
});

test('after the commit point the new revision serves all: nothing goes back', () => {
  const world = widenedAt(({ state }) => state.release?.committed === true);
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});
