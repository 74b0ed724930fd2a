import { expect, test } from 'vitest';
import { initialState } from '#core/state.ts';
import { NAMESPACE, ROLLOUT } from '#kube/resources.ts';
import { OperatorError } from '#lib/errors.ts';
import { createEndingNamespace } from '#operator/ending-namespace.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createMemoryApi } from '#test/support/memory-api.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const rollout: KubeObject = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'cart', namespace: 'shop', uid: 'u-1', deletionTimestamp: '2026-03-02T03:00:00Z' },
};
const adopted = { ...initialState(0), adopted: { deployment: 'cart', replicas: 2, at: 0 } };

function scene() {
  const api = createMemoryApi();
  const clock = createVirtualClock();
  const check = createEndingNamespace({ api, clock });
  let calls = 0;
  api.before = () => {
    calls += 1;
  };
  const { signal } = new AbortController();
  return {
    api,
    clock,
    check,
    calls: () => calls,
    ask: (object = rollout, state = adopted) => check.ask(object, state, signal),
  };
}

async function endNamespace(api: ReturnType<typeof createMemoryApi>): Promise<void> {
  // Something with a finalizer keeps the namespace from being gone at once.
  await api.create(ROLLOUT, {
    ...{ apiVersion: rollout.apiVersion, kind: rollout.kind },
    metadata: { name: 'other', namespace: 'shop', finalizers: ['x.example/keep'] },
    spec: { service: 'other', workloadRef: { kind: 'Deployment', name: 'other' } },
  });
  await api.delete({ resource: NAMESPACE, name: 'shop' });
}

// kills: a namespace that lives taken for one that ends, and one that ends taken for one that lives
test('a namespace that ends refuses everything that is new', async () => {
  const { api, check, ask } = scene();
  await ask();
  expect(check.ends(rollout)).toBe(false);
  const ending = scene();
  await endNamespace(ending.api);
  await ending.ask();
  expect(ending.check.ends(rollout)).toBe(true);
  expect([...api.objects().keys(), ...ending.api.objects().keys()], 'a dry run leaves nothing').toEqual([
    'rollouts/shop/other',
  ]);
});

test('it is asked every ten seconds, until it ends', async () => {
  const { api, clock, check, calls, ask } = scene();
  await ask();
  await ask();
  expect(calls()).toBe(1);
  await endNamespace(api);
  const before = calls();
  await clock.advance(10_000);
  await ask();
  expect(check.ends(rollout)).toBe(true);
  await clock.advance(60_000);
  await ask();
  expect(calls() - before, 'no namespace comes back').toBe(1);
});

// kills: a right that is missing, or a webhook that refuses, taken for the end of the namespace: our pods would leave
// before the Deployment serves
test.each(['KUBE_FORBIDDEN', 'KUBE_INVALID', 'KUBE_UNAVAILABLE'] as const)('%s says nothing', async (code) => {
  const { api, check, ask } = scene();
  api.before = () => {
    throw new OperatorError(code, 'no', { cause: { message: 'no', reason: 'Forbidden', details: {} } });
  };
  await ask();
  expect(check.ends(rollout)).toBe(false);
});

test('nobody is asked about a Rollout that stays, or that has taken nothing over', async () => {
  const { calls, ask } = scene();
  const { deletionTimestamp: _, ...metadata } = rollout.metadata;
  await ask({ ...rollout, metadata });
  await ask(rollout, initialState(0) as typeof adopted);
  expect(calls()).toBe(0);
});
