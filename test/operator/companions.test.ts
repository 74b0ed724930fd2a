import { expect, test } from 'vitest';
import { INGRESS } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import { apply } from '#operator/apply.ts';
import { observeRoute } from '#operator/observe-traffic.ts';
import { placeOf } from '#operator/route-kinds.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createStore, type Store } from '#runtime/cache.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createMemoryApi } from '../support/memory-api.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** A route whose split stands in an object of ours beside the user's. */

const KEY = 'Ingress/web';
const rollout: KubeObject = {
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'shop', namespace: 'shop', uid: 'uid-shop' },
  spec: { service: 'checkout' },
};
const ingress = (name: string, service = 'checkout'): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name, namespace: 'shop' },
  spec: {
    rules: [
      {
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } }],
        },
      },
    ],
  },
});

/** As a list from the API server does. */
function fill(store: Store, objects: KubeObject[]): void {
  store.apply({ kind: 'begin' });
  for (const object of objects) store.apply({ kind: 'stage', object });
  store.apply({ kind: 'commit' });
}

async function world(...objects: KubeObject[]) {
  const api = createMemoryApi();
  const store = createStore({ resource: INGRESS, clock: createVirtualClock(), log: silentLog });
  const stores = { routes: new Map([['Ingress', store]]) } as never;
  const sync = async () => {
    fill(store, await api.list(INGRESS, 'shop'));
  };
  for (const object of objects) await api.create(INGRESS, object);
  await sync();
  const see = async (by = rollout) => {
    await sync();
    return observeRoute(KEY, placeOf(stores, KEY, 'shop'), { rollout: by, service: 'checkout', memo: undefined });
  };
  const deps = { api, stores, record: {} as never, sourceOf: () => undefined };
  const write = async (weight: number, n: number, raise: boolean) => {
    const { resourceVersion } = await see();
    const fence = { release: 'shop-1', n, weight };
    await apply(deps, rollout, { kind: 'SetWeight', route: KEY, weight, raise, fence, resourceVersion, memo: '' });
  };
  const names = async () => (await api.list(INGRESS, 'shop')).map(({ metadata }) => metadata.name).sort();
  return {
    api,
    deps,
    see,
    write,
    names,
    clear: () => apply(deps, rollout, { kind: 'ClearFence', route: KEY, resourceVersion: '' }),
  };
}

// kills: a companion that is made with a weight, or that stays when its release has ended
test('ours is made at weight 0 with the fence, carries the weight, and goes with the fence', async () => {
  const user = ingress('web');
  const { see, write, names, clear, api } = await world(user);
  expect(await see()).toEqual({ name: KEY, exists: true, accepted: true, resourceVersion: '', weight: 0, memo: '' });
  await write(0, 1, false);
  expect(await see()).toMatchObject({ weight: 0, fence: { release: 'shop-1', n: 1, weight: 0 } });
  await write(20_000, 2, true);
  expect(await see()).toMatchObject({ weight: 20_000, fence: { release: 'shop-1', n: 2, weight: 20_000 } });
  const [ours] = (await api.list(INGRESS, 'shop')).filter(({ metadata }) => metadata.name === 'web-canary');
  expect(ours?.metadata).toMatchObject({
    ownerReferences: [{ uid: 'uid-shop' }],
    labels: { 'headgate.dev/rollout': 'shop' },
  });
  await write(0, 3, false);
  await see();
  await clear();
  await see();
  await clear();
  expect(await names()).toEqual(['web']);
  const [left] = await api.list(INGRESS, 'shop');
  expect(left?.['spec']).toEqual(user['spec']);
  expect(left?.metadata.annotations).toBeUndefined();
});

// kills: a companion that is made anew by a raise: whoever deleted it took the traffic back
test('one that somebody deleted is a route without a fence, and no raise makes it again', async () => {
  const { api, see, write, names } = await world(ingress('web'));
  await write(0, 1, false);
  await write(20_000, 2, true);
  await api.delete({ resource: INGRESS, namespace: 'shop', name: 'web-canary' });
  const seen = await see();
  expect(seen).toMatchObject({ exists: true, weight: 0 });
  expect(seen.fence).toBeUndefined();
  await write(50_000, 3, true);
  expect(await names()).toEqual(['web']);
});

// kills: an apply that resets one which carries traffic under a newer fence
test('a cache that has not seen ours yet does not reset it', async () => {
  const { api, deps, write } = await world(ingress('web'));
  await write(0, 1, false);
  await write(20_000, 2, true);
  const behind = createStore({ resource: INGRESS, clock: createVirtualClock(), log: silentLog });
  fill(behind, [ingress('web')]);
  const stale = { ...deps, stores: { routes: new Map([['Ingress', behind]]) } as never };
  const fence = { release: 'shop-1', n: 1, weight: 0 };
  const again = apply(stale, rollout, {
    kind: 'SetWeight',
    route: KEY,
    weight: 0,
    raise: false,
    fence,
    resourceVersion: '',
    memo: '',
  });
  await expect(again).rejects.toSatisfy((error) => hasCode(error, 'KUBE_EXISTS'));
  const ours = await api.get({ resource: INGRESS, namespace: 'shop', name: 'web-canary' });
  expect(ours.metadata.annotations?.['headgate.dev/fence']).toBe('shop-1/2/20000');
});

test("a stranger's Ingress of the name is a conflict, and nothing is done to it", async () => {
  const { see, clear, names } = await world(ingress('web'), ingress('web-canary'));
  expect(await see()).toMatchObject({
    weight: 0,
    conflict: "Ingress web-canary exists and is not Headgate's: rename it, that name is needed",
  });
  await clear();
  expect(await names()).toEqual(['web', 'web-canary']);
});

// kills: what has no owner is ours once the Rollout is deleted
test("a stranger's Ingress stays one while the Rollout is deleted", async () => {
  const { see } = await world(ingress('web'), ingress('web-canary'));
  const leaving = { ...rollout, metadata: { ...rollout.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect(await see(leaving)).toMatchObject({ weight: 0, conflict: expect.stringContaining("is not Headgate's") });
});

// kills: a companion that is known by its owner alone, or by its label alone
test('one whose owner somebody took off is lowered and deleted all the same', async () => {
  const { api, see, write, names, clear } = await world(ingress('web'));
  await write(0, 1, false);
  await write(20_000, 2, true);
  const place = { resource: INGRESS, namespace: 'shop', name: 'web-canary' };
  await api.mergePatch(place, { metadata: { ownerReferences: null } });
  expect(await see()).toMatchObject({ weight: 20_000, fence: { release: 'shop-1', n: 2 } });
  await write(0, 3, false);
  expect(await see()).toMatchObject({ weight: 0 });
  await clear();
  expect(await names()).toEqual(['web']);
  await api.create(INGRESS, {
    ...ingress('web-canary'),
    metadata: { name: 'web-canary', namespace: 'shop', labels: { 'headgate.dev/rollout': 'shop' } },
  });
  expect((await see()).conflict).toContain("is not Headgate's");
});

// kills: a lowering that writes whatever stands there by then
test('a stranger who took the name since the decision is not written', async () => {
  const { api, see, write, deps } = await world(ingress('web'));
  await write(0, 1, false);
  await api.delete({ resource: INGRESS, namespace: 'shop', name: 'web-canary' });
  await api.create(INGRESS, ingress('web-canary'));
  const lowering = { kind: 'SetWeight', route: KEY, weight: 0, raise: false, memo: '' } as const;
  const fence = { release: 'shop-1', n: 2, weight: 0 };
  await see();
  await apply(deps, rollout, { ...lowering, fence, resourceVersion: '1' });
  const stranger = await api.get({ resource: INGRESS, namespace: 'shop', name: 'web-canary' });
  expect(stranger.metadata.annotations).toBeUndefined();
});

// kills: a deletion that asks for the UID alone
test('ours is not deleted once it was written for the next release', async () => {
  const { api, see, write, names, clear } = await world(ingress('web'));
  await write(0, 1, false);
  await see();
  const annotations = { 'headgate.dev/fence': 'shop-2/1/0' };
  await api.mergePatch({ resource: INGRESS, namespace: 'shop', name: 'web-canary' }, { metadata: { annotations } });
  await expect(clear()).rejects.toSatisfy((error) => hasCode(error, 'KUBE_CONFLICT'));
  expect(await names()).toEqual(['web', 'web-canary']);
});

test.each([
  { name: 'both are missing', because: 'there is nothing to split', objects: [], want: { exists: false } },
  {
    name: "the user's does not name the Service",
    because: 'a release would move nothing',
    objects: [ingress('web', 'cart')],
    want: {
      exists: true,
      conflict: expect.stringContaining('no path of Ingress web sends traffic to Service checkout'),
    },
  },
])('$name: $because', async ({ objects, want }) => {
  expect(await (await world(...objects)).see()).toMatchObject(want);
});

// kills: a release that begins, and asks for ours again and again in vain
test('a name that leaves no room for ours is said before a release begins', async () => {
  const name = 'a'.repeat(247);
  const {
    deps: { stores },
  } = await world(ingress(name));
  const key = `Ingress/${name}`;
  const place = placeOf(stores, key, 'shop');
  const long = observeRoute(key, place, { rollout, service: 'checkout', memo: undefined });
  expect(long.conflict).toMatch(/^its name is too long: Ingress a{32}… is needed beside it/);
  const fits = `Ingress/${'a'.repeat(246)}`;
  const other = observeRoute(fits, placeOf(stores, fits, 'shop'), { rollout, service: 'checkout', memo: undefined });
  expect(other.conflict).toBeUndefined();
});

test("the user's that is gone is named, and ours is seen", async () => {
  const { api, see, write } = await world(ingress('web'));
  await write(0, 1, false);
  await api.delete({ resource: INGRESS, namespace: 'shop', name: 'web' });
  expect(await see()).toMatchObject({
    exists: true,
    conflict: 'Ingress web is gone, and its canary is left: apply it again',
  });
});
