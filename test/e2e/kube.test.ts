import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createKubeApi } from '#kube/api.ts';
import { loadConfig } from '#kube/config.ts';
import { CONFIG_MAP, EVENT, LEASE, NAMESPACE } from '#kube/resources.ts';
import { createTransport, type Transport } from '#kube/transport.ts';
import { createWatchSource } from '#kube/watch.ts';
import type { ErrorCode } from '#lib/errors.ts';
import type { JsonPatchOperation, KubeApi } from '#ports/kube-api.ts';
import { createEventRecorder } from '#runtime/events.ts';
import { createInformers } from '#runtime/informers.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createElector } from '#runtime/leader.ts';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';

/** What only a real API server can tell: the shapes of its refusals, and that it takes what we send. */

const namespace = `kube-${randomUUID().slice(0, 8)}`;
const telemetry = recordTelemetry();
const ports = { clock, random, telemetry, log: silentLog };
const ref = { resource: CONFIG_MAP, namespace, name: 'x' };
let transport: Transport;
let api: KubeApi;

beforeAll(async () => {
  transport = createTransport({ config: loadConfig({ clock, file: inject('lab').kubeconfig }), clock, telemetry });
  api = createKubeApi(transport);
  await api.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await api.create(CONFIG_MAP, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x', namespace },
    data: { a: '1' },
  });
});

afterAll(async () => {
  await api.delete({ resource: NAMESPACE, name: namespace });
  await transport.close();
});

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a JSON patch', () => {
  test.each<{ name: string; patch: JsonPatchOperation[]; code: ErrorCode }>([
    { name: 'whose test fails', patch: [{ op: 'test', path: '/data/a', value: '2' }], code: 'KUBE_CONFLICT' },
    {
      name: 'whose tested path is missing',
      patch: [{ op: 'test', path: '/data/b', value: '2' }],
      code: 'KUBE_CONFLICT',
    },
    {
      name: 'with an old resourceVersion',
      patch: [{ op: 'replace', path: '/metadata/resourceVersion', value: '1' }],
      code: 'KUBE_CONFLICT',
    },
    {
      name: 'whose test holds and whose result is invalid',
      patch: [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'add', path: '/data/b!', value: 'x' },
      ],
      code: 'KUBE_INVALID',
    },
    {
      name: 'whose result has an unknown field',
      patch: [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'add', path: '/bogus', value: 1 },
      ],
      code: 'KUBE_INVALID',
    },
  ])('$name is $code', async ({ patch, code }) => {
    expect(await failure(api.jsonPatch(ref, patch))).toMatchObject({ code });
  });
});

test('the store is filled by a streaming list, and shows our own write', async () => {
  const stop = new AbortController();
  const informers = createInformers({
    ...ports,
    kinds: [{ resource: CONFIG_MAP }],
    namespace,
    sourceFor: (target) => createWatchSource(transport, target),
    freeze: true,
  });
  const store = informers.store(CONFIG_MAP);
  const running = informers.run(stop.signal);
  await informers.synced;
  expect(store.get(ref)?.['data']).toEqual({ a: '1' });
  expect(telemetry.total('headgate_kube_requests_total', { verb: 'list' }), 'no page was read').toBe(0);
  const updated = Promise.withResolvers<void>();
  store.watch({ update: ({ metadata }) => metadata.name === 'x' && updated.resolve() });
  store.noteWrite(await api.mergePatch(ref, { data: { m: '1' } }));
  await updated.promise;
  expect([store.fresh(ref), store.get(ref)?.['data']]).toEqual([true, { a: '1', m: '1' }]);
  stop.abort();
  await running;
});

test('the Lease is created, renewed, released and taken over', async () => {
  const heard = new EventTarget();
  const compete = (identity: string, signal: AbortSignal) => {
    const elector = createElector({
      ...ports,
      api,
      lease: { resource: LEASE, namespace, name: 'op' },
      identity,
      leaseMs: 3000,
      renewMs: 2000,
      retryMs: 200,
      onStarted: () => heard.dispatchEvent(new Event(identity)),
      onLost: () => undefined,
    });
    return { elector, running: elector.run(signal) };
  };
  const stop = new AbortController();
  const aLeads = once(heard, 'a');
  const a = compete('a', stop.signal);
  await aLeads;
  const bLeads = once(heard, 'b');
  const b = compete('b', stop.signal);
  await a.elector.release();
  await bLeads;
  expect([a.elector.isLeader(), b.elector.isLeader(), b.elector.epoch()]).toEqual([false, true, 1]);
  stop.abort();
  await Promise.all([a.running, b.running]);
});

test('Events and their series are accepted', async () => {
  const recorder = createEventRecorder({
    ...ports,
    api,
    resource: EVENT,
    controller: 'headgate.dev/operator',
    instance: 'i',
  });
  const regarding = await api.get(ref);
  for (let time = 0; time < 3; time += 1) {
    recorder.record({ regarding, type: 'Warning', reason: 'Tested', action: 'Test', note: 'hello' });
    await recorder.flush();
  }
  const events = await api.list(EVENT, namespace);
  expect(events.filter(({ reason }) => reason === 'Tested')).toMatchObject([{ note: 'hello', series: { count: 3 } }]);
});
