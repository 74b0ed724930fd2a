import { afterEach, describe, expect, test } from 'vitest';
import { createKubeApi } from '#kube/api.ts';
import { type ClusterConfig, fixedConfig } from '#kube/config.ts';
import type { WriteRecord } from '#kube/exchange.ts';
import { POD, ROLLOUT } from '#kube/resources.ts';
import { createTransport, type TransportOptions } from '#kube/transport.ts';
import { hasCode } from '#lib/errors.ts';
import { systemClock } from '#runtime/system-clock.ts';
import { json, type Reply, type ScriptedServer, startScriptedServer } from '#test/support/scripted-server.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';

const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop', resourceVersion: '7' } };
const ref = { resource: POD, namespace: 'shop', name: 'a' };
const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing[Symbol.asyncDispose]();
});

async function setUp(replies: Reply[], options: Partial<TransportOptions> = {}) {
  const server = await startScriptedServer(...replies);
  const telemetry = recordTelemetry();
  const transport = createTransport({ config: fixedConfig(server.url), clock: systemClock, telemetry, ...options });
  open.push(server, { [Symbol.asyncDispose]: () => transport.close() });
  return { server, telemetry, api: createKubeApi(transport) };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Credentials that change when they are asked for afresh. */
function rotating(server: () => ScriptedServer | undefined): { config: ClusterConfig; asked: () => number } {
  let fresh = 0;
  const config: ClusterConfig = {
    namespace: async () => undefined,
    async credentials(options) {
      if (options?.fresh === true) fresh += 1;
      return fixedConfig(server()?.url ?? '', { token: `token-${fresh}` }).credentials();
    },
  };
  return { config, asked: () => fresh };
}

test('300 calls in a row use at most two connections', async () => {
  // kills: a new Agent for each call
  const { server, api, telemetry } = await setUp([json(200, pod)], { qps: 10_000, burst: 400 });
  for (let call = 0; call < 300; call += 1) await api.get(ref);
  expect(server.connections).toBeLessThanOrEqual(2);
  expect(telemetry.total('headgate_kube_requests_total', { verb: 'get', resource: 'pods', code: '200' })).toBe(300);
});

test('300 calls at once use at most sixteen connections', async () => {
  const { server, api } = await setUp([json(200, pod)], { burst: 400 });
  await Promise.all(Array.from({ length: 300 }, () => api.get(ref)));
  expect(server.connections).toBeLessThanOrEqual(16);
});

describe('401', () => {
  test('credentials are read again, once, and the call is repeated', async () => {
    // kills: no second try; the second try with the old token
    let server: ScriptedServer | undefined;
    const { config } = rotating(() => server);
    const set = await setUp([json(401, { message: 'Unauthorized' }), json(200, pod)], { config });
    server = set.server;
    await expect(set.api.get(ref)).resolves.toEqual(pod);
    expect(set.server.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-0',
      'Bearer token-1',
    ]);
  });

  test('a second refusal is told', async () => {
    let server: ScriptedServer | undefined;
    const { config, asked } = rotating(() => server);
    const set = await setUp([json(401, { message: 'Unauthorized' })], { config });
    server = set.server;
    const error = await failure(set.api.get(ref));
    expect(hasCode(error, 'KUBE_UNAUTHORIZED')).toBe(true);
    expect([set.server.requests.length, asked()]).toEqual([2, 1]);
  });
});

describe('Retry-After', () => {
  test.each([429, 503])('%i with a short one is waited for', async (code) => {
    const { server, api } = await setUp([json(code, { message: 'later' }, { 'retry-after': '0' }), json(200, pod)]);
    await expect(api.create(POD, pod)).resolves.toEqual(pod);
    expect(server.requests).toHaveLength(2);
  });

  test('longer than the deadline: told at once, with the wait', async () => {
    const { server, api } = await setUp([json(429, { message: 'later' }, { 'retry-after': '60' })]);
    const error = await failure(api.create(POD, pod));
    expect(error).toMatchObject({ code: 'KUBE_UNAVAILABLE', retryAfterMs: 60_000, message: 'create pods shop: later' });
    expect(server.requests).toHaveLength(1);
  });

  test('500 is not repeated: a write may have happened', async () => {
    const { server, api } = await setUp([json(500, { message: 'etcd is gone' })]);
    expect(await failure(api.create(POD, pod))).toMatchObject({ code: 'KUBE_UNAVAILABLE' });
    expect(server.requests).toHaveLength(1);
  });
});

describe('lost connections', () => {
  const reset: Reply = (_, response) => {
    response.socket?.resetAndDestroy();
  };

  test('a read is repeated once', async () => {
    const { api } = await setUp([reset, json(200, pod)]);
    await expect(api.get(ref)).resolves.toEqual(pod);
  });

  test('a write is not: it may have happened', async () => {
    // kills: repeating every method
    const { server, api } = await setUp([reset, json(200, pod)]);
    expect(await failure(api.create(POD, pod))).toMatchObject({ code: 'KUBE_UNAVAILABLE' });
    expect(server.requests).toHaveLength(1);
  });

  test('nobody listens', async () => {
    const { server, api } = await setUp([json(200, pod)]);
    await server[Symbol.asyncDispose]();
    expect(await failure(api.get(ref))).toMatchObject({ code: 'KUBE_UNAVAILABLE' });
  });
});

test('a server that never answers meets the deadline', async () => {
  const { api } = await setUp([() => undefined], { deadlineMs: 50 });
  expect(await failure(api.get(ref))).toMatchObject({ message: 'get pods shop/a: no answer within 50ms' });
});

test("the caller's abort stays what it is", async () => {
  const stop = new AbortController();
  const { api } = await setUp([() => stop.abort(new Error('stopping'))]);
  expect(await failure(api.get(ref, { signal: stop.signal }))).toMatchObject({ message: 'stopping' });
});

test('an urgent call does not wait for the rate limit', async () => {
  // kills: taking a token for urgent calls; qps so low that waiting would take an hour
  const { api } = await setUp([json(200, pod)], { qps: 1 / 3600, burst: 1, deadlineMs: 1000 });
  await api.get(ref);
  await expect(api.jsonPatch(ref, [], { urgent: true })).resolves.toEqual(pod);
});

test('writes are strict, told to the audit, and say who writes', async () => {
  const audit: WriteRecord[] = [];
  const { server, api } = await setUp([json(200, pod)], { onWrite: (write) => audit.push(write) });
  await api.apply(
    POD,
    { ...pod, metadata: { ...pod.metadata, managedFields: [{}] } },
    { fieldManager: 'headgate', force: true },
  );
  const [request] = server.requests;
  expect(request).toMatchObject({ method: 'PATCH', path: '/api/v1/namespaces/shop/pods/a' });
  expect(request?.headers['content-type']).toBe('application/apply-patch+yaml');
  expect(Object.fromEntries(request?.query ?? [])).toEqual({
    fieldManager: 'headgate',
    fieldValidation: 'Strict',
    force: 'true',
  });
  expect(JSON.parse(request?.body ?? '')).toEqual(pod);
  expect(audit).toMatchObject([{ verb: 'apply', what: 'apply pods shop/a', code: 200 }]);
});

test('a list is read page by page, and begun again when its token expires', async () => {
  const page = (names: string[], more: string) =>
    json(200, {
      apiVersion: 'headgate.dev/v1alpha1',
      metadata: { resourceVersion: '9', continue: more },
      items: names.map((name) => ({ metadata: { name } })),
    });
  const gone = json(410, { message: 'The provided continue parameter is too old', reason: 'Expired' });
  const { server, api } = await setUp([page(['a'], 'x'), gone, page(['a', 'b'], 'y'), page(['c'], '')]);
  const items = await api.list(ROLLOUT, undefined, { labelSelector: 'app=shop' });
  expect(items.map(({ metadata, kind }) => `${kind} ${metadata.name}`)).toEqual([
    'Rollout a',
    'Rollout b',
    'Rollout c',
  ]);
  expect(server.requests.map(({ query }) => query.get('continue'))).toEqual([null, 'x', null, 'y']);
  expect(server.requests.every(({ query }) => query.get('labelSelector') === 'app=shop')).toBe(true);
});

test('a delete asks for the uid it means', async () => {
  const { server, api } = await setUp([json(200, { kind: 'Status' })]);
  await api.delete(ref, { uid: 'u1', propagation: 'Background', graceSeconds: 5 });
  expect(JSON.parse(server.requests[0]?.body ?? '')).toMatchObject({
    preconditions: { uid: 'u1' },
    propagationPolicy: 'Background',
    gracePeriodSeconds: 5,
  });
});
