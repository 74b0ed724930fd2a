import { describe, expect, test } from 'vitest';
import { releasing, type World } from './world.ts';

/** A fix while stable fails: compared with stable alone, and nothing of it is asked that an outage makes impossible. */

const outage = { verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' } as const;

function inOutage(): World {
  const world = releasing();
  world.verdict = () => outage;
  return world;
}

const routed = (world: World) => world.routes[0]?.weight;

describe('an expedited release', () => {
  // kills: a stable that keeps its own fix out.
  test('climbs its steps while stable fails, and is promoted', () => {
    const world = inOutage();
    world.run(40);
    expect([world.state.release?.stage, routed(world)]).toEqual(['Probing', 0]);
    world.act('expedite', { reason: 'mends the database timeout' });
    const weights: number[] = [];
    world.runUntil(({ state, routes }) => {
      const now = routes[0]?.weight ?? 0;
      if (weights.at(-1) !== now) weights.push(now);
      return state.stable === 'v2' && state.release === undefined;
    });
    expect(weights).toEqual([0, 5000, 20_000, 50_000, 0]);
    expect(world.violations).toEqual([]);
    expect(world.state.actions[0]).toMatchObject({ result: 'Applied' });
  });

  test('without the word both arms bad takes it back', () => {
    const world = releasing();
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    world.verdict = () => outage;
    world.tick();
    expect(world.state.release).toMatchObject({ weight: 0, autoResumed: true });
  });

  // kills: a word that goes past the stop gates.
  test('goes back like any other when it is worse than stable', () => {
    const world = inOutage();
    world.run(20);
    world.act('expedite');
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    world.verdict = () => ({ verdict: 'Fail', stable: 'Misses', cause: 'Worse' });
    world.run(2);
    expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached', release: { weight: 0 } });
  });

  // kills: a first raise that asks no gate whether it can be read
  test.each([
    { name: 'whose source is down', verdict: 'Error', cause: 'SourceDown', weight: 0 },
    { name: 'that has not been read yet', verdict: 'NoData', cause: 'CatchingUp', weight: 0 },
    { name: 'whose stable serves nobody any more', verdict: 'NoData', cause: 'NoTraffic', weight: 5000 },
  ] as const)('is granted $weight with a gate $name', ({ verdict, cause, weight }) => {
    const world = inOutage();
    world.run(20);
    world.verdict = () => ({ verdict, stable: 'Unknown', cause });
    world.act('expedite');
    world.run(60);
    expect(world.state.release).toMatchObject({ weight, expedited: 'ann' });
  });

  test('is held by a gate that sees nothing', () => {
    const world = inOutage();
    world.run(20);
    world.act('expedite');
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    world.verdict = () => ({ verdict: 'NoData', stable: 'Unknown', cause: 'SourceDown' });
    world.run(60);
    expect(world.state.release).toMatchObject({ stage: 'Holding', step: 0 });
  });

  test.each([
    {
      name: 'counts that speak for an excess',
      because: 'no worse than stable is what it has to be',
      arrange: (world: World) => {
        world.counts = { advanceLogE: -0.5 };
      },
    },
    {
      name: 'a probe that has not passed',
      because: 'no word replaces a probe',
      arrange: (world: World) => {
        world.plan.probes.push('smoke');
        world.probes = { result: 'Running', message: 'probing' };
      },
    },
  ])('is held by $name: $because', ({ arrange, because }) => {
    const world = inOutage();
    world.plan = structuredClone(world.plan);
    world.run(20);
    world.act('expedite');
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    // The record of the plan is what a release goes by.
    const record = world.releases.get('shop-1');
    if (record !== undefined) world.plan = record.plan;
    arrange(world);
    world.run(60);
    expect(world.state.release, because).toMatchObject({ stage: 'Holding', step: 0 });
  });

  // kills: a budget that an outage has spent, and that keeps its end out.
  test('begins without error budget', () => {
    const world = releasing();
    const budgets = [{ slo: 'availability', carried: 0, left: -1 }];
    world.budget = { budgets, least: 0.1, most: 0.01, onUnknown: 'Hold' };
    world.run(20);
    expect(world.state).toMatchObject({ phase: 'Paused', reason: 'BudgetLow' });
    world.act('expedite');
    world.runUntil(({ state }) => state.stable === 'v2' && state.release === undefined);
    expect(world.violations).toEqual([]);
  });

  test.each([
    {
      name: 'nothing to release',
      because: 'the template is that of stable',
      arrange: (world: World) => {
        world.spec = { ...world.spec, revision: 'v1' };
      },
      says: 'there is no new revision to release',
    },
    {
      name: 'a breach',
      because: 'a person looks at it first',
      arrange: (world: World) => {
        world.plan = { ...world.plan, onBreach: 'Pause' };
        world.runUntil(({ state }) => state.release?.stage === 'Holding');
        world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
        world.run(2);
      },
      says: 'a gate was breached: resume, retreat or abort',
    },
  ])('is refused at $name: $because', ({ arrange, says, because }) => {
    const world = releasing();
    arrange(world);
    world.act('expedite');
    world.run(2);
    expect(world.state.actions[0], because).toMatchObject({ result: 'Refused', message: says });
  });
});
