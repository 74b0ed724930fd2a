import { describe, expect, test } from 'vitest';
import { createKubeApi } from '#kube/api.ts';
import { CONFIG_MAP, NAMESPACE, POD, REPLICA_SET, ROLLOUT, SERVICE } from '#kube/resources.ts';
import { transportOver } from '#kube/transport.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { memoryExchange } from '#sandbox/memory-exchange.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';
import { badObjects } from '../schema/bad-objects.ts';
import { action, objective, plurals, release, rollout, type Sample, source, suite } from '../schema/objects.ts';

function build(seed = 1) {
  const clock = createVirtualClock();
  const sandbox = createSandbox({ clock, random: seededRandom(seed) });
  const transport = transportOver(memoryExchange(sandbox), { clock });
  return { clock, sandbox, api: createKubeApi(transport) };
}

function create({ sandbox }: ReturnType<typeof build>, object: Sample) {
  const scope = object.kind === 'MetricSource' ? '' : '/namespaces/default';
  const reply = sandbox.handle({
    method: 'POST',
    path: `/apis/headgate.dev/v1alpha1${scope}/${plurals[object.kind]}`,
    query: new URLSearchParams({ fieldValidation: 'Strict', dryRun: 'All' }),
    body: object,
  });
  if ('watch' in reply) throw new Error('not a watch');
  return { code: reply.code, body: reply.body as { message?: string; spec?: object } };
}

describe('our own kinds', () => {
  test.each([rollout(), release(), action({ by: 'sandbox' }), objective(), source(), suite()])(
    'a good $kind is accepted',
    (object) => {
      expect(create(build(), object)).toMatchObject({ code: 201 });
    },
  );

  // The same words as the real API server says them; test/e2e/crds.test.ts holds it to the same table.
  const told = badObjects.filter(({ name }) => name !== 'weight without a percent sign');
  test.each(told)('$name: refused in these words', ({ object, refused, because }) => {
    const { code, body } = create(build(), object);
    expect(body.message?.replace(/^\w+\.headgate\.dev "\w+" is invalid: /, ''), because).toBe(refused);
    expect([400, 422]).toContain(code);
  });

  test('a Rollout of ten lines gets every default', () => {
    expect(create(build(), rollout({ gates: [{ slo: 'a' }], steps: [{ weight: 5 }] })).body.spec).toMatchObject({
      revisionHistoryLimit: 5,
      budget: { targetSpend: '0.1%', maxSpend: '1%' },
      gates: [{ slo: 'a' }],
      steps: [{ weight: 5, hold: '1m' }],
      services: [],
    });
  });
});

test('the same seed and clock give the same world', async () => {
  const live = async () => {
    const world = build(7);
    const { api } = world;
    await api.create(SERVICE, service());
    const made = await api.create(CONFIG_MAP, map({ generateName: 'x-' }));
    return JSON.stringify([world.sandbox.store.list('services.'), made]);
  };
  expect(await live()).toBe(await live());
});

function map(metadata: object, data: Record<string, string> = { a: '1' }): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', ...metadata } as never, data };
}

function service(): KubeObject {
  const spec = { selector: { app: 'shop' }, ports: [{ port: 80, targetPort: 8080 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop', namespace: 'default' }, spec };
}

test('nobody acts in the name of another', () => {
  const { code, body } = create(build(), action({ by: 'mallory' }));
  expect([code, body.message]).toEqual([403, expect.stringMatching(/ValidatingAdmissionPolicy .*and not mallory$/)]);
});

test('dry runs store nothing and use up no version', async () => {
  const { api, sandbox } = build();
  const before = sandbox.store.version;
  await api.create(CONFIG_MAP, map({ name: 'dry' }), { dryRun: true });
  expect(sandbox.store.version).toBe(before);
});

test('a write that changes nothing keeps the version', async () => {
  const { api } = build();
  const made = await api.create(CONFIG_MAP, map({ name: 'same' }));
  const again = await api.mergePatch(
    { resource: CONFIG_MAP, namespace: 'default', name: 'same' },
    { data: { a: '1' } },
  );
  expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
});

test('Services get an address that a later write keeps', async () => {
  const { api } = build();
  const made = await api.create(SERVICE, service());
  const ref = { resource: SERVICE, namespace: 'default', name: 'shop' };
  const changed = await api.mergePatch(ref, { spec: { selector: { app: 'other' } } });
  expect(made['spec']).toMatchObject({ clusterIP: expect.stringMatching(/^10\.96\./), type: 'ClusterIP' });
  expect((changed['spec'] as { clusterIP: string }).clusterIP).toBe((made['spec'] as { clusterIP: string }).clusterIP);
});

test('a ReplicaSet whose selector misses its template is refused', async () => {
  const { api } = build();
  const spec = {
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'b' } }, spec: { containers: [{ name: 'app', image: 'shop:v1' }] } },
  };
  const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'x', namespace: 'default' }, spec };
  await expect(api.create(REPLICA_SET, set)).rejects.toMatchObject({ code: 'KUBE_INVALID' });
});

test('a pod that no kubelet has taken goes at once; one that runs stays for its grace time', async () => {
  const { api } = build();
  const ref = (name: string) => ({ resource: POD, namespace: 'default', name });
  const pod = (name: string, spec: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'app', image: 'shop:v1' }], ...spec },
  });
  await api.create(POD, pod('loose'));
  await api.create(POD, pod('bound', { nodeName: 'node' }));
  await api.delete(ref('loose'));
  await api.delete(ref('bound'));
  await expect(api.get(ref('loose'))).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
  expect((await api.get(ref('bound'))).metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
  await api.delete(ref('bound'), { graceSeconds: 0 });
  await expect(api.get(ref('bound'))).rejects.toMatchObject({ code: 'KUBE_NOT_FOUND' });
});

test('a namespace that is being deleted takes nothing new', async () => {
  const { api } = build();
  await api.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'old' } });
  await api.delete({ resource: NAMESPACE, name: 'old' });
  await expect(api.create(CONFIG_MAP, map({ name: 'late', namespace: 'old' }))).rejects.toMatchObject({
    code: 'KUBE_FORBIDDEN',
  });
});

test('status and spec are written by their own paths', async () => {
  const { api } = build();
  const object = {
    ...rollout({ replicas: 1 }),
    metadata: { name: 'shop', namespace: 'default' },
    status: { phase: 'Healthy' },
  };
  const made = await api.create(ROLLOUT, object as unknown as KubeObject);
  expect([made['status'], made.metadata.generation]).toEqual([{ observedGeneration: -1 }, 1]);
  const seen = await api.replace(
    ROLLOUT,
    { ...made, spec: { ...(made['spec'] as object), replicas: 9 }, status: { phase: 'Healthy' } },
    { subresource: 'status' },
  );
  expect(seen).toMatchObject({ spec: { replicas: 1 }, status: { phase: 'Healthy' }, metadata: { generation: 1 } });
});
