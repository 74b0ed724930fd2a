import { expect, test } from 'vitest';
import { initialState } from '#core/state.ts';
import { POD } from '#kube/resources.ts';
import { createGivenBack } from '#operator/given-back.ts';
import { isDeclared } from '#operator/observe-traffic.ts';
import { withSpecWriters } from '#operator/spec-writers.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { createMemoryApi } from '#test/support/memory-api.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

/** Who wants our label on the Service, and which pods of a Deployment lack it. */

const STABLE = 'headgate.dev/stable';

function service({
  selector = { app: 'shop', [STABLE]: 'true' } as Record<string, string>,
  manager = 'headgate',
  owns = ['f:selector'],
  applied = undefined as Record<string, string> | undefined,
} = {}): KubeObject {
  const fields = Object.fromEntries(owns.map((field) => [field, {}]));
  const last = JSON.stringify({ spec: { selector: applied } });
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: {
      ...{ name: 'shop', namespace: 'shop' },
      annotations: applied === undefined ? {} : { 'kubectl.kubernetes.io/last-applied-configuration': last },
      managedFields: [{ manager, operation: 'Apply', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': fields } }],
    },
    spec: { selector },
  };
}

test.each([
  { name: 'our own write', given: service(), declared: false },
  { name: 'an applier that owns the selector', given: service({ manager: 'argocd' }), declared: true },
  { name: 'one that owns the ports alone', given: service({ manager: 'argocd', owns: ['f:ports'] }), declared: false },
  { name: 'kubectl apply', given: service({ applied: { app: 'shop', [STABLE]: 'true' } }), declared: true },
  { name: 'kubectl apply without it', given: service({ applied: { app: 'shop' } }), declared: false },
  { name: 'a wide one', given: service({ selector: { app: 'shop' }, manager: 'argocd' }), declared: false },
])('$name: declared $declared', ({ given, declared }) => {
  // As the store keeps it.
  expect(isDeclared(withSpecWriters(given))).toBe(declared);
});

const rollout: KubeObject = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'shop', namespace: 'shop', uid: 'u-1', deletionTimestamp: '2026-03-02T03:00:00Z' },
  spec: { service: 'shop', workloadRef: { kind: 'Deployment', name: 'web' } },
};
const adopted = { ...initialState(0), adopted: { deployment: 'web', replicas: 2, at: 0 } };
const deployment: KubeObject = {
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } },
  spec: { template: { metadata: { labels: { app: 'shop' } } } },
};

function pod(name: string, labels: Record<string, string>, owner = 'web-abc'): KubeObject {
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name, namespace: 'shop', uid: `uid-${name}` },
      labels: { app: 'shop', 'pod-template-hash': 'abc', ...labels },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: 'u-set' }],
    },
    spec: {},
  };
}

async function scene(found: KubeObject) {
  const api = createMemoryApi();
  const made: [Resource, KubeObject][] = [
    [POD, pod('bare', {})],
    [POD, pod('labelled', { [STABLE]: 'true' })],
    [POD, pod('ours', { 'headgate.dev/rollout': 'shop' })],
    [POD, pod('stranger', {}, 'other-abc')],
  ];
  for (const [resource, object] of made) await api.create(resource, object);
  const one = (object: KubeObject) => ({ get: () => object }) as never;
  const clock = createVirtualClock();
  const looked: string[] = [];
  const stores = { deployments: one(deployment), services: one(found) };
  const given = createGivenBack({ api, clock, stores, again: (key) => void looked.push(key) });
  const { signal } = new AbortController();
  return { given, clock, looked, ask: (object = rollout, state = adopted) => given.ask(object, state, signal) };
}

// kills: our own pods, or a stranger's, taken for the Deployment's
test('living pods of the Deployment without the label are named, and looked at again a second later', async () => {
  const { given, clock, looked, ask } = await scene(service({ manager: 'argocd' }));
  expect(given.bare(rollout)).toBeUndefined();
  await ask();
  expect(given.bare(rollout)?.map(({ name }) => name)).toEqual(['bare']);
  await clock.advance(1000);
  expect(looked).toEqual(['shop/shop']);
});

const { deletionTimestamp: _, ...living } = rollout.metadata;
const sending = { release: { weight: 5000 } } as never;

test.each([
  { name: 'the Rollout lives', object: { ...rollout, metadata: living }, found: service({ manager: 'argocd' }) },
  { name: 'nobody declares the label', object: rollout, found: service() },
  { name: 'the canary has traffic', object: rollout, found: service({ manager: 'argocd' }), state: sending },
])('nobody is asked where $name', async ({ object, found, state }) => {
  const { given, ask } = await scene(found);
  await ask(object, { ...adopted, ...(state ?? {}) });
  // kills: an answer that is waited for before the canary's traffic has gone back
  expect(given.bare(object)).toBeUndefined();
});
