import { expect, test } from 'vitest';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import { dig } from '#sandbox/kind.ts';
import { NAMESPACE_NAME, refs } from './shop.ts';
import { World } from './world.ts';

const PODS = 9;
const AT_ONCE = 2;

/** Pods of this image that are not ready yet, and how many its ReplicaSet is asked for. */
function growth(world: World, image: string): { asked: number; coming: number } {
  const imageOf = (path: string[], object: object) => dig(object, [...path, 'spec', 'containers', '0', 'image']);
  const set = world.actor.list(REPLICA_SET, NAMESPACE_NAME).find((one) => imageOf(['spec', 'template'], one) === image);
  const pods = world.actor.list(POD, NAMESPACE_NAME).filter((pod) => imageOf([], pod) === image);
  const conditions = (pod: object) => (dig(pod, ['status', 'conditions']) ?? []) as { type: string; status: string }[];
  const ready = pods.filter((pod) => conditions(pod).some(({ type, status }) => type === 'Ready' && status === 'True'));
  return { asked: Number(dig(set, ['spec', 'replicas']) ?? 0), coming: pods.length - ready.length };
}

// kills: a limit that the plan of a release forgets, or that another operator does not know
test('the whole operator brings the pods of a canary by and by, and so does the next one', async () => {
  const world = new World(1);
  world.staff(1);
  const until = async (what: string, done: () => boolean, look = () => {}) => {
    for (let tick = 0; tick < 3000 && !done(); tick += 1) {
      await world.clock.advance(100);
      look();
    }
    if (!done()) throw new Error([`never: ${what}`, ...world.timeline].join('\n'));
  };
  await until('at rest', () => world.state()?.phase === 'Healthy');
  world.actor.merge(refs.rollout, { spec: { replicas: PODS, maxSurge: AT_ONCE } });
  await until('the size', () => growth(world, 'shop:v1').asked === PODS && growth(world, 'shop:v1').coming === 0);
  world.deploy('shop:v2');
  const sizes: number[] = [];
  const look = () => {
    const { asked, coming } = growth(world, 'shop:v2');
    expect(coming, `of ${asked}`).toBeLessThanOrEqual(AT_ONCE);
    expect(asked, 'none is taken away').toBeGreaterThanOrEqual(sizes.at(-1) ?? 0);
    if (asked !== sizes.at(-1)) sizes.push(asked);
    if (world.state()?.reason === 'Step') world.say('promote');
  };
  await until('some pods of the second step', () => growth(world, 'shop:v2').asked > AT_ONCE, look);
  for (const { body } of world.operators()) body.kill();
  world.staff(1);
  const served = () => world.state()?.phase === 'Healthy' && world.state()?.release === undefined;
  await until('promoted', () => served() && growth(world, 'shop:v2').asked === PODS, look);
  expect(sizes.length, `sizes ${sizes.join()}`).toBeGreaterThan(PODS / AT_ONCE);
  expect(world.watcher.violations).toEqual([]);
  world.cluster.stop();
  for (const { body } of world.operators()) body.kill();
});
