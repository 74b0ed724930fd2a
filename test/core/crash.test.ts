import fc from 'fast-check';
import { expect, test } from 'vitest';
import { badDay, releasing, type World } from './world.ts';

function finish(world: World): void {
  world.runUntil((w) => w.state.phase === 'Healthy' || w.state.phase === 'Paused', 800);
  world.run(60);
}

// kills: storing after raising; effects derived from the transition; a fence that does not count up.
test('law: whatever is lost on the way, a good release ends as the undisturbed one', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...badDay), { minLength: 20, maxLength: 120 }), (plan) => {
      const world = releasing();
      for (const fault of plan) world.tick(fault);
      finish(world);
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
      expect(world.state, world.timeline.join('\n')).toMatchObject({ phase: 'Healthy', stable: 'v2' });
      expect(world.routes[0]).toMatchObject({ weight: 0, fence: undefined });
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('law: whatever is lost on the way, a bad release ends on stable', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...badDay), { minLength: 60, maxLength: 120 }),
      fc.integer({ min: 1, max: 60 }),
      (plan, onset) => {
        const world = releasing();
        plan.forEach((fault, tick) => {
          if (tick >= onset && (world.routes[0]?.weight ?? 0) > 0)
            world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
          world.tick(fault);
        });
        world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
        world.run(120);
        expect(world.violations, world.timeline.join('\n')).toEqual([]);
        expect(world.routes[0]?.weight, world.timeline.join('\n')).toBe(0);
        const serving = world.pods.filter((pod) => pod.arms.stable).map((pod) => pod.set);
        expect(new Set(serving).size, 'one revision serves').toBe(1);
      },
    ),
    { numRuns: 150, seed: 11 },
  );
});

// kills: a raise that ignores the fence. The frozen operator wakes with an old sight and an old record.
test('a stale operator that wakes after a retreat raises nothing', () => {
  const world = releasing();
  world.runUntil((w) => w.state.release?.stage === 'Probing');
  // The last tick but one before the raise: the data plane is given two to learn of the pods.
  world.tick();
  const oldSight = world.seen();
  world.tick('crash-after-store');
  const oldState = structuredClone(world.state);
  expect(oldState.release).toMatchObject({ stage: 'Shifting', weight: 5000 });
  world.act('retreat');
  world.run(3);
  expect(world.state).toMatchObject({ phase: 'Paused' });
  const current = world.state;
  world.state = oldState;
  world.reconcile('none', { ...oldSight, actions: [] });
  world.state = current;
  world.run(3);
  expect(world.routes[0]?.weight).toBe(0);
  expect(world.violations.filter((text) => text.startsWith('raised'))).toEqual([]);
});
