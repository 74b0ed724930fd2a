import { expect, test } from 'vitest';
import { RELEASE } from '#kube/resources.ts';
import { dig } from '#sandbox/kind.ts';
import { NAMESPACE_NAME } from './shop.ts';
import { World } from './world.ts';

/** Promotes what is deployed, and stays until it serves. */
async function serves(world: World, image: string): Promise<void> {
  for (let second = 0; second < 300; second += 1) {
    await world.clock.advance(1000);
    const { phase, reason, stable, release } = world.state() ?? {};
    if (reason === 'Step') world.say('promote');
    if (phase === 'Healthy' && release === undefined && world.imageOf(`shop-${stable}`) === image) return;
  }
  throw new Error([`${image} does not serve: ${JSON.stringify(world.state())}`, ...world.timeline].join('\n'));
}

// kills: a Release of the pinned revision with the images of the template; a plan, or pods, of the template for it; a pin
// that the next template does not end
test('the whole operator goes back to the pods that served, and on with the next template', async () => {
  const world = new World(1);
  world.staff(1);
  await serves(world, 'shop:v1');
  world.deploy('shop:v2');
  await serves(world, 'shop:v2');
  const begun = world.actor.list(RELEASE, NAMESPACE_NAME).length;
  world.say('undo');
  await serves(world, 'shop:v1');
  await world.clock.advance(30_000);
  const undone = world.state();
  expect(undone).toMatchObject({ pinned: { revision: undone?.stable, by: 'sandbox' } });
  expect(dig(world.rollout(), ['status', 'message'])).toContain('until the template changes');
  const releases = world.actor.list(RELEASE, NAMESPACE_NAME);
  expect(releases.length - begun).toBe(1);
  const back = releases.find((release) => dig(release, ['spec', 'revision']) === undone?.stable);
  expect(dig(back, ['spec', 'images', '0', 'image'])).toBe('shop:v1');
  expect(dig(back, ['spec', 'plan', 'rollback'])).toBe(true);
  expect(dig(world.rollout(), ['spec', 'template', 'spec', 'containers', '0', 'image'])).toBe('shop:v2');
  world.deploy('shop:v3');
  await serves(world, 'shop:v3');
  expect(world.state()).not.toHaveProperty('pinned');
  expect(world.watcher.violations).toEqual([]);
  world.cluster.stop();
  for (const { body } of world.operators()) body.kill();
});
