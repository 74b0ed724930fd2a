import { expect, test } from 'vitest';
import { releasing, type World } from './world.ts';

const DELAY_MS = 20_000;

/** It went back, and all has rested for most of the delay after which its pods go. */
function resting(): World {
  const world = releasing();
  world.spec = { ...world.spec, scaleDownDelayMs: DELAY_MS };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.act('retreat');
  world.runUntil(({ state: { release }, now }) => now - (release?.restoredAt ?? now) > DELAY_MS - 4000);
  return world;
}

const canariesOf = ({ pods }: World) =>
  pods.filter(({ set, terminating }) => set === 'shop-v2' && terminating === undefined).length;

// kills: a number of its own left out of either end, where the record is or where it is read
test.each([
  {
    name: 'pods outlive a route from a backup',
    because: 'its fence is older than the record, so the lowering would write the number that the record has already',
    fence: { release: 'shop-1', n: 2, weight: 5000 },
  },
  {
    name: 'pods outlive a weight given by hand',
    because: 'it stands beside the fence of the retreat',
    fence: { release: 'shop-1', n: 3, weight: 0 },
  },
  {
    name: 'pods outlive a split without a fence',
    because: 'nothing on the route tells of the record',
    fence: undefined,
  },
])('$name', ({ because, fence }) => {
  const world = resting();
  const before = canariesOf(world);
  expect(world.state.release?.n).toBe(3);
  Object.assign(world.routes[0] ?? {}, { weight: 5000, fence, acceptedAt: world.now });
  world.tick('drop-store');
  const lowered = world.now;
  expect(world.routes[0]).toMatchObject({ weight: 0 });
  while (world.now < lowered + DELAY_MS) {
    world.tick();
    expect(canariesOf(world), `${because}, at ${world.now - lowered} ms`).toBe(before);
  }
  world.run(10);
  expect(canariesOf(world), 'and go once the delay is over').toBe(0);
});

test('a gateway that takes its own acceptance back makes nobody write', () => {
  const world = resting();
  const { n } = world.state.release ?? {};
  Object.assign(world.routes[0] ?? {}, { acceptedAt: world.now + 3000 });
  world.tick();
  expect(world.state.release).toMatchObject({ n });
  expect(world.state.release).not.toHaveProperty('restoredAt');
  const { version } = world.routes[0] ?? {};
  world.run(5);
  expect(world.routes[0], 'the fence of the retreat stands').toMatchObject({ version });
  expect(world.state.release).toMatchObject({ n, restoredAt: expect.any(Number) });
});
