import { expect, test } from 'vitest';
import { routeTitle } from '#core/routes.ts';
import { fencedKey, placeOf } from '#operator/route-kinds.ts';
import { fencedRollout, namedFromAbroad, namesOf, type Stores, storesOf, watched } from '#operator/stores.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createStore } from '#runtime/cache.ts';
import { silentLog } from '#runtime/json-log.ts';
import { routers } from '#src/catalog.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

/** Keys, places and indexes of routes, those of other namespaces among them. */

function storesWith(rollouts: KubeObject[]): Stores {
  const made = watched.map(({ resource, indexes = {} }) => {
    const store = createStore({ resource, indexes, clock: createVirtualClock(), log: silentLog });
    store.apply({ kind: 'begin' });
    if (resource.kind === 'Rollout') for (const object of rollouts) store.apply({ kind: 'stage', object });
    store.apply({ kind: 'commit' });
    return store;
  });
  const find = (resource: unknown) => made.find((store) => store.resource === resource);
  return storesOf({ store: find } as unknown as Parameters<typeof storesOf>[0]);
}

const object = (kind: string, metadata: KubeObject['metadata'], spec = {}): KubeObject => ({
  ...{ apiVersion: 'v1', kind, metadata, spec },
});
const rollout = (name: string, traffic: object[]) =>
  object('Rollout', { name, namespace: 'shop', uid: name }, { traffic });
const fence = (said: string) => ({ annotations: { 'headgate.dev/fence': said } });

test('a kind that two routers read is watched once, and both find it', () => {
  const plurals = watched.map(({ resource }) => `${resource.plural}.${resource.group}`);
  expect(new Set(plurals).size).toBe(plurals.length);
  const stores = storesWith([]);
  expect(stores.routes.get('Ingress')).toBe(stores.routes.get('Ingress.alb'));
  expect(stores.routes.size).toBe(routers.length);
});

// kills: a change of a route elsewhere that nobody looks at, and one of a namesake that everybody does
test('a route of another namespace is found from the Rollouts that name it', () => {
  const names = [
    { httpRoute: 'public', namespace: 'edge' },
    { httpRoute: 'own', namespace: 'shop' },
  ];
  const stores = storesWith([rollout('checkout', names), rollout('cart', [{ httpRoute: 'public' }])]);
  const route = (namespace: string) => object('HTTPRoute', { name: 'public', namespace });
  const found = (kind: string, namespace: string) =>
    namedFromAbroad(stores, kind, route(namespace)).map(({ metadata }) => metadata.name);
  expect(found('HTTPRoute', 'edge')).toEqual(['checkout']);
  expect(found('GRPCRoute', 'edge')).toEqual([]);
  expect(found('HTTPRoute', 'shop')).toEqual([]);
  expect(namesOf(rollout('checkout', names)).routes).toEqual(['HTTPRoute/edge/public', 'own']);
});

test('a key leads to the object and back, and is called as people call it', () => {
  const stores = storesWith([]);
  const place = placeOf(stores, 'HTTPRoute/edge/public', 'shop');
  expect(place?.ref).toMatchObject({ namespace: 'edge', name: 'public', resource: { kind: 'HTTPRoute' } });
  expect(placeOf(stores, 'VirtualService/edge/public', 'shop'), 'no kind that can').toBeUndefined();
  expect(placeOf(stores, 'Ingress/web', 'shop')?.ref.name).toBe('web-canary');
  expect(placeOf(stores, 'Ingress.alb/web', 'shop')?.ref.name).toBe('web');
  expect(routeTitle('HTTPRoute/edge/public')).toBe('HTTPRoute edge/public');
  expect(routeTitle('Ingress.alb/web')).toBe('Ingress web');
});

// kills: a Rollout that takes the fence of its namesake elsewhere for its own
test.each([
  { kind: 'HTTPRoute', metadata: { name: 'public', namespace: 'edge' }, want: 'HTTPRoute/edge/public' },
  { kind: 'HTTPRoute', metadata: { name: 'public', namespace: 'shop' }, want: 'public' },
  { kind: 'Ingress', metadata: { name: 'web', namespace: 'shop' }, want: undefined },
  { kind: 'Ingress.alb', metadata: { name: 'web', namespace: 'shop' }, want: 'Ingress.alb/web' },
  {
    kind: 'Ingress',
    metadata: { name: 'web-canary', namespace: 'shop', labels: { 'headgate.dev/rollout': 'checkout' } },
    want: 'Ingress/web',
  },
  {
    kind: 'Ingress.alb',
    metadata: { name: 'web-canary', namespace: 'shop', labels: { 'headgate.dev/rollout': 'checkout' } },
    want: undefined,
  },
  { kind: 'Ingress.alb', metadata: { name: 'web-canary', namespace: 'shop' }, want: 'Ingress.alb/web-canary' },
])('the fence on $kind $metadata.namespace/$metadata.name belongs to $want', ({ kind, metadata, want }) => {
  expect(fencedKey(kind, object(kind, metadata), 'shop')).toBe(want);
});

test.each([
  { said: 'checkout-7/1/0', want: 'edge/checkout' },
  { said: 'shop/checkout-7/1/0', want: 'shop/checkout' },
  { said: 'nonsense', want: undefined },
])('fence $said was written for $want', ({ said, want }) => {
  expect(fencedRollout(object('HTTPRoute', { name: 'public', namespace: 'edge', ...fence(said) }))).toBe(want);
});
