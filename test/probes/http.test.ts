import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import type { ProbeRequest } from '#core/probe.ts';
import { BODY_LIMIT } from '#probes/define.ts';
import { createHttpProbe } from '#probes/http.ts';
import { type Reply, startScriptedServer } from '#test/support/scripted-server.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const smoke: ProbeRequest = {
  name: 'home',
  method: 'GET',
  path: '/',
  headers: {},
  timeoutMs: 2000,
  expectStatus: [200],
};
const clock = createVirtualClock();
const probe = createHttpProbe({ clock, version: '1.2.3', allowLoopback: true });
const at = (port: number, ip = '127.0.0.1') => ({ pod: 'canary-1', ip, port });
const portOf = (url: string): number => Number(new URL(url).port);

const ask = (port: number, request: Partial<ProbeRequest> = {}) =>
  probe({ request: { ...smoke, ...request }, target: at(port), release: 'checkout-7', allowed: ['127.0.0.1'] });

const answer =
  (status: number, body: string | Buffer = '', headers: Record<string, string> = {}): Reply =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
  };
const half: Reply = (_, response) => {
  response.writeHead(200, { 'content-length': '100' });
  response.write('half', () => response.socket?.resetAndDestroy());
};
const reset: Reply = (_, response) => {
  response.socket?.resetAndDestroy();
};

interface Row {
  name: string;
  because: string;
  reply: Reply;
  request?: Partial<ProbeRequest>;
  want: { ok: boolean; reason: string; status?: number };
}

test.each<Row>([
  {
    name: 'right',
    because: 'status is all that is asked',
    reply: answer(200),
    want: { ok: true, status: 200, reason: 'ok' },
  },
  {
    name: 'one of several statuses',
    because: 'a suite may accept more than one',
    reply: answer(204),
    request: { expectStatus: [200, 204] },
    want: { ok: true, status: 204, reason: 'ok' },
  },
  {
    name: 'wrong status',
    because: 'the plainest failure',
    reply: answer(500),
    request: { expectStatus: [200, 204] },
    want: { ok: false, status: 500, reason: 'status 500, expected 200 or 204' },
  },
  {
    name: 'redirect',
    because: 'its target is chosen by the pod, so following it would leave the guard',
    reply: answer(302, '', { location: 'http://169.254.169.254/' }),
    want: { ok: false, status: 302, reason: 'status 302 (redirects are not followed), expected 200' },
  },
  {
    name: 'redirect expected',
    because: 'a login page may answer so',
    reply: answer(302, '', { location: '/login' }),
    request: { expectStatus: [302] },
    want: { ok: true, status: 302, reason: 'ok' },
  },
  {
    name: 'body matches',
    because: 'status alone does not say that it works',
    reply: answer(200, '{"status":"up"}'),
    request: { bodyContains: '"up"' },
    want: { ok: true, status: 200, reason: 'ok' },
  },
  {
    name: 'body differs',
    because: 'an error page with status 200',
    reply: answer(200, '{"status":"down"}'),
    request: { bodyContains: '"up"' },
    want: { ok: false, status: 200, reason: 'status 200, but the first 64 KiB of the body lack "\\"up\\""' },
  },
  {
    name: 'big body without assertion',
    because: 'size is not what was asked about',
    reply: answer(200, Buffer.alloc(BODY_LIMIT * 20, 'x')),
    want: { ok: true, status: 200, reason: 'ok' },
  },
  {
    name: 'text behind the limit',
    because: 'the rest of a body is never read',
    reply: answer(200, `${'x'.repeat(BODY_LIMIT)}needle`),
    request: { bodyContains: 'needle' },
    want: { ok: false, status: 200, reason: 'status 200, but the first 64 KiB of the body lack "needle"' },
  },
  {
    name: 'text at the limit',
    because: 'the limit itself is read',
    reply: answer(200, `${'x'.repeat(BODY_LIMIT - 6)}needle and more`),
    request: { bodyContains: 'needle' },
    want: { ok: true, status: 200, reason: 'ok' },
  },
  { name: 'reset', because: 'a pod that dies', reply: reset, want: { ok: false, reason: 'connection reset' } },
  {
    name: 'reset in the body',
    because: 'status 200 came first, and the answer is broken all the same',
    reply: half,
    want: { ok: false, reason: 'connection reset' },
  },
  {
    name: 'bad header',
    because: 'what the schema lets through must not end the operator',
    reply: answer(200),
    request: { headers: { 'x y': '1' } },
    want: { ok: false, reason: 'the request cannot be sent: method, path or a header is not valid HTTP' },
  },
])('$name', async ({ reply, request, want, because }) => {
  await using server = await startScriptedServer(reply);
  expect(await ask(portOf(server.url), request), because).toEqual({ ...want, latencyMs: 0 });
  expect(clock.pending, 'the deadline is cancelled').toBe(0);
});

// kills: user headers spread after ours
test('marks the request, and a suite cannot take the mark off', async () => {
  await using server = await startScriptedServer(answer(200));
  const headers = { 'X-Headgate-Probe': 'no', 'User-Agent': 'curl', 'X-Tenant': 'probe' };
  await ask(portOf(server.url), { method: 'POST', path: '/pay?dry=1', headers, body: '{}' });
  const [seen] = server.requests;
  expect(seen).toMatchObject({ method: 'POST', path: '/pay', body: '{}' });
  expect(seen?.query.get('dry')).toBe('1');
  expect(seen?.headers).toMatchObject({
    'x-headgate-probe': 'checkout-7',
    'user-agent': 'headgate-probe/1.2.3',
    'x-tenant': 'probe',
  });
});

test('takes a new connection for every request, and follows no redirect', async () => {
  await using server = await startScriptedServer(answer(302, '', { location: '/again' }), answer(200));
  const port = portOf(server.url);
  await ask(port);
  await ask(port);
  expect(server.connections).toBe(2);
  expect(server.requests.map(({ path }) => path)).toEqual(['/', '/']);
});

test.each([
  { name: 'before the headers', start: () => undefined },
  { name: 'in the body', start: ((_, response) => void response.writeHead(200).write('x')) satisfies Reply },
])('gives up on a pod that stops $name', async ({ start }) => {
  let arrived: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  await using server = await startScriptedServer(async (seen, response) => {
    await start(seen, response);
    arrived();
    await new Promise(() => undefined);
  });
  const result = ask(portOf(server.url));
  await asked;
  await clock.advance(2000);
  expect(await result).toEqual({ ok: false, reason: 'no whole answer within 2s', latencyMs: 2000 });
});

// kills: reading to the end
test('stops reading a body that never ends', async () => {
  const endless: Reply = (_, response) => {
    const more = (): void => {
      if (!response.destroyed) response.write('x'.repeat(BODY_LIMIT), more);
    };
    more();
  };
  await using server = await startScriptedServer(endless);
  expect(await ask(portOf(server.url))).toMatchObject({ ok: true, status: 200 });
});

test('says what is wrong with what is no HTTP server', async () => {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('SSH-2.0-x\r\n'),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  expect(await ask(port)).toMatchObject({ ok: false, reason: 'the answer is not HTTP' });
  server.close();
  await once(server, 'close');
  expect(await ask(port)).toMatchObject({ ok: false, reason: 'connection refused' });
});

// kills: the guard after the connection
test('connects to nothing that it refuses', async () => {
  await using server = await startScriptedServer(answer(200));
  const port = portOf(server.url);
  const guarded = createHttpProbe({ clock, version: '1.2.3' });
  const call = { request: smoke, release: 'r', allowed: ['127.0.0.1', '169.254.169.254', 'localhost'] };
  expect((await guarded({ ...call, target: at(port) })).reason).toContain('loopback');
  expect((await guarded({ ...call, target: at(port, '169.254.169.254') })).reason).toContain('link-local');
  expect((await probe({ ...call, target: at(port, 'localhost') })).reason).toContain('not an IP address');
  expect((await probe({ ...call, target: at(port), allowed: ['10.0.0.1'] })).reason).toContain('no address of a pod');
  expect(server.connections).toBe(0);
});
