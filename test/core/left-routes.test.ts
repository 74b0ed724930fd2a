import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing, type World, type WorldRoute } from './world.ts';

/** A route that leaves spec.traffic takes nothing of Headgate with it. */

/** Two routes, holding at the second step; the second route leaves the spec. */
function leaving(): World {
  const world = releasing();
  const [first] = world.routes;
  world.routes.push({ ...(first as WorldRoute), name: 'admin' });
  world.spec = { ...world.spec, routes: ['shop', 'admin'] };
  world.runUntil(({ state }) => state.release?.stage === 'Holding' && state.release.step === 1);
  world.spec = { ...world.spec, routes: ['shop'] };
  return world;
}

const admin = (world: World): WorldRoute => world.routes[1] as WorldRoute;
const settled = ({ state }: World) => state.phase === 'Healthy' && state.release === undefined;

test('promoted: the fence goes from the route that left as from the one that stayed', () => {
  const world = leaving();
  world.runUntil(settled);
  world.run(3);
  expect(world.routes).toMatchObject([
    { weight: 0, fence: undefined },
    { weight: 0, fence: undefined },
  ]);
});

// kills: routes that nobody names any more keep their fence
test('retried: the next release does not know the route, and the fence goes all the same', () => {
  const world = leaving();
  world.act('retreat');
  world.runUntil(({ routes }) => routes.every(({ weight }) => weight === 0));
  world.act('retry');
  world.runUntil(({ state }) => state.release?.name === 'shop-2' && state.release.stage === 'Holding');
  expect(world.state.release?.routes).toEqual(['shop']);
  expect(admin(world).fence).toBeUndefined();
});

// kills: traffic of a route that nobody names stays where somebody put it
test('somebody splits the route that left: its traffic goes back', () => {
  const world = leaving();
  world.runUntil(settled);
  const fence = { release: 'shop-1', n: 9, weight: 5000 };
  Object.assign(admin(world), { weight: 5000, fence, version: 900 });
  world.run(3);
  expect(admin(world)).toMatchObject({ weight: 0, fence: undefined });
});

// kills: a record older than the route takes back what the newer one gave
test('a fence of a release that this record does not know is left alone', () => {
  const world = leaving();
  world.runUntil(settled);
  Object.assign(admin(world), { weight: 5000, fence: { release: 'shop-2', n: 2, weight: 5000 }, version: 900 });
  const { effects } = decide(world.state, world.seen(), world.now);
  expect(effects.filter((effect) => 'route' in effect)).toEqual([]);
});

// kills: another Rollout's fence taken for one of ours
test('a fence of another Rollout is its own business', () => {
  const world = leaving();
  world.runUntil(settled);
  Object.assign(admin(world), { weight: 0, fence: { release: 'shop-admin-1', n: 2, weight: 0 }, version: 900 });
  world.run(3);
  expect(admin(world).fence).toMatchObject({ release: 'shop-admin-1' });
});

// kills: a finalizer that is let go before the route that left is clean
test('deleted: the finalizer waits for the route that left', () => {
  const world = leaving();
  world.runUntil(settled);
  Object.assign(admin(world), { weight: 5000, fence: { release: 'shop-1', n: 9, weight: 5000 }, version: 900 });
  world.deleting = true;
  world.tick();
  expect(world.finalized).toBe(false);
  world.run(20);
  expect(world.finalized).toBe(true);
  expect(admin(world)).toMatchObject({ weight: 0, fence: undefined });
});

// kills: a fence planted on what only the release before split
test('a release that begins plants no fence on a route that the one before it split alone', () => {
  const world = leaving();
  world.spec = { ...world.spec, revision: 'v3' };
  world.runUntil(
    ({ state, routes }) => state.release?.ending !== undefined && routes.every(({ weight }) => weight === 0),
  );
  world.runUntil(({ state }) => state.release?.name === 'shop-2');
  expect(world.state.release?.routes).toEqual(['shop']);
  expect(admin(world).fence?.release).not.toBe('shop-2');
});

// kills: a route that only the spec names is nobody's to clean
test('deleted: the finalizer waits for a route that has come back into the spec and not into the release', () => {
  const world = leaving();
  world.act('retreat');
  world.runUntil(({ routes }) => routes.every(({ weight }) => weight === 0));
  world.act('retry');
  world.runUntil(({ state }) => state.release?.name === 'shop-2' && state.release.stage === 'Holding');
  world.spec = { ...world.spec, routes: ['shop', 'admin'] };
  Object.assign(admin(world), { fence: { release: 'shop-1', n: 9, weight: 0 }, version: 900 });
  world.deleting = true;
  world.runUntil(({ finalized }) => finalized);
  expect(admin(world)).toMatchObject({ weight: 0, fence: undefined });
});

/** A hand has set the weight to 0, so that the text still names the canary's Service, and the canary's pods are gone. */
function takenAway(): World {
  const world = leaving();
  world.spec = { ...world.spec, routes: ['shop', 'admin'] };
  for (const route of world.routes) Object.assign(route, { weight: 0, version: 900, manager: 'kubectl-edit' });
  world.tick();
  world.sets = world.sets.filter(({ revision }) => revision === 'v1');
  world.pods = world.pods.filter(({ set }) => set === 'shop-v1');
  return world;
}

/** A tick in which the API server refuses every write to a route. */
function refused(world: World): void {
  world.away(1);
  const { next, effects } = decide(world.state, world.seen(), world.now);
  world.state = next;
  for (const effect of effects) if (effect.kind !== 'SetWeight') world.apply(effect);
}

// kills: a release that is over in the pass that ends it leaves the canary's Service in the text, and no fence
test('a release that ends with nothing left to take away still gives every route its own text', () => {
  const world = takenAway();
  expect(world.routes.map(({ named }) => named)).toEqual([true, true]);
  // Both are seen in one pass: one ends it, the other lets go of what has ended.
  world.act('abort');
  world.spec = { ...world.spec, revision: 'v1' };
  world.runUntil(settled);
  world.run(3);
  expect(world.routes).toMatchObject([
    { named: false, fence: undefined },
    { named: false, fence: undefined },
  ]);
  expect(world.violations).toEqual([]);
});

// kills: the next attempt takes a route over that its own text has not come back to
test('a retry waits for the text of every route', () => {
  const world = takenAway();
  world.act('abort');
  world.act('retry');
  world.tick();
  expect(world.state.actions[0]).toMatchObject({
    result: 'Refused',
    message: 'HTTPRoute shop gets its own text back: say it again',
  });
  world.act('retry');
  world.tick();
  expect(world.state.release?.name).toBe('shop-2');
  expect(world.routes.map(({ named }) => named)).toEqual([false, false]);
});

// kills: the fence goes although the write that was to give the text back was lost
test('deleted: the fence stays until the text has come back', () => {
  const world = takenAway();
  world.deleting = true;
  refused(world);
  expect(world.violations).toEqual([]);
  world.runUntil(({ finalized }) => finalized);
  expect(world.routes.map(({ named, fence }) => [named, fence])).toEqual([
    [false, undefined],
    [false, undefined],
  ]);
  expect(world.violations).toEqual([]);
});

// kills: a promotion that ends before a route that a hand set to 0 has its text back
test('promoted: a weight that a hand set to 0 meanwhile is no text of the user', () => {
  const world = leaving();
  world.spec = { ...world.spec, routes: ['shop', 'admin'] };
  world.runUntil(({ state }) => state.release?.committed === true);
  for (const route of world.routes) Object.assign(route, { weight: 0, version: 900, manager: 'kubectl-edit' });
  for (let tick = 0; tick < 20; tick += 1) refused(world);
  expect(world.state.message, 'it names what it waits for').toBe('Promoting: the route returns to its own text');
  world.runUntil(settled);
  world.run(3);
  expect(world.routes.map(({ named, fence }) => [named, fence])).toEqual([
    [false, undefined],
    [false, undefined],
  ]);
  expect(world.violations).toEqual([]);
});
