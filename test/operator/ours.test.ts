import { expect, test } from 'vitest';
import { isOurs } from '#operator/ours.ts';
import type { KubeObject } from '#ports/kube-api.ts';

const rollout = (deletionTimestamp?: string): KubeObject => ({
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'shop', uid: 'mine', ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) },
});
const going = rollout('2026-01-01T00:00:00Z');

function owned(...uids: string[]): KubeObject {
  const ownerReferences = uids.map((uid) => ({ apiVersion: 'v1', kind: 'Rollout', name: 'shop', uid }));
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'shop-a', ownerReferences } };
}

interface Row {
  name: string;
  because: string;
  object: KubeObject;
  of: KubeObject;
  want: boolean;
}

test.each<Row>([
  { name: 'owned', because: 'it names us', object: owned('mine'), of: rollout(), want: true },
  { name: 'a stranger', because: 'it names another', object: owned('other'), of: rollout(), want: false },
  { name: 'ownerless', because: 'somebody made it by hand', object: owned(), of: rollout(), want: false },
  {
    name: 'orphaned',
    because: 'kills: a deletion with --cascade=orphan that never ends, the canary still up',
    object: owned(),
    of: going,
    want: true,
  },
  { name: 'taken over', because: 'the next Rollout owns it', object: owned('other'), of: going, want: false },
])('$name', ({ object, of, want, because }) => {
  expect(isOurs(object, of), because).toBe(want);
});
