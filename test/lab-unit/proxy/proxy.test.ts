import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { killHard } from '../../lab/proxy/pids.ts';
import { type ProxySpec, startProxy, type WriteProxy } from '../../lab/proxy/proxy.ts';
import { isWrite, pluralOf } from '../../lab/proxy/writes.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Behind {
  proxy: WriteProxy;
  /** Requests that reached the API server, in order. */
  reached: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
  call(
    method: string,
    path: string,
    options?: { client?: string; body?: string; headers?: Record<string, string> },
  ): Promise<{ status: number; text: string }>;
}

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

async function behind(
  answer: Answer = (response) => response.end('{}'),
  more: Pick<ProxySpec, 'label'> = {},
): Promise<Behind> {
  const reached: Behind['reached'] = [];
  const server = createServer(async (incoming, response) => {
    let body = '';
    for await (const chunk of incoming) body += String(chunk);
    reached.push({ method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body });
    answer(response, incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy({ target: { server: `http://127.0.0.1:${port}` }, clients: ['a', 'b'], ...more });
  const dispatcher = new Agent();
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => proxy.close(),
    () => dispatcher.destroy(),
  );
  return {
    proxy,
    reached,
    async call(method, path, { client = 'a', body = '{}', headers = {} } = {}) {
      const content = method === 'GET' ? null : body;
      const reply = await request(`${proxy.url(client)}${path}`, {
        dispatcher,
        method: method as 'GET',
        headers,
        body: content,
      });
      return { status: reply.statusCode, text: await reply.body.text() };
    },
  };
}

const routes = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/shop';

test.each([
  { method: 'PATCH', path: `${routes}?fieldManager=headgate`, counts: true, because: 'the write that moves traffic' },
  {
    method: 'PUT',
    path: '/apis/headgate.dev/v1alpha1/namespaces/shop/rollouts/shop/status',
    counts: true,
    because: 'the state that is stored before it',
  },
  {
    method: 'POST',
    path: '/api/v1/namespaces/shop/pods/shop-1/eviction',
    counts: true,
    because: 'an eviction ends a pod',
  },
  {
    method: 'DELETE',
    path: '/apis/apps/v1/namespaces/shop/replicasets/shop-1',
    counts: true,
    because: 'a deletion is a write',
  },
  { method: 'DELETE', path: '/api/v1/namespaces/shop', counts: true, because: 'a namespace is an object itself' },
  { method: 'GET', path: routes, counts: false, because: 'reading changes nothing' },
  {
    method: 'PUT',
    path: '/apis/coordination.k8s.io/v1/namespaces/x/leases/headgate',
    counts: false,
    because: 'renewals come by the clock',
  },
  { method: 'POST', path: '/api/v1/namespaces/shop/events', counts: false, because: 'events say, they do not do' },
  {
    method: 'POST',
    path: '/apis/events.k8s.io/v1/namespaces/shop/events',
    counts: false,
    because: 'the newer events too',
  },
  { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', counts: false, because: 'a question' },
  { method: 'POST', path: '/apis/authorization.k8s.io/v1/subjectaccessreviews', counts: false, because: 'a question' },
  { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', counts: false, because: 'a question' },
  {
    method: 'POST',
    path: '/apis/apps/v1/namespaces/shop/replicasets?dryRun=All',
    counts: false,
    because: 'a dry run stores nothing',
  },
])('$method $path counts: $counts, $because', ({ method, path, counts, because }) => {
  expect(isWrite(method, path), because).toBe(counts);
});

test('the plural is found in every shape of path', () => {
  expect(pluralOf('/api/v1/nodes/a')).toBe('nodes');
  expect(pluralOf('/api/v1/namespaces')).toBe('namespaces');
  expect(pluralOf('/api/v1/namespaces/leases')).toBe('namespaces');
  expect(pluralOf('/apis/apps/v1/namespaces/a/deployments')).toBe('deployments');
});

test('requests pass as they are, and each client has a count of its own', async () => {
  const { proxy, call, reached } = await behind((response) =>
    response.writeHead(201, { 'x-api': '1' }).end('{"made":1}'),
  );
  const headers = { authorization: 'Bearer secret', 'content-type': 'application/json-patch+json' };
  const answer = await call('PATCH', `${routes}?fieldManager=headgate`, { headers, body: '[1]' });
  expect(answer).toEqual({ status: 201, text: '{"made":1}' });
  expect(reached[0]).toMatchObject({ method: 'PATCH', url: `${routes}?fieldManager=headgate`, headers, body: '[1]' });
  await call('GET', routes, { client: 'b' });
  await call('DELETE', routes, { client: 'b' });
  expect([proxy.count('a'), proxy.count('b')]).toEqual([1, 1]);
  expect(proxy.writes('a')).toMatchObject([{ n: 1, method: 'PATCH', fieldManager: 'headgate', status: 201 }]);
  proxy.reset();
  expect([proxy.count('a'), proxy.writes('b')]).toEqual([0, []]);
  expect(() => proxy.count('c')).toThrow('unknown client "c"');
});

test('a watch is streamed event by event, and ends at the API server when its client leaves', async () => {
  const gone = Promise.withResolvers<void>();
  const { proxy } = await behind((response) => {
    response.once('close', gone.resolve);
    response.writeHead(200).write('{"type":"ADDED"}\n');
  });
  const abort = new AbortController();
  const { body } = await request(`${proxy.url('a')}/api/v1/pods?watch=true`, { signal: abort.signal });
  const first = await body[Symbol.asyncIterator]().next();
  // kills: reading an answer whole before it is passed on, which never ends for a watch
  expect(String(first.value)).toBe('{"type":"ADDED"}\n');
  abort.abort();
  await gone.promise;
});

test('a client that leaves before its answer takes its request along', async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const { proxy } = await behind((response) => {
    response.once('close', gone.resolve);
    arrived.resolve();
  });
  const abort = new AbortController();
  const answer = request(`${proxy.url('a')}/api/v1/pods`, { signal: abort.signal });
  await arrived.promise;
  abort.abort();
  await expect(answer).rejects.toThrow();
  await gone.promise;
});

test('an API server that is not there breaks the connection, as its crash would', async () => {
  const proxy = await startProxy({ target: { server: 'http://127.0.0.1:9' } });
  cleanups.push(() => proxy.close());
  await expect(request(`${proxy.url()}/api/v1/pods`)).rejects.toThrow();
});

test('a dropped request never arrives; a dropped answer is of a write that was done', async () => {
  const { proxy, call, reached } = await behind();
  proxy.at({ client: 'a', write: 2, when: 'before', act: () => 'drop' });
  proxy.at({ client: 'a', write: 3, when: 'after', act: () => 'drop' });
  await call('PATCH', '/apis/a/v1/one');
  await expect(call('PATCH', '/apis/a/v1/two')).rejects.toThrow();
  await expect(call('PATCH', '/apis/a/v1/three')).rejects.toThrow();
  await call('PATCH', '/apis/a/v1/four');
  expect(reached.map(({ url }) => url)).toEqual(['/apis/a/v1/one', '/apis/a/v1/three', '/apis/a/v1/four']);
});

/** A process that writes to the proxy without end, one write after the other, and says what was answered. */
function writer(url: string): { child: ChildProcess; pid: number; answered: string[] } {
  const script = `for (let n = 1; ; n++) {
    await (await fetch('${url}/apis/a/v1/w' + n, { method: 'PATCH', body: '{}' })).text();
    process.stdout.write(n + '\\n');
  }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const answered: string[] = [];
  child.stdout?.on('data', (chunk) => answered.push(...String(chunk).trim().split('\n')));
  cleanups.push(() => child.kill('SIGKILL'));
  return { child, pid: child.pid ?? 0, answered };
}

test.each([
  { when: 'before', stored: 2, because: 'the third write never left' },
  { when: 'after', stored: 3, because: 'the third write was done and its writer never heard' },
] as const)(
  'a process that is killed $when write 3 has $stored writes stored: $because',
  async ({ when, stored, because }) => {
    const { proxy, reached } = await behind();
    const { child, pid, answered } = writer(proxy.url('a'));
    proxy.at({
      client: 'a',
      write: 3,
      when,
      act() {
        killHard(pid);
        return 'drop';
      },
    });
    const [code, signal] = await once(child, 'close');
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    expect(reached, because).toHaveLength(stored);
    expect(answered).toEqual(['1', '2']);
    expect(proxy.count('a')).toBe(3);
  },
);

test.each([0, 1, -5, 1.5, Number.NaN])('pid %d is no single process and is never signalled', (pid) => {
  expect(() => killHard(pid)).toThrow('not one process');
});

test('a rule with a label acts on the n-th write of that name, whatever came between', async () => {
  const { proxy, call, reached } = await behind(undefined, { label: ({ body }) => (body === '1' ? 'raise' : 'rest') });
  // kills: counting all writes for a rule that names a label
  proxy.at({ client: 'a', label: 'raise', write: 2, when: 'before', act: () => 'drop' });
  await call('PATCH', '/apis/a/v1/one', { body: '1' });
  await call('PATCH', '/apis/a/v1/two', { body: '2' });
  await expect(call('PATCH', '/apis/a/v1/three', { body: '1' })).rejects.toThrow();
  expect(reached.map(({ body }) => body)).toEqual(['1', '2']);
  expect(proxy.writes('a').map(({ label, nth }) => `${label} ${nth}`)).toEqual(['raise 1', 'rest 1', 'raise 2']);
});
