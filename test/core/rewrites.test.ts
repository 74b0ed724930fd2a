import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing, type World } from './world.ts';

/** Bounds of what a release does against the will of others. */

function holding(step: number): World {
  const world = releasing();
  world.runUntil(({ state: { release } }) => release?.stage === 'Holding' && release.step === step);
  return world;
}

/** An applier puts back what it had, fence and all. */
function resets(world: World): void {
  const release = world.state.release?.name ?? '';
  const [route] = world.routes;
  if (route !== undefined)
    Object.assign(route, { weight: 0, fence: { release, n: 1, weight: 0 }, version: route.version + 1 });
}

// kills: no bound for rewrites, a bound that begins anew with every rewrite
test('a raise that is lost four times pauses the release', () => {
  const world = holding(0);
  // A gate that cannot tell yet keeps the release on its step.
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  const written: number[] = [];
  for (let lost = 1; lost <= 4; lost += 1) {
    resets(world);
    world.run(8);
    written.push(world.routes[0]?.weight ?? -1);
  }
  expect(written, 'three times it is written again').toEqual([5000, 5000, 5000, 0]);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  expect(world.state.message).toMatch(/lost three times/);
});

// kills: a raise that waits until the route says what its fence says; a route that carries the weight without its number
test.each([10_000, 20_000])(
  'somebody gives %d between the grant of 20 % and its raise: the raise is written',
  (weight) => {
    const world = holding(0);
    world.runUntil((w) => (decide(w.state, w.seen(), w.now + 1000).next.release?.weight ?? 0) === 20_000);
    world.now += 1000;
    world.reconcile('crash-after-store');
    const [route] = world.routes;
    if (route !== undefined) Object.assign(route, { weight, manager: 'kubectl-edit', version: route.version + 1 });
    world.runUntil(({ state: { release } }) => release?.stage === 'Holding' && release.step === 1, 20);
    expect(route).toMatchObject({ weight: 20_000, fence: { weight: 20_000 } });
    expect(world.violations).toEqual([]);
  },
);

// kills: a raise that an ended release writes, because its fence is older than its record
test('the first raise is on record and not written when another template comes: one lowering, and no raise', () => {
  const world = releasing();
  world.runUntil((w) => (decide(w.state, w.seen(), w.now + 1000).next.release?.weight ?? 0) > 0);
  world.now += 1000;
  world.reconcile('crash-after-store');
  world.spec = { ...world.spec, revision: 'v3' };
  const { next, effects } = decide(world.state, world.seen(), world.now + 1000);
  expect(next.release).toMatchObject({ ending: { kind: 'Superseded' }, weight: 0, n: 3 });
  expect(effects.filter(({ kind }) => kind === 'SetWeight')).toMatchObject([
    { raise: false, fence: { n: 3, weight: 0 } },
  ]);
});

// kills: a rewrite whose number the other route never gets
test('of two routes one loses its raise: both carry it again', () => {
  const world = releasing();
  const [shop] = world.routes;
  if (shop !== undefined) world.routes.push({ ...shop, name: 'admin' });
  world.spec = { ...world.spec, routes: ['shop', 'admin'] };
  world.runUntil(({ state: { release } }) => release?.stage === 'Holding');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  resets(world);
  world.run(8);
  expect(world.routes.map(({ weight }) => weight)).toEqual([5000, 5000]);
  expect(world.state.release).toMatchObject({ stage: 'Holding', step: 0, rewrites: 1 });
});

// kills: the wanted size taken at once
test('a lower size waits for the end of the release', () => {
  const world = holding(1);
  world.spec = { ...world.spec, replicas: 2 };
  world.run(3);
  expect(world.sets.find(({ revision }) => revision === 'v1')?.replicas).toBe(4);
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  world.run(3);
  expect(world.sets.map(({ revision, replicas }) => [revision, replicas])).toEqual([
    ['v1', 0],
    ['v2', 2],
  ]);
});

// kills: a higher size that waits too
test('a higher size applies to both arms at once', () => {
  const world = holding(2);
  world.spec = { ...world.spec, replicas: 6 };
  world.run(3);
  expect(world.sets.map(({ revision, replicas }) => [revision, replicas])).toEqual([
    ['v1', 6],
    ['v2', 6],
  ]);
});

// kills: a kept breach that looks at nothing any more
test('a breach that keeps its weight gives it back once the canary goes dark', () => {
  const world = releasing();
  world.plan = { ...world.plan, onBreach: 'Pause' };
  world.runUntil(({ state: { release } }) => release?.stage === 'Holding');
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.run(3);
  expect(world.routes[0]?.weight, 'a person wants to look at it').toBe(5000);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'DarkCanary' });
  world.tick();
  expect(world.routes[0]?.weight, 'there is nothing to look at, and users hang').toBe(0);
  expect(world.state).toMatchObject({
    phase: 'Paused',
    reason: 'GateBreached',
    release: { ending: { cause: 'DarkCanary' } },
  });
});
