import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { callOf, type Fault } from '../../lab/proxy/faults.ts';
import { startProxy } from '../../lab/proxy/proxy.ts';
import { createStorm, type Storm } from '../../lab/proxy/storm.ts';
import { waitFor } from '../../lab/wait.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Behind {
  storm: Storm;
  /** `METHOD url` of what reached the API server. */
  reached: string[];
  call(method: string, path: string, client?: string): Promise<{ status: number; text: string }>;
  /** Opens a watch; `said` grows with what it says, `over` is set when it ends. */
  watch(path: string): Promise<{ said: string[]; over: boolean }>;
  /** The API server says this on every open watch. */
  tell(line: unknown): void;
}

async function behind(): Promise<Behind> {
  const reached: string[] = [];
  const watching = new Set<ServerResponse>();
  const answer = (incoming: IncomingMessage, response: ServerResponse) => {
    reached.push(`${incoming.method} ${incoming.url}`);
    if (!(incoming.url ?? '').includes('watch=true')) return response.end('{"whole":"answer"}');
    watching.add(response);
    response.flushHeaders();
    if (!(incoming.url ?? '').includes('sendInitialEvents')) return undefined;
    for (const line of [event('ADDED', '1'), listingEnd('1')]) response.write(`${JSON.stringify(line)}\n`);
    return undefined;
  };
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.once('end', () => answer(incoming, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clients = ['a', 'b'];
  const storm = createStorm(clients);
  const target = { server: `http://127.0.0.1:${port}` };
  const proxy = await startProxy({ target, clients, storm, label: ({ method }) => `routes ${method}` });
  const dispatcher = new Agent();
  cleanups.push(
    () => server.closeAllConnections(),
    () => server.close(),
    () => proxy.close(),
    () => storm.disarm(),
    () => dispatcher.destroy(),
  );
  const send = (method: string, path: string, client: string) => {
    const body = method === 'GET' ? null : '{}';
    return request(`${proxy.url(client)}${path}`, { dispatcher, method: method as 'GET', body, headersTimeout: 300 });
  };
  return {
    storm,
    reached,
    async call(method, path, client = 'a') {
      const reply = await send(method, path, client);
      return { status: reply.statusCode, text: await reply.body.text() };
    },
    async watch(path) {
      const { body } = await send('GET', path, 'a');
      const watch = { said: [] as string[], over: false };
      body.setEncoding('utf8');
      body.on('data', (text: string) => watch.said.push(...text.split('\n').filter((line) => line !== '')));
      body.once('close', () => {
        watch.over = true;
      });
      body.on('error', () => undefined);
      return watch;
    },
    tell(line) {
      for (const response of watching) response.write(`${JSON.stringify(line)}\n`);
    },
  };
}

const routes = '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes';
const route = `${routes}/shop`;
const watched = `${routes}?watch=true&resourceVersion=1`;
const event = (type: string, resourceVersion: string) => ({
  type,
  object: { apiVersion: 'v1', kind: 'HTTPRoute', metadata: { name: 'shop', resourceVersion } },
});
const listingEnd = (resourceVersion: string) => {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return { type: 'BOOKMARK', object: { kind: 'HTTPRoute', metadata: { resourceVersion, annotations } } };
};

test.each([
  { method: 'GET', url: route, verb: 'get', resource: 'httproutes', because: 'one object is named' },
  { method: 'GET', url: `${routes}?limit=500`, verb: 'list', resource: 'httproutes', because: 'none is' },
  { method: 'GET', url: watched, verb: 'watch', resource: 'httproutes', because: 'it says so' },
  { method: 'PUT', url: `${route}/status`, verb: 'update', resource: 'httproutes', because: 'a part is written' },
  {
    method: 'GET',
    url: '/api/v1/namespaces/shop',
    verb: 'get',
    resource: 'namespaces',
    because: 'it has no namespace',
  },
])('$method $url is $verb: $because', ({ method, url, verb, resource, because }) => {
  expect(callOf('a', method, url, undefined), because).toMatchObject({ verb, resource });
  expect(callOf('a', method, url, undefined).subresource).toBe(url.endsWith('/status') ? 'status' : undefined);
});

interface Row {
  name: string;
  because: string;
  does: Fault['does'];
  /** What the client gets: code and text, or nothing. */
  gets: { status: number; text: string } | 'nothing';
  /** Whether the API server has done it. */
  done: boolean;
}

const rows: Row[] = [
  { name: 'a lost request', because: 'it never arrived', does: { kind: 'lost' }, gets: 'nothing', done: false },
  {
    name: 'a lost answer',
    because: 'it was done all the same',
    does: { kind: 'answer lost' },
    gets: 'nothing',
    done: true,
  },
  {
    name: 'a half-open connection',
    because: 'the client gives up by itself',
    ...{ does: { kind: 'half-open', side: 'answer' }, gets: 'nothing', done: true },
  },
  {
    name: 'a write that is belied',
    because: 'it was done, whatever the code says',
    ...{
      does: { kind: 'belied', code: 504 },
      gets: { status: 504, text: expect.stringContaining('Timeout') },
      done: true,
    },
  },
  {
    name: 'a truncated answer',
    because: 'half of it comes as a whole',
    ...{ does: { kind: 'truncated' }, gets: { status: 200, text: '{"whole":' }, done: true },
  },
  {
    name: 'a captive proxy',
    because: 'code 200 does not make it JSON',
    ...{ does: { kind: 'garbage' }, gets: { status: 200, text: '<html>Please sign in</html>' }, done: false },
  },
];

test.each(rows)('$name: $because', async ({ does, gets, done, because }) => {
  const { storm, call, reached } = await behind();
  storm.arm([{ does, to: { verbs: ['patch'] }, times: 1 }], 1);
  const got = await call('PATCH', route).catch(() => 'nothing' as const);
  expect(got, because).toEqual(gets);
  expect(reached.length).toBe(done ? 1 : 0);
  expect(storm.report()).toMatchObject({ hits: [1], healedAt: expect.any(Number) });
  expect((await call('PATCH', route)).status, 'it is over').toBe(200);
});

test('a refusal says its code, its reason and how long to wait', async () => {
  const { storm, call, reached } = await behind();
  storm.arm([{ does: { kind: 'refused', code: 429, retryAfterSeconds: 1 }, to: { resources: ['httproutes'] } }], 1);
  expect(await call('GET', '/api/v1/pods')).toMatchObject({ status: 200 });
  const refused = await call('GET', route);
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ kind: 'Status', code: 429, reason: 'TooManyRequests' });
  expect(reached).toEqual(['GET /api/v1/pods']);
});

test('a fault waits for the write that it follows, and is about who led then', async () => {
  const { storm, call } = await behind();
  const lease = '/apis/coordination.k8s.io/v1/namespaces/shop/leases/headgate';
  storm.arm([{ does: { kind: 'lost' }, to: { client: 'leader' }, from: 'routes PATCH' }], 1);
  await call('PUT', lease, 'b');
  expect((await call('GET', route, 'b')).status).toBe(200);
  await call('PATCH', route, 'b');
  await expect(call('GET', route, 'b')).rejects.toThrow();
  await call('PUT', lease, 'a');
  expect((await call('GET', route, 'a')).status, 'the next leader is not meant').toBe(200);
  expect(storm.report()).toEqual({ hits: [1], healedAt: undefined });
});

test('the same seed hits the same requests', async () => {
  const { storm, call } = await behind();
  const play = async (seed: number) => {
    storm.arm([{ does: { kind: 'refused', code: 500 }, chance: 0.5 }], seed);
    const codes: number[] = [];
    for (let n = 0; n < 20; n++) codes.push((await call('GET', route)).status);
    return codes.join();
  };
  const first = await play(7);
  expect(await play(7)).toBe(first);
  expect(await play(8)).not.toBe(first);
});

test.each([
  { kind: 'doubled', says: ['MODIFIED 2', 'MODIFIED 2', 'MODIFIED 3'], over: false },
  { kind: 'dropped', says: ['BOOKMARK 2', 'MODIFIED 3'], over: false },
  { kind: 'silent', says: [], over: false },
  { kind: 'expired', says: ['ERROR undefined'], over: true },
  { kind: 'cut', says: ['half'], over: true },
  { kind: 'garbled', says: ['half', 'MODIFIED 3'], over: false },
] as const)('a watch whose next line is $kind', async ({ kind, says, over }) => {
  const { storm, watch, tell } = await behind();
  const seen = await watch(watched);
  // A cut and a 410 act when the fault opens, the others with the next line.
  storm.arm([{ does: { kind }, to: { verbs: ['watch'] }, times: 1 }], 1);
  tell(event('MODIFIED', '2'));
  tell(event('MODIFIED', '3'));
  const control = await watch(watched);
  tell(event('MODIFIED', '4'));
  await waitFor('the line after', async () => (control.said.length > 0 ? true : undefined));
  const told = seen.said.map(textOf).filter((text) => text !== 'MODIFIED 4');
  expect(told).toEqual(kind === 'cut' ? [] : says);
  expect(seen.over).toBe(over);
  expect(storm.report().hits).toEqual([1]);
});

function textOf(line: string): string {
  try {
    const { type, object } = JSON.parse(line) as { type: string; object: { metadata: { resourceVersion?: string } } };
    return `${type} ${object.metadata.resourceVersion}`;
  } catch {
    return 'half';
  }
}

test('a stale listing tells again what was, and later what has changed since', async () => {
  const { storm, watch, tell, reached } = await behind();
  const listing = `${routes}?watch=true&sendInitialEvents=true`;
  const first = await watch(listing);
  await waitFor('the listing', async () => (first.said.length === 2 ? true : undefined));
  storm.arm([{ does: { kind: 'stale', ms: 1 }, times: 1 }], 1);
  const again = await watch(listing);
  await waitFor('the changes to be asked for', async () => (reached.length === 2 ? true : undefined));
  tell(event('MODIFIED', '2'));
  await waitFor('the change', async () => (again.said.length === 3 ? true : undefined));
  expect(again.said.map(textOf)).toEqual(['ADDED 1', 'BOOKMARK 1', 'MODIFIED 2']);
  expect(reached[1]).toBe(`GET ${routes}?watch=true&resourceVersion=1`);
});

test('an outage loses every call and cuts what is open; a black hole says nothing of itself', async () => {
  const { storm, call, watch, tell } = await behind();
  const cut = await watch(watched);
  storm.arm([{ does: { kind: 'outage' } }], 1);
  await expect(call('GET', route)).rejects.toThrow();
  await waitFor('the watch to end', async () => (cut.over ? true : undefined));
  storm.disarm();
  const mute = await watch(watched);
  storm.arm([{ does: { kind: 'black hole' } }], 1);
  tell(event('MODIFIED', '2'));
  await expect(call('GET', route)).rejects.toThrow(/Headers Timeout/);
  expect(mute).toEqual({ said: [], over: false });
});
