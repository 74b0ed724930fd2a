import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import type { Problem } from '#core/seen.ts';
import { settled, World } from './world.ts';

const driven: Problem = { field: 'spec.service', message: 'is driven by Rollout first already', barsPods: true };

test('a Rollout on the Service of another one makes no pods, says so, and goes on once the other is gone', () => {
  const world = new World();
  world.problems = [driven];
  world.run(10);
  // kills: a first revision that comes up whatever the pre-flight says: its pods would serve the other's users.
  expect(world.sets).toEqual([]);
  expect(world.state).toMatchObject({ phase: 'Degraded', reason: 'InvalidSpec' });
  expect(world.state.message).toContain('driven by Rollout first');
  world.problems = [];
  world.runUntil(({ state }) => state.phase === 'Healthy');
});

test('a Rollout that never had pods leaves the Service alone when it goes', () => {
  const world = new World();
  world.problems = [driven];
  world.narrowed = true;
  world.run(2);
  world.deleting = true;
  world.runUntil(({ finalized }) => finalized);
  // kills: widening a Service that another Rollout has narrowed.
  expect(world.narrowed).toBe(true);
});

test.each([
  { at: 'rest', deleting: false },
  { at: 'its deletion', deleting: true },
])("at $at a Rollout touches no fence of another one's release", ({ deleting }) => {
  const world = settled();
  world.deleting = deleting;
  const [route] = world.routes;
  // Names that begin alike: `shop-2-1` is the first release of Rollout `shop-2`.
  Object.assign(route ?? {}, { fence: { release: 'shop-2-1', n: 3, weight: 5000 }, weight: 5000 });
  const { effects } = decide(world.state, world.seen(), world.now);
  expect(effects.filter(({ kind }) => kind === 'SetWeight' || kind === 'ClearFence')).toEqual([]);
});
