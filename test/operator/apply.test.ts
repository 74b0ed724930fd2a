import { expect, test } from 'vitest';
import type { Effect } from '#core/effect.ts';
import { FINALIZER } from '#core/labels.ts';
import { POD, ROLLOUT, ROLLOUT_ACTION } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import { apply } from '#operator/apply.ts';
import { createMemoryApi } from '../support/memory-api.ts';

const rollout = { apiVersion: '', kind: 'Rollout', metadata: { name: 'shop', namespace: 'shop' } };

async function withPod() {
  const api = createMemoryApi();
  const spec = { containers: [{ name: 'app', image: 'shop:v2' }] };
  const metadata = { name: 'shop-v2-1', namespace: 'shop' };
  const pod = await api.create(POD, { apiVersion: 'v1', kind: 'Pod', metadata, spec });
  const deps = { api, stores: {} as never, record: {} as never, sourceOf: () => undefined };
  return {
    uid: pod.metadata.uid ?? '',
    perform: (effect: Effect) => apply(deps, rollout, effect),
    there: () =>
      [...api.objects().values()].some(({ metadata: { name, deletionTimestamp } }) => {
        return name === 'shop-v2-1' && deletionTimestamp === undefined;
      }),
  };
}

// kills: a deletion by name alone
test('the pod that was judged is deleted, never another one of its name, and twice is once', async () => {
  const { uid, perform, there } = await withPod();
  const other = perform({ kind: 'DeletePod', pod: 'shop-v2-1', uid: '00000000-0000-4000-8000-000000000000' });
  await expect(other).rejects.toSatisfy((error) => hasCode(error, 'KUBE_CONFLICT'));
  expect(there()).toBe(true);
  await perform({ kind: 'DeletePod', pod: 'shop-v2-1', uid });
  expect(there()).toBe(false);
  await perform({ kind: 'DeletePod', pod: 'shop-v2-1', uid });
});

// kills: a Rollout let go before what was said to it, or with what was said to another
test('what was said to a Rollout goes with it, before its finalizer does', async () => {
  const api = createMemoryApi();
  const spec = { rollout: 'shop', verb: 'abort', by: 'sandbox', reason: '' };
  const said = (name: string) => ({
    ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'RolloutAction', spec },
    metadata: { name, namespace: 'shop' },
  });
  const mine = await api.create(ROLLOUT_ACTION, said('abort-1'));
  await api.create(ROLLOUT_ACTION, said('to-another'));
  const metadata = { name: 'shop', namespace: 'shop', finalizers: [FINALIZER] };
  const template = { metadata: { labels: { app: 'shop' } }, spec: { containers: [{ name: 'app', image: 'shop:v1' }] } };
  const pods = { selector: { matchLabels: { app: 'shop' } }, template };
  const leaving = await api.create(ROLLOUT, {
    ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata },
    spec: { service: 'shop', ...pods },
  });
  const there = () => [...api.objects().keys()];
  const order: string[][] = [];
  api.before = (call) => {
    if (call === 'jsonPatch') order.push(there());
  };
  let shows = false;
  const actions = { byIndex: (_: string, key: string) => (key === 'shop/shop' ? [mine] : []) };
  const stores = { actions, services: { fresh: () => shows } } as never;
  await api.delete({ resource: ROLLOUT, namespace: 'shop', name: 'shop' });
  const deps = { api, stores, record: {} as never, sourceOf: () => undefined };
  const { metadata: now } = await api.get({ resource: ROLLOUT, namespace: 'shop', name: 'shop' });
  const release = () => apply(deps, { ...leaving, metadata: now }, { kind: 'ReleaseFinalizer' });
  // The watch of Services has yet to show what our last write made of it.
  await expect(release()).rejects.toMatchObject({ code: 'KUBE_CONFLICT' });
  expect(order).toEqual([]);
  shows = true;
  await release();

  expect(order).toEqual([['rollouts/shop/shop', 'rolloutactions/shop/to-another']]);
  expect(there()).toEqual(['rolloutactions/shop/to-another']);
});
