import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { releasing, type World } from './world.ts';

/** Who has a say in a route takes it back: a ReferenceGrant goes, or the word of the route's owner. */

const holding = ({ state }: World) => state.release?.stage === 'Holding';
const weightOf = ({ routes: [route] }: World) => route?.weight;

function barredAt(until: (world: World) => boolean, before?: (world: World) => void): World {
  const world = releasing();
  world.runUntil(until);
  before?.(world);
  world.barred = 'no ReferenceGrant of namespace shop lets it send to Service shop-canary';
  world.tick();
  return world;
}

// kills: a release that goes on while the gateway answers the canary's share with errors
test.each([
  { name: 'before the first user', because: 'nobody may be sent', until: probing },
  { name: 'on a step', because: 'what goes to the canary is answered with errors', until: holding },
  { name: 'while in-cluster clients move', because: 'the routes carry the last step', until: joining },
])('taken back $name: all traffic goes to stable: $because', ({ until, because }) => {
  const world = barredAt(until);
  expect(weightOf(world), because).toBe(0);
  expect(world.state, because).toMatchObject({
    ...{ phase: 'Paused', reason: 'RouteChanged' },
    release: { weight: 0, ending: { kind: 'Retreat', cause: 'RouteBarred' } },
  });
  expect(world.state.message).toMatch(/^HTTPRoute shop: no ReferenceGrant/);
  // A person's word brings it back, and nothing does while it is barred.
  world.act('retry');
  world.run(60);
  expect(weightOf(world)).toBe(0);
  world.barred = undefined;
  world.act('retry');
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});

// kills: a pause of a breach that keeps the weight of a route which may carry none
test('a breach that keeps its weight keeps none of what is barred', () => {
  const world = releasing();
  world.plan = { ...world.plan, onBreach: 'Pause' };
  world.runUntil(holding);
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.runUntil(({ state }) => state.reason === 'GateBreached');
  expect(weightOf(world)).toBeGreaterThan(0);
  world.barred = 'no ReferenceGrant';
  world.tick();
  expect(weightOf(world)).toBe(0);
});

// kills: old pods that are waited for while the gateway answers 95 % of the requests with errors
test('after the commit point the routes go back at once, and the new revision serves all', () => {
  const world = barredAt(({ state }) => state.release?.committed === true);
  expect(weightOf(world)).toBe(0);
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});

function probing({ state }: World): boolean {
  return state.release?.stage === 'Probing';
}

function joining({ state }: World): boolean {
  return state.release?.stage === 'Promoting' && (state.release.joined ?? 0) > 0 && !state.release.committed;
}

// kills: a namespace that goes and leaves our fence on a route of another one
test('in a namespace that is being deleted only routes of other namespaces are waited for', () => {
  const world = releasing();
  world.runUntil(holding);
  const state = { ...world.state, releases: 1 };
  const fence = { release: state.release?.name ?? '', n: 9, weight: 0 };
  const route = { exists: true, resourceVersion: '1', weight: 0, accepted: true, memo: '', fence };
  const leaves = (name: string) =>
    decide(state, { ...world.seen(), deleting: true, terminating: true, routes: [{ ...route, name }] }, world.now)
      .effects.map(({ kind }) => kind)
      .filter((kind) => kind === 'ReleaseFinalizer' || kind === 'SetWeight');
  expect(leaves('shop')).toEqual(['SetWeight', 'ReleaseFinalizer']);
  expect(leaves('HTTPRoute/edge/shop')).toEqual(['SetWeight']);
});
