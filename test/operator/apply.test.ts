import { expect, test } from 'vitest';
import type { Effect } from '#core/effect.ts';
import { POD } from '#kube/resources.ts';
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
