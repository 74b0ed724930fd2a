import { expect, test } from 'vitest';
import { conditionsOf } from '#core/conditions.ts';
import { releasing, type World } from './world.ts';

/** Somebody deletes the ReplicaSet of stable in the middle of a release. */

const told = ({ state, seen }: { state: World['state']; seen: ReturnType<World['seen']> }) =>
  conditionsOf(state, seen).find(({ type }) => type === 'StableLost');
const look = (world: World) => told({ state: world.state, seen: world.seen() });

function losing(): World {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  expect(look(world)).toBeUndefined();
  const gone = world.sets.find(({ revision }) => revision === 'v1')?.name;
  world.sets = world.sets.filter(({ name }) => name !== gone);
  world.pods = world.pods.filter(({ set }) => set !== gone);
  world.tick();
  return world;
}

// kills: a loss that nobody is told of
test('the condition names the revision and the way back', () => {
  const world = losing();
  expect(look(world)).toMatchObject({ status: 'True', reason: 'ReplicaSetDeleted' });
  expect(look(world)?.message).toMatch(/revision v1 is gone.*put that template back into the Rollout/);
});

test('the way back that it names is one', () => {
  const world = losing();
  world.spec = { ...world.spec, revision: 'v1' };
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v1' && state.release === undefined);
  world.run(5);
  expect(world.pods.filter(({ set }) => set === 'shop-v1')).toHaveLength(4);
  expect(look(world)).toBeUndefined();
});

test('a release that becomes stable all the same has lost nothing', () => {
  const world = losing();
  world.runUntil(({ state }) => state.stable === 'v2' && state.release === undefined);
  expect(look(world)).toBeUndefined();
});
