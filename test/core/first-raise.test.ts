import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing } from './world.ts';

test('the first raise gives the data plane its time to learn of the canary pods', () => {
  const world = releasing();
  world.spec = { ...world.spec, settleMs: 4000 };
  world.runUntil(({ state }) => state.release?.stage === 'Probing');
  const readyAt = world.now;
  // kills: a raise in the pass that finds the pods ready: a gateway without their addresses answers 503.
  world.run(3);
  expect(world.state.release).toMatchObject({ stage: 'Probing', weight: 0 });
  expect(world.state.message).toContain('the data plane learns of the canary pods');
  expect(decide(world.state, world.seen(), world.now).requeueAt, 'nothing else happens').toBe(readyAt + 4000);
  world.tick();
  expect(world.state.release).toMatchObject({ stage: 'Shifting', weight: 5000 });
});
