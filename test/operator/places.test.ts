import { expect, test } from 'vitest';
import type { State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { asksForPlace, createPlaces } from '#operator/places.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';

const NOW = 1_700_000_000_000;

const rollout = (name: string, state: Partial<State> = {}, resourceVersion = '1'): KubeObject => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name, namespace: 'shop', resourceVersion },
  status: { state },
});

/** A cache that shows what it is told to, whatever was written. */
function storeOf(...objects: KubeObject[]) {
  const shown = new Map(objects.map((object) => [object.metadata.name, object]));
  const moving = ({ status }: KubeObject) => {
    const { state } = status as { state: Partial<State> };
    return state.release !== undefined || state.inQueueSince !== undefined;
  };
  const store = {
    get: ({ name }: { name: string }) => shown.get(name),
    byIndex: () => [...shown.values()].filter(moving),
  };
  return { store: store as unknown as Store, show: (object: KubeObject) => shown.set(object.metadata.name, object) };
}

const waiting = (since = NOW): State => ({ ...initialState(NOW), inQueueSince: since });

// kills: a decision that is known only once the cache shows it
test('what was decided counts at once, until the cache shows more than it was decided on', () => {
  const { store, show } = storeOf(rollout('a'), rollout('b'));
  const places = createPlaces(store, { cluster: 1 });
  const others = () => places.sight(rollout('b'), NOW)?.others;
  expect(others()).toEqual([]);
  places.note(rollout('a'), waiting());
  expect(others()).toEqual([{ namespace: 'shop', rollout: 'a', stands: 'Waits', since: NOW }]);
  show(rollout('a', {}, '2'));
  expect(others()).toEqual([]);
});

// kills: matched users who are no traffic, so that a limit of one lets two releases move
test('a step without a weight has its place, paused and after any time', () => {
  const long = NOW - 3_600_000;
  const release = { name: 'a-1', weight: 0, reach: { mirror: 10_000 }, startedAt: long } as State['release'];
  for (const phase of ['Progressing', 'Paused'] as const) {
    const { store } = storeOf(rollout('a', { ...initialState(long), phase, ...(release && { release }) }));
    const others = createPlaces(store, { cluster: 1 }).sight(rollout('b'), NOW)?.others;
    expect(others, phase).toEqual([{ namespace: 'shop', rollout: 'a', stands: 'Carries', since: long }]);
  }
});

// kills: a place that is free while the write that lowers the route is still tried
test.each([
  { name: 'until a gateway has taken weight 0', ending: { at: NOW - 5000 }, raisedAt: NOW - 9000, carries: true },
  { name: 'not once it has', ending: { at: NOW - 5000, remediedAt: NOW }, raisedAt: NOW - 9000, carries: false },
  { name: 'not for ever', ending: { at: NOW - 1_800_001 }, raisedAt: NOW - 1_900_000, carries: false },
  { name: 'not where no user was ever sent', ending: { at: NOW - 5000 }, raisedAt: undefined, carries: false },
])('a release that went back keeps its place $name', ({ ending, raisedAt, carries }) => {
  const release = {
    name: 'a-1',
    weight: 0,
    ending,
    raisedAt,
    startedAt: NOW - 9_000_000,
  } as unknown as State['release'];
  const { store } = storeOf(rollout('a', { phase: 'Paused', ...(release && { release }) }));
  const others = createPlaces(store, { cluster: 1 }).sight(rollout('b'), NOW)?.others;
  expect(others?.map(({ stands }) => stands)).toEqual(carries ? ['Carries'] : []);
});

test('without a limit nothing is looked at', () => {
  const { store } = storeOf(rollout('a', waiting()));
  const places = createPlaces(store, {});
  expect(places.sight(rollout('b'), NOW)).toBeUndefined();
  expect(places.behind(rollout('b'))).toEqual([]);
});

test('who is in the queue is looked at again when somebody leaves, and counted', () => {
  const { store } = storeOf(rollout('a', waiting()), rollout('b', waiting(NOW - 1)));
  const places = createPlaces(store, { perNamespace: 1 });
  expect(places.behind(rollout('c')).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect(places.behind(rollout('c', waiting()))).toEqual([]);
  const told: Record<string, number> = {};
  places.fillGauges((_, value, { stands = '' } = {}) => {
    told[stands] = value;
  }, NOW);
  expect(told).toEqual({ Carries: 0, Begun: 0, Waits: 2 });
});

// kills: a release that takes the place of one that ended, and has seen no queue
test.each<{ name: string; because: string; state: Partial<State>; want: boolean }>([
  { name: 'at rest', because: 'nothing is to be raised', state: { stable: 'v2' }, want: false },
  { name: 'a new revision', because: 'it is about to begin', state: { stable: 'v1' }, want: true },
  { name: 'before the first raise', because: 'it asks again', state: released({ stage: 'Probing' }), want: true },
  { name: 'on a step', because: 'who carries keeps its place', state: released({ stage: 'Holding' }), want: false },
  {
    name: 'an ended one',
    because: 'the next one begins in the pass that forgets it',
    state: released({ stage: 'Holding', ending: { kind: 'Superseded', at: NOW, why: '' } }),
    want: true,
  },
])('the queue is looked at: $name, because $because', ({ state, want }) => {
  expect(asksForPlace({ ...initialState(NOW), ...state }, 'v2')).toBe(want);
});

function released(release: Partial<NonNullable<State['release']>>): Partial<State> {
  return { stable: 'v1', release: release as NonNullable<State['release']> };
}
