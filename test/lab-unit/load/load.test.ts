import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { realClock } from '../../lab/kubelet/process.ts';
import type { WatchEvents, WatchObjects } from '../../lab/kubelet/watch.ts';
import { createLoadClient } from '../../lab/load/client.ts';
import type { Peer } from '../../lab/load/connection.ts';
import { type Load, startLoad } from '../../lab/load/load.ts';
import type { LoadReport } from '../../lab/load/recorder.ts';
import { healthy } from '../../lab/pods/behaviour.ts';
import { createPod, type RunningPod } from '../../lab/pods/pod.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function podAt(name: string, change: Partial<typeof healthy> = {}): Promise<{ pod: RunningPod; peer: Peer }> {
  const behaviour = { ...healthy, latencyMs: 0.1, ...change };
  const at = { address: '127.0.0.1', port: 0, namespace: 'shop', seed: name };
  const pod = createPod({ ...at, image: `lab/${name}:v1`, pod: name, behaviour, clock: realClock, onExit() {} });
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
  const load = startLoad({ rate: 500, gateway: { url: url(peer), host: 'shop.example' }, clock: realClock });
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
  const load = startLoad({ rate: 400, gateway: { url: url(peer), timeoutMs: 60, connections: 2 }, clock: realClock });
  const report = await runUntil(load, 60);
  expect(
    total(report, ({ result }) => result === 'timeout'),
    'kills: waiting for a free connection',
  ).toBe(report.offered.gateway);
});

test('nobody listens: every request is a failed connect, and none is retried', async () => {
  const { pod, peer } = await podAt('shop-1');
  pod.kill();
  const client = createLoadClient({ clock: realClock, choosePeer: () => peer });
  expect(await client.send()).toMatchObject({ result: 'connect', error: expect.stringContaining('ECONNREFUSED') });
  const nobody = createLoadClient({ clock: realClock, choosePeer: () => undefined });
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
  const client = createLoadClient({ clock: realClock, choosePeer: () => peer, connections: 1 });
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
  const client = createLoadClient({ clock: realClock, choosePeer: () => peer, connections: 1 });
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
  const client = createLoadClient({ clock: realClock, choosePeer: () => peer, connections: 1 });
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

test('an in-cluster client stays on its connection after the endpoint has left, until it is told to go', async () => {
  const old = await podAt('old', { slowStopMs: 300 });
  const young = await podAt('young');
  const slices = fakeSlices();
  const load = startLoad({
    rate: 300,
    service: { namespace: 'shop', name: 'shop', connections: 3, rate: 300 },
    clock: realClock,
    watch: (...of) => {
      slices.watch(...of);
      slices.set(old.peer);
    },
  });
  const answered = (image: string) => load.report().images.find((seen) => seen.image === `lab/${image}:v1`)?.count ?? 0;
  await until(() => answered('old') >= 10);
  slices.set(young.peer);
  const before = answered('old');
  await until(() => answered('old') >= before + 30);
  expect(answered('young'), 'kills: choosing an endpoint per request').toBe(0);
  const stopping = old.pod.stop(5000);
  await until(() => answered('young') >= 30);
  await stopping;
  const report = await load.stop();
  expect(report.failed.service, JSON.stringify(load.failures().slice(0, 3))).toBe(0);
  expect(load.peers('service')).toEqual([]);
});

test('connections are renewed only when asked for', async () => {
  const { peer } = await podAt('shop-1');
  let dials = 0;
  const choosePeer = () => {
    dials += 1;
    return peer;
  };
  const loyal = createLoadClient({ clock: realClock, choosePeer, connections: 1 });
  const fickle = createLoadClient({ clock: realClock, choosePeer, connections: 1, renewAfterRequests: 2 });
  cleanups.push(loyal.close, fickle.close);
  for (let i = 0; i < 6; i++) await loyal.send();
  expect(dials).toBe(1);
  for (let i = 0; i < 6; i++) await fickle.send();
  expect(dials).toBe(1 + 3);
});
