import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing, settled } from './world.ts';

test('a route that was set to 0 by hand gets the text of its user back before the Rollout goes', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const [route] = world.routes;
  Object.assign(route ?? {}, { weight: 0, version: 99, manager: 'kubectl-edit' });
  world.tick();
  world.deleting = true;
  const written: number[] = [];
  for (let tick = 0; tick < 30 && !world.finalized; tick += 1) {
    const { effects } = decide(world.state, world.seen(), world.now);
    written.push(...effects.flatMap((effect) => (effect.kind === 'SetWeight' ? [effect.weight] : [])));
    world.tick();
  }
  // kills: a deletion that takes the fence from a route that still names the Service of the canary
  expect(written).toContain(0);
  expect(world.finalized).toBe(true);
});

test('a Service that was narrowed is widened, whether or not the spec can be read by now', () => {
  const world = settled();
  world.deleting = true;
  const { spec: _, ...blind } = world.seen();
  const { effects } = decide(world.state, blind, world.now);
  // kills: a deletion that asks the spec alone for the name of the Service
  expect(effects).toEqual([{ kind: 'WidenService', service: 'shop' }, { kind: 'ReleaseFinalizer' }]);
});
