import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '#runtime/system-clock.ts';
import type { WatchEvents, WatchObjects } from '../../lab/kubelet/watch.ts';
import { createLoadClient } from '../../lab/load/client.ts';
import type { Peer } from '../../lab/load/connection.ts';
import { watchEndpoints } from '../../lab/load/endpoints.ts';
import { type Load, startLoad } from '../../lab/load/load.ts';
import type { LoadReport, Outcome } from '../../lab/load/recorder.ts';
import { healthy } from '../../lab/pods/behaviour.ts';
import { createPod, type RunningPod } from '../../lab/pods/pod.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function podAt(name: string, change: Partial<typeof healthy> = {}): Promise<{ pod: RunningPod; peer: Peer }> {
  const behaviour = { ...healthy, latencyMs: 0.1, ...change };
  const at = { address: '127.0.0.1', port: 0, namespace: 'shop', seed: name };
  const pod = createPod({ ...at, image: `lab/${name}:v1`, pod: name, behaviour, clock: systemClock, onExit() {} });
  const { port } = await pod.start();
  cleanups.push(() => pod.kill());
  return { pod, peer: { address: '127.0.0.1', port } };
}

function serve(server: Server): Promise<Peer> {
  cleanups.push(() => server.closeAllConnections());
  cleanups.push(() => server.close());
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve({ address: '127.0.0.1', port: (server.address() as AddressInfo).port }),
    );
  });
}

/** Waits for a state, not for a time; the bound is the runner's own. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function runUntil(load: Load, offered: number): Promise<LoadReport> {
  await until(() => load.report().offered.gateway + load.report().offered.service >= offered);
  return load.stop();
}

function total(report: LoadReport, of: (row: LoadReport['results'][number]) => boolean = () => true): number {
  return report.results.filter(of).reduce((sum, { count }) => sum + count, 0);
}

const url = ({ address, port }: Peer) => `http://${address}:${port}`;

test('every request that is offered is in exactly one result', async () => {
  const { peer } = await podAt('shop-1', { errorPercent: 30 });
  const load = startLoad({ rate: 500, gateway: { url: url(peer), host: 'shop.example' }, clock: systemClock });
  const report = await runUntil(load, 200);
  expect(total(report)).toBe(report.offered.gateway);
  expect(report.inFlight.gateway).toBe(0);
  expect(report.seconds.reduce((sum, { count }) => sum + count, 0)).toBe(report.offered.gateway);
  const failed = total(report, ({ result }) => result === '5xx');
  expect(failed).toBe(report.failed.gateway);
  expect(failed, 'kills: counting a 500 as an answer like any other').toBeGreaterThan(20);
  expect(load.failures()).toHaveLength(failed);
  expect(load.failures()[0]).toMatchObject({ client: 'gateway', image: 'lab/shop-1:v1', pod: 'shop-1', status: 500 });
});

test('an answer that never comes does not hold back the schedule', async () => {
  const { peer } = await podAt('shop-1', { hang: true });
  const load = startLoad({ rate: 400, gateway: { url: url(peer), timeoutMs: 60, connections: 2 }, clock: systemClock });
  const report = await runUntil(load, 60);
  expect(
    total(report, ({ result }) => result === 'timeout'),
    'kills: waiting for a free connection',
  ).toBe(report.offered.gateway);
});

test('nobody listens: every request is a failed connect, and none is retried', async () => {
  const { pod, peer } = await podAt('shop-1');
  pod.kill();
  const client = createLoadClient({ clock: systemClock, choosePeer: () => peer });
  expect(await client.send()).toMatchObject({ result: 'connect', error: expect.stringContaining('ECONNREFUSED') });
  const nobody = createLoadClient({ clock: systemClock, choosePeer: () => undefined });
  expect(await nobody.send()).toMatchObject({ result: 'connect', error: 'no ready endpoint' });
});

test('a server that closes reused connections without an answer costs a retry and no failure', async () => {
  // Serves one request on each connection, then drops it at the second, before any byte of an answer.
  const served = new WeakSet<object>();
  const server = createServer((request, response) => {
    if (served.has(request.socket)) return request.socket.destroy();
    served.add(request.socket);
    return response.end('ok');
  });
  const peer = await serve(server);
  const client = createLoadClient({ clock: systemClock, choosePeer: () => peer, connections: 1 });
  cleanups.push(client.close);
  const outcomes = [await client.send(), await client.send(), await client.send()];
  expect(outcomes.map(({ result, retried = false }) => ({ result, retried }))).toEqual([
    { result: '2xx', retried: false },
    { result: '2xx', retried: true },
    { result: '2xx', retried: true },
  ]);
});

test('a connection that closed while idle is replaced without a word', async () => {
  const server = createServer((_request, response) => response.end('ok'));
  const peer = await serve(server);
  const client = createLoadClient({ clock: systemClock, choosePeer: () => peer, connections: 1 });
  cleanups.push(client.close);
  await client.send();
  server.closeAllConnections();
  expect(await client.send()).toMatchObject({ result: '2xx' });
});

test.each([
  { name: 'the first request on a connection', because: 'a new connection that resets is no idle race', kill: 1 },
  { name: 'an answer cut in the middle', because: 'the server has acted on it already', kill: 2 },
])('$name is a reset and not retried: $because', async ({ kill, because }) => {
  const server = createServer((request, response) => {
    if (kill === 1) return request.socket.destroy();
    response.writeHead(200, { 'content-length': 100 });
    return response.write('half', () => request.socket.destroy());
  });
  const peer = await serve(server);
  const client = createLoadClient({ clock: systemClock, choosePeer: () => peer, connections: 1 });
  cleanups.push(client.close);
  const outcome = await client.send();
  expect(outcome.result, because).toBe('reset');
  expect(outcome.retried, because).toBeUndefined();
});

/** A Service whose slices the test sets. */
function fakeSlices(): { watch: WatchObjects; set(...peers: Peer[]): void } {
  let sink: WatchEvents | undefined;
  return {
    watch(_watched, events) {
      sink = events;
    },
    set(...peers) {
      for (const slice of [0, 1]) {
        const peer = peers[slice];
        const metadata = { name: `shop-${slice}`, namespace: 'shop' };
        const endpoints = peer === undefined ? [] : [{ addresses: [peer.address], conditions: { ready: true } }];
        const ports = [{ name: 'http', port: peer?.port ?? 1 }];
        sink?.set({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, endpoints, ports });
      }
    },
  };
}

test('an in-cluster client stays on its connections after the endpoint has left, until it is told to go', async () => {
  const old = await podAt('old');
  const young = await podAt('young');
  const slices = fakeSlices();
  const endpoints = watchEndpoints(slices.watch, { namespace: 'shop', name: 'shop' });
  slices.set(old.peer);
  const client = createLoadClient({ clock: systemClock, choosePeer: endpoints.next, connections: 3 });
  cleanups.push(client.close, endpoints.close);
  const images = async (requests: number) => {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < requests; i++) outcomes.push(await client.send());
    expect(outcomes.filter(({ result, retried }) => result !== '2xx' || retried)).toEqual([]);
    return outcomes.map(({ pod }) => pod);
  };
  expect(await images(3)).toEqual(['old', 'old', 'old']);
  slices.set(young.peer);
  expect(endpoints.ready()).toEqual([young.peer]);
  expect(await images(9), 'kills: choosing an endpoint per request').toEqual(Array(9).fill('old'));
  const stopped = old.pod.stop(5000);
  // Each old connection learns it from its own next answer, and its place is taken by a new one in between.
  const moving = await images(6);
  expect(
    moving.filter((pod) => pod === 'old'),
    'kills: going before the server says so',
  ).toHaveLength(3);
  expect(await images(6), 'kills: staying after Connection: close').toEqual(Array(6).fill('young'));
  expect(client.peers()).toEqual([young.peer, young.peer, young.peer]);
  await stopped;
});

test('a Service without ready endpoints offers its requests all the same, once its slices were listed', async () => {
  const load = startLoad({
    rate: 500,
    service: { namespace: 'shop', name: 'shop' },
    clock: systemClock,
    watch: (_watched, events) => events.synced?.(),
  });
  const report = await runUntil(load, 5);
  expect(report.failed.service).toBe(report.offered.service);
  expect(load.failures()[0]).toMatchObject({ client: 'service', result: 'connect', error: 'no ready endpoint' });
});

test('connections are renewed only when asked for', async () => {
  const { peer } = await podAt('shop-1');
  let dials = 0;
  const choosePeer = () => {
    dials += 1;
    return peer;
  };
  const loyal = createLoadClient({ clock: systemClock, choosePeer, connections: 1 });
  const fickle = createLoadClient({ clock: systemClock, choosePeer, connections: 1, renewAfterRequests: 2 });
  cleanups.push(loyal.close, fickle.close);
  for (let i = 0; i < 6; i++) await loyal.send();
  expect(dials).toBe(1);
  for (let i = 0; i < 6; i++) await fickle.send();
  expect(dials).toBe(1 + 3);
});
