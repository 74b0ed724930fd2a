import { expect, test } from 'vitest';
import { moments } from './moments.ts';

// kills: a finalizer that goes before the route, the Service and the canary's pods are given back
test.each(moments)('a Rollout that is deleted while it is $name leaves nothing behind', ({ world: build }) => {
  const world = build();
  world.deleting = true;
  for (let tick = 0; tick < 60 && !world.finalized; tick += 1) world.tick();
  expect(world.finalized).toBe(true);
  expect(world.routes.map(({ weight, fence }) => [weight, fence])).toEqual([[0, undefined]]);
  expect(world.narrowed).toBe(false);
  // What remains is one revision, which serves; its pods go with the Rollout, or stay with --cascade=orphan.
  const serving = world.pods.filter(({ terminating }) => terminating === undefined);
  const stable = `shop-${world.state.stable}`;
  // Past the commit point the old pods are still there, in case a connection holds one.
  const committed = world.state.release?.committed === true;
  expect(serving.filter(({ set, arms }) => set !== stable && (arms.stable || !committed))).toEqual([]);
  expect(serving.filter(({ set, arms }) => set === stable && arms.stable)).toHaveLength(world.spec.replicas);
  expect(world.violations).toEqual([]);
});
