import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conditionsOf } from '#core/conditions.ts';
import { decide } from '#core/decide.ts';
import type { State } from '#core/model.ts';
import type { Seen, SeenReplicaSet } from '#core/seen.ts';
import { leftWideWords, noteNarrowed } from '#core/widened.ts';
import { badDay, releasing, type World } from './world.ts';

/** Somebody takes the stable label off the Service's selector. */

const holding = (world: World) => world.state.release?.stage === 'Holding';

function widenedAt(until: (world: World) => boolean): World {
  const world = releasing();
  world.runUntil(until);
  world.narrowed = false;
  world.tick();
  return world;
}

// kills: a Service that is narrowed again and again while its clients meet the canary in between
test.each([
  { name: 'before the first user', because: 'its pods are ready and the Service sends', until: probing },
  { name: 'on a step', because: 'the weight says 5 % and in-cluster clients meet it as they come', until: holding },
  { name: 'while in-cluster clients move', because: 'no share of them is kept', until: joining },
])('a Service that is widened $name takes the canary back: $because', ({ until, because }) => {
  const world = widenedAt(until);
  expect(world.state, because).toMatchObject({
    phase: 'Paused',
    reason: 'RouteChanged',
    release: { weight: 0, ending: { kind: 'Retreat', cause: 'ServiceWidened' } },
  });
  expect(world.state.message).toContain('headgate.dev/stable was taken off its selector');
  expect(world.narrowed).toBe(true);
  world.run(120);
  expect(world.pods.filter(({ set }) => set.endsWith('v2'))).toHaveLength(0);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  world.act('retry');
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});

function probing({ state, pods }: World): boolean {
  return state.release?.stage === 'Probing' && pods.some(({ set }) => set.endsWith('v2'));
}

function joining({ state }: World): boolean {
  return state.release?.stage === 'Promoting' && (state.release.joined ?? 0) > 0 && !state.release.committed;
}

/** At rest after a release, and then widened. */
function leftWide(): World {
  const world = releasing();
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined);
  world.run(60);
  world.narrowed = false;
  return world;
}

const isTold = (world: World) => conditionsOf(world.state, world.seen()).find(({ type }) => type === 'ServiceWide');
const canaries = (world: World) => world.pods.filter(({ set }) => set.endsWith('v3'));

// kills: a label that is put back after every push of an applier, for ever and for nobody
test('at rest nothing is sent wrongly: it stays wide, and that is said', () => {
  const world = leftWide();
  world.run(60);
  expect(world.narrowed).toBe(false);
  expect(world.state.phase).toBe('Healthy');
  expect(isTold(world)).toMatchObject({ status: 'True', message: expect.stringContaining('Left so while nothing') });
  const named = { ...world.seen(), service: { name: 'shop', narrowed: false, manager: 'gitops' } };
  expect(leftWideWords(world.state, named)).toContain('taken off its selector by gitops');
});

// kills: a canary pod behind a wide Service, which users would meet before any probe
test('a release narrows it before its first pod', () => {
  const world = leftWide();
  world.run(5);
  world.spec = { ...world.spec, revision: 'v3' };
  world.runUntil(({ state }) => state.release !== undefined);
  expect(isTold(world)).toBeUndefined();
  world.runUntil((at) => {
    expect(canaries(at).length === 0 || at.narrowed).toBe(true);
    return at.state.phase === 'Healthy' && at.state.stable === 'v3';
  });
  expect(world.violations).toEqual([]);
});

test('law: whatever is lost on the way, no canary pod is there before it is narrowed', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...badDay), { minLength: 20, maxLength: 80 }), (plan) => {
      const world = leftWide();
      world.run(3);
      world.spec = { ...world.spec, revision: 'v3' };
      for (const fault of plan) {
        world.tick(fault);
        expect(canaries(world).length === 0 || world.narrowed, world.timeline.join('\n')).toBe(true);
      }
      world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v3', 800);
      expect(world.violations).toEqual([]);
    }),
    { numRuns: 40, seed: 13 },
  );
});

test('one that is widened all the time begins no canary, and says what it waits for', () => {
  const world = leftWide();
  world.spec = { ...world.spec, revision: 'v3' };
  for (let tick = 0; tick < 30; tick += 1) {
    world.narrowed = false;
    world.tick();
    expect(canaries(world)).toEqual([]);
  }
  expect(world.state).toMatchObject({ phase: 'Progressing', release: { stage: 'Preparing', weight: 0 } });
  expect(world.state.message).toBe('Preparing: Service shop is narrowed before any canary pod is made');
});

// kills: a narrowing that waits for a pod of stable, which the release is there to mend
test('a release that mends a stable without pods that serve is not kept waiting', () => {
  const world = leftWide();
  world.broken.add('v2');
  world.spec = { ...world.spec, revision: 'v3' };
  world.runUntil(({ state }) => state.release?.revision === 'v3');
  world.runUntil((at) => at.narrowed && canaries(at).length > 0);
});

const healthy = leftWide();
const sight = healthy.seen();
const workload: NonNullable<Seen['workload']> = { name: 'shop' };
const stray = {
  ...sight.replicaSets[0],
  name: 'shop-v9',
  revision: 'v9',
  pods: [
    { name: 'p', uid: 'p', arms: { stable: false, canary: false }, terminating: false, available: true, ready: true },
  ],
} as SeenReplicaSet;

// kills: any of the conditions of isLeftWide
test.each<{ name: string; because: string; state?: Partial<State>; seen?: Partial<Seen>; narrows: boolean }>([
  { name: 'nothing more', because: 'stable alone serves', narrows: false },
  {
    name: 'a state of before',
    because: 'nobody knows whether it was ever narrowed: once more, and it is known',
    state: { narrowed: '' },
    narrows: true,
  },
  {
    name: 'a record of another Service',
    because: 'spec.service changed, and this one was never narrowed',
    state: { narrowed: 'front' },
    narrows: true,
  },
  {
    name: 'a pod of another revision',
    because: 'a wide Service finds it',
    seen: { replicaSets: [...sight.replicaSets, stray] },
    narrows: true,
  },
  {
    name: 'a Deployment that was taken over',
    because: 'somebody who scales it up gives users a template that no release has proven',
    seen: { workload },
    narrows: true,
  },
  {
    name: 'one that was taken over, though the spec of now does not say so',
    because: 'its pods are kept out by the label alone',
    state: { adopted: { deployment: 'shop', replicas: 3, at: 0 } },
    narrows: true,
  },
])('wide at rest with $name: $because', ({ state, seen, narrows, because }) => {
  const { effects } = decide({ ...healthy.state, ...state }, { ...sight, ...seen }, healthy.now);
  expect(
    effects.some(({ kind }) => kind === 'NarrowService'),
    because,
  ).toBe(narrows);
});

test('a give-back widens it itself, and nobody is blamed for it', () => {
  expect(leftWideWords(healthy.state, sight)).toBeDefined();
  expect(leftWideWords(healthy.state, { ...sight, deleting: true })).toBeUndefined();
});

test.each<{ name: string; because: string; seen: Partial<Record<keyof Seen, unknown>> }>([
  { name: 'beside a Deployment', because: 'there it is narrowed at rest too', seen: { workload } },
  { name: 'without a spec', because: 'it may say that there is a Deployment', seen: { spec: undefined } },
  { name: 'in a deletion', because: 'what is stored then is read no more', seen: { deleting: true } },
])('nothing is remembered $name: $because', ({ seen, because }) => {
  const { narrowed: _, ...state } = healthy.state;
  const narrow = { ...sight, service: { name: 'shop', narrowed: true } };
  expect(noteNarrowed(state, narrow).narrowed).toBe('shop');
  expect(noteNarrowed(state, { ...narrow, ...seen } as Seen), because).toBe(state);
});

test('after the commit point the new revision serves all: nothing goes back', () => {
  const world = widenedAt(({ state }) => state.release?.committed === true);
  world.runUntil(({ state }) => state.phase === 'Healthy' && state.stable === 'v2');
  expect(world.violations).toEqual([]);
});
