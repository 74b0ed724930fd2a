import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '#ports/kube-api.ts';
import { silentLog } from '#runtime/json-log.ts';
import { systemClock as clock } from '#runtime/system-clock.ts';
import type { WatchEvents, WatchObjects } from '#test/lab/kubelet/watch.ts';
import { createLoadClient } from '#test/lab/load/client.ts';
import { startHttpGateway } from '#test/lab/sandbox/gateway.ts';
import { choose, entriesOf, entryFor, reportsOn } from '#test/lab/sandbox/routes.ts';

/** The gateway of the demo: what it makes of routes, and that it loses no request of its own making. */

const gateway = { namespace: 'lab-system', name: 'lab' };

const object = (kind: string, name: string, rest: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'shop', uid: `${kind}/${name}`, generation: 3 },
  ...rest,
});

const service = (name: string) => object('Service', name, { spec: { ports: [{ port: 80 }] } });

function slice(name: string, peers: { address: string; port: number; ready?: boolean }[]): KubeObject {
  const made = object('EndpointSlice', `${name}-x`, {
    ports: [{ name: '', port: peers[0]?.port }],
    endpoints: peers.map(({ address, ready = true }) => ({ addresses: [address], conditions: { ready } })),
  });
  return { ...made, metadata: { ...made.metadata, labels: { 'kubernetes.io/service-name': name } } };
}

interface RouteChanges {
  weights?: Record<string, number>;
  rules?: unknown[];
  parent?: object;
}

function route({ weights = { shop: 95, 'shop-canary': 5 }, rules, parent = gateway }: RouteChanges = {}): KubeObject {
  const backendRefs = Object.entries(weights).map(([name, weight]) => ({ name, port: 80, weight }));
  const spec = { parentRefs: [parent], hostnames: ['shop.example'], rules: rules ?? [{ backendRefs }] };
  return object('HTTPRoute', 'shop', { spec });
}

const both = [service('shop'), service('shop-canary')];
const world = (changes: RouteChanges, services = both) => ({
  ...{ gateway, routes: [route(changes)], services },
  slices: [slice('shop', [{ address: '127.9.0.1', port: 81 }])],
});

describe('routes', () => {
  test('requests go by weight, to the last one', () => {
    // A hundred thousand evenly spaced draws hit each backend exactly as often as its weight says.
    const [entry] = entriesOf(world({ weights: { shop: 95_000, 'shop-canary': 5000 } }));
    const counts = new Map<string, number>();
    for (let draw = 0; draw < 100_000; draw += 1) {
      const { service: name = 'none' } = choose(entry?.backends ?? [], () => draw / 100_000) ?? {};
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({ 'shop/shop': 95_000, 'shop/shop-canary': 5000 });
  });

  test.each([
    {
      name: 'at the end of the scale',
      weights: { shop: 100, 'shop-canary': 0 },
      draw: 1 - 2 ** -53,
      want: 'shop/shop',
    },
    { name: 'at its beginning', weights: { 'shop-canary': 0, shop: 100 }, draw: 0, want: 'shop/shop' },
    { name: 'where none has any weight', weights: { shop: 0, 'shop-canary': 0 }, draw: 0, want: undefined },
  ])('weight 0 gets nothing $name', ({ weights, draw, want }) => {
    // kills: `left <= 0`
    const [entry] = entriesOf(world({ weights }));
    expect(choose(entry?.backends ?? [], () => draw)?.service).toBe(want);
  });

  test.each([
    { name: 'a route of its own', changes: {}, want: ['True', 'True'], because: 'it is used' },
    {
      name: 'a Service that is missing',
      changes: { weights: { shop: 1, gone: 1 } },
      want: ['True', 'False'],
      because: 'half of the requests would be lost',
    },
    {
      name: 'two rules',
      changes: { rules: [{}, {}] },
      want: ['False', 'True'],
      because: 'what it does not know it must not pretend to do',
    },
    {
      name: 'a header match',
      changes: { rules: [{ matches: [{ headers: [{ name: 'a', value: 'b' }] }] }] },
      want: ['False', 'True'],
      because: 'the same',
    },
    {
      name: 'a path',
      changes: { rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/shop' } }] }] },
      want: ['False', 'True'],
      because: 'the same',
    },
  ])('reports on $name', ({ changes, want, because }) => {
    const [entry] = entriesOf(world(changes));
    const [report] = entry === undefined ? [] : (reportsOn(entry, 'now') as { conditions: Condition[] }[]);
    expect(
      report?.conditions.map(({ status }) => status),
      because,
    ).toEqual(want);
    expect(report?.conditions.every(({ observedGeneration }) => observedGeneration === 3)).toBe(true);
    expect(entryFor(entry === undefined ? [] : [entry], 'shop.example:80') !== undefined).toBe(want[0] === 'True');
  });

  test('routes of another Gateway are not its own', () => {
    expect(entriesOf(world({ parent: { name: 'lab' } }))).toEqual([]);
  });

  test('only ready endpoints get requests', () => {
    const slices = [
      slice('shop', [
        { address: '127.9.0.1', port: 81 },
        { address: '127.9.0.2', port: 81, ready: false },
      ]),
    ];
    const [entry] = entriesOf({ ...world({}), slices });
    expect(entry?.backends.map(({ peers }) => peers)).toEqual([[{ address: '127.9.0.1', port: 81 }], []]);
  });
});

interface Condition {
  status: string;
  observedGeneration: number;
}

describe('requests', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** A server that answers so often on a connection, and cuts it at the next request as if it had just been closed. */
  async function pod(times: number, headers: Record<string, string> = {}): Promise<number> {
    const answered = new WeakMap<object, number>();
    const server: Server = createServer((incoming, response) => {
      const count = answered.get(incoming.socket) ?? 0;
      answered.set(incoming.socket, count + 1);
      if (count < times) response.writeHead(200, headers).end('ok');
      else incoming.socket.destroy();
    });
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  async function open(objects: KubeObject[]) {
    const watch: WatchObjects = ({ resource: { kind } }, events: WatchEvents) => {
      for (const found of objects) if (found.kind === kind) events.set(found);
      events.synced?.();
    };
    const patches: unknown[] = [];
    const api = {
      mergePatch: async (_ref: unknown, patch: unknown) => {
        patches.push(patch);
        return route();
      },
    };
    const served = await startHttpGateway({ api, watch, clock, random: Math.random, log: silentLog, gateway });
    ends.push(() => served.close());
    const peer = { address: '127.0.0.1', port: Number(new URL(served.url).port) };
    const client = createLoadClient({ clock, choosePeer: () => peer, headers: { host: 'shop.example' } });
    ends.push(() => client.close());
    return { client, patches, url: served.url };
  }

  test('a connection that a pod closes costs no request', async () => {
    // kills: no second try on a connection of its own
    const port = await pod(3);
    const { client } = await open([
      route(),
      ...both,
      slice('shop', [{ address: '127.0.0.1', port }]),
      slice('shop-canary', [{ address: '127.0.0.1', port }]),
    ]);
    const results = new Map<string, number>();
    for (let sent = 0; sent < 300; sent += 1) {
      const { result, retried } = await client.send();
      const key = `${result}${retried === true ? ' retried' : ''}`;
      results.set(key, (results.get(key) ?? 0) + 1);
    }
    expect(Object.fromEntries(results)).toEqual({ '2xx': 300 });
  });

  test('a pod that says goodbye says it to the gateway, not to clients', async () => {
    // kills: headers of one hop handed on
    const port = await pod(1, { connection: 'close' });
    const objects = [route({ weights: { shop: 1 } }), ...both, slice('shop', [{ address: '127.0.0.1', port }])];
    const { url } = await open(objects);
    const { statusCode, headers, body } = await request(url, { headers: { host: 'shop.example' } });
    await body.dump();
    expect([statusCode, headers['connection']]).toEqual([200, 'keep-alive']);
  });

  test.each([
    { name: 'nobody is ready', objects: [route(), ...both], want: 503 },
    { name: 'no backend has weight', objects: [route({ weights: { shop: 0 } }), ...both], want: 500 },
    { name: 'no route has the host', objects: [], want: 404 },
    {
      name: 'the pod has gone',
      objects: [route({ weights: { shop: 1 } }), ...both, slice('shop', [{ address: '127.9.9.9', port: 9 }])],
      want: 502,
    },
  ])('$want when $name', async ({ objects, want }) => {
    const { client } = await open(objects);
    expect((await client.send()).status).toBe(want);
  });

  test('says once that it has accepted a route, and not that it has what is not there', async () => {
    const { patches } = await open([route(), ...both]);
    expect(patches).toHaveLength(1);
  });
});
