import { expect, test } from 'vitest';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { World } from './world.ts';

/** A seed whose shop has two routes, and holds its first step for some seconds. */
const TWO_ROUTES = 4;

async function until(world: World, what: string, done: () => boolean): Promise<void> {
  for (let second = 0; second < 120 && !done(); second += 1) await world.clock.advance(1000);
  if (!done()) throw new Error([`never: ${what}`, ...world.timeline].join('\n'));
}

// kills: what the spec names is split by something
test('the whole operator forgets no fence on a route that its release does not split', async () => {
  const world = new World(TWO_ROUTES);
  const [, second] = world.shop.routes;
  if (second === undefined) throw new Error(`world ${TWO_ROUTES} has one route`);
  world.staff(1);
  await until(world, 'at rest', () => world.state()?.phase === 'Healthy');
  world.turnRoutes();
  world.deploy('shop:v2');
  await until(world, 'a release of one route', () => world.state()?.release?.stage === 'Holding');
  // As a leader leaves it that died between two writes of the release before.
  for (const { body } of world.operators()) body.kill();
  world.actor.merge(second.ref, { metadata: { annotations: { [FENCE_ANNOTATION]: 'shop-1/1/0' } } });
  world.turnRoutes();
  world.deleteRollout();
  world.staff(1);
  await until(world, 'the Rollout is gone', () => world.rollout() === undefined);
  expect(world.routes().map((route) => route?.metadata.annotations?.[FENCE_ANNOTATION])).toEqual([
    undefined,
    undefined,
  ]);
  expect(world.watcher.violations).toEqual([]);
  world.cluster.stop();
  for (const { body } of world.operators()) body.kill();
});
