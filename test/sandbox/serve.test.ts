import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKubeApi } from '#kube/api.ts';
import { loadConfig } from '#kube/config.ts';
import { CONFIG_MAP } from '#kube/resources.ts';
import { createTransport, type Transport } from '#kube/transport.ts';
import { createWatchSource } from '#kube/watch.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import { createInformers } from '#runtime/informers.ts';
import { silentLog } from '#runtime/json-log.ts';
import { systemClock as clock, systemRandom as random } from '#runtime/system-clock.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { type Served, serveSandbox } from '#sandbox/serve.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';

/** The real transport over a real socket. */

const telemetry = recordTelemetry();
let served: Served;
let transport: Transport;
let api: KubeApi;

beforeAll(async () => {
  served = await serveSandbox(createSandbox({ clock, random }));
  transport = createTransport({ config: loadConfig({ clock, text: served.kubeconfig }), clock, telemetry });
  api = createKubeApi(transport);
});

afterAll(async () => {
  await transport.close();
  await served.close();
});

const map = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { a: '1' },
});

test('a cache is filled by a streaming list and follows changes', async () => {
  await api.create(CONFIG_MAP, map('first'));
  const stop = new AbortController();
  const informers = createInformers({
    kinds: [{ resource: CONFIG_MAP }],
    sourceFor: (target) => createWatchSource(transport, target),
    freeze: true,
    ...{ clock, random, log: silentLog, telemetry },
  });
  const store = informers.store(CONFIG_MAP);
  const running = informers.run(stop.signal);
  await informers.synced;
  expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['first']);
  const seen = Promise.withResolvers<void>();
  store.watch({ add: () => seen.resolve() });
  await api.create(CONFIG_MAP, map('second'));
  await seen.promise;
  expect(store.list().map(({ metadata }) => metadata.name)).toEqual(['first', 'second']);
  stop.abort();
  await running;
});

describe('over HTTP', () => {
  const ask = (path: string, init: RequestInit = {}) => fetch(`${served.url}${path}`, init);

  test('YAML is applied as it is written', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: y}\ndata: {a: "1"}\n';
    const path = '/api/v1/namespaces/default/configmaps/y?fieldManager=me';
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    expect((await ask(path, { method: 'PATCH', headers, body })).status).toBe(201);
  });

  test.each([
    { name: 'a page in a browser', init: { headers: { origin: 'https://example.com' } }, code: 400 },
    { name: 'a method without meaning', init: { method: 'OPTIONS' }, code: 400 },
    { name: 'a body that is no text of ours', init: { method: 'POST', body: '{"a": [}' }, code: 400 },
  ])('$name is refused', async ({ init, code }) => {
    const answer = await ask('/api/v1/namespaces/default/configmaps', init);
    expect([answer.status, ((await answer.json()) as { kind: string }).kind]).toEqual([code, 'Status']);
  });

  test('kubectl gets its table', async () => {
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const answer = await ask('/api/v1/namespaces?labelSelector=', { headers });
    expect(await answer.json()).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Status' }, { name: 'Age' }],
      rows: [
        { cells: ['default', 'Active', expect.stringMatching(/^\d+s$/)] },
        { cells: ['kube-system', 'Active', expect.any(String)] },
      ],
    });
  });
});
