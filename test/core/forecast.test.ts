import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SpendForecast } from '#core/gate.ts';
import { gate, releasing, type World } from './world.ts';

/** A raise that may burn more than is left waits for evidence, and never for ever. */

const dear: SpendForecast = { weight: 20_000, expected: 0.002, pessimistic: 0.014, left: 0.008, holds: true };
const weightOf = (world: World) => world.routes[0]?.weight;
const sentence =
  'Holding step 1 of 3 at 5%: availability: 20% may burn up to 1.4% of the error budget, and budget.maxSpend leaves 0.8%: waiting for more evidence';

function waiting(): World {
  const world = releasing();
  world.counts = { forecast: dear };
  world.runUntil(({ state }) => state.message === sentence);
  return world;
}

// kills: a forecast that only speaks
test('a raise waits, with the figure and the field, and goes on when the figure is small enough', () => {
  const world = waiting();
  world.run(60);
  expect(world.state).toMatchObject({ phase: 'Progressing', message: sentence });
  expect(weightOf(world)).toBe(5000);
  world.counts = { forecast: { ...dear, pessimistic: 0.007, holds: false } };
  world.runUntil((one) => weightOf(one) === 20_000);
});

// kills: a wait without an end
test('where evidence cannot make it smaller, maxWait leaves it to a person', () => {
  const world = waiting();
  world.run(gate.maxWaitMs / 1000 + 10);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'NoData', message: `${sentence}; waited 30m` });
  expect(weightOf(world)).toBe(5000);
  world.act('promote');
  world.runUntil((one) => weightOf(one) === 20_000);
});

test("a person's word for the step stands in for it", () => {
  const world = waiting();
  world.act('promote');
  world.runUntil((one) => weightOf(one) === 20_000);
});

test.each([
  { name: 'an advisory gate only speaks', role: 'Advisory', weight: 20_000 },
  { name: 'a signal holds', role: 'Signal', weight: 5000 },
] as const)('$name', ({ role, weight }) => {
  const world = releasing();
  world.plan = { ...world.plan, gates: [gate, { ...gate, name: 'second', role }] };
  const seen = world.seen.bind(world);
  world.seen = () => {
    const sight = seen();
    const second = sight.gates.map((one) => ({
      ...one,
      ...{ gate: 'second', role, evidence: { ...one.evidence, forecast: dear } },
    }));
    return { ...sight, gates: [...sight.gates, ...second] };
  };
  world.runUntil((one) => weightOf(one) === 5000);
  world.run(12);
  expect(weightOf(world)).toBe(weight);
});

test('a breach waits for no forecast', () => {
  const world = waiting();
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'BudgetSpent' });
  world.tick();
  expect(weightOf(world)).toBe(0);
});

test('law: whatever the forecast does, a release ends, pauses or goes on within its bounds', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), (holds) => {
      const world = releasing();
      let at = 0;
      world.runUntil(
        (one) => {
          one.counts = { forecast: { ...dear, holds: holds[at++ % holds.length] ?? false } };
          const { phase, stable, release } = one.state;
          return (phase === 'Healthy' && stable === 'v2' && release === undefined) || phase === 'Paused';
        },
        gate.maxWaitMs / 1000 + 500,
      );
      expect(world.violations).toEqual([]);
    }),
    { numRuns: 30, seed: 2 },
  );
});
