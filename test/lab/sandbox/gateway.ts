/**
 * A weighted HTTP gateway: reads HTTPRoutes from any API server, splits requests by weight, one at a time, and keeps
 * connections on both sides alive. It says that a route is accepted once it sends as the route says.
 *
 * It stands beside kubelet and load source and not in `src/sandbox`: it is a program of the cluster, with sockets, and
 * knows the API alone; the sandbox's own gateway sends nothing and lives in virtual time.
 */

import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { sameJson } from '#lib/json.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject, Resource } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import { timestamp } from '../kubelet/pod-status.ts';
import type { WatchObjects } from '../kubelet/watch.ts';
import type { Peer } from '../load/connection.ts';
import { endpointSliceResource } from '../load/endpoints.ts';
import { choose, type Entry, entriesOf, entryFor, reportsOn } from './routes.ts';

export interface HttpGatewayDeps {
  api: Pick<KubeApi, 'mergePatch'>;
  watch: WatchObjects;
  clock: Clock;
  random: Random;
  log: Log;
  /** The Gateway whose routes are served. */
  gateway: { namespace: string; name: string };
}

export interface HttpGateway {
  /** On loopback, at a port that was free. */
  url: string;
  close(): Promise<void>;
}

const serviceResource: Resource = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };
const routeResource: Resource = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
};

export async function startHttpGateway(deps: HttpGatewayDeps): Promise<HttpGateway> {
  const stopped = new AbortController();
  const [routes, services, slices] = [
    createCache(routeResource),
    createCache(serviceResource),
    createCache(endpointSliceResource),
  ];
  const caches = [routes, services, slices];
  let entries: Entry[] = [];
  const changed = () => {
    const { gateway } = deps;
    entries = entriesOf({ gateway, routes: routes.all(), services: services.all(), slices: slices.all() });
    // Until all three lists are through, a Service that is missing may only not have been heard of.
    if (caches.every(({ synced }) => synced())) for (const entry of entries) void report(deps, entry);
  };
  for (const cache of caches) cache.fill(deps, { changed, signal: stopped.signal });
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 1024 });
  const turns = new Map<string, number>();
  const server = createServer((incoming, response) => {
    const peer = peerFor(entries, incoming, { random: deps.random, turns });
    if (typeof peer === 'number') refuse(response, peer);
    else forward({ incoming, response, peer, agent });
  });
  // Clients decide how long a connection lives: one that we close as it is used would be a lost request of ours.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      stopped.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

interface Cache {
  all(): KubeObject[];
  synced(): boolean;
  fill(deps: Pick<HttpGatewayDeps, 'watch' | 'log'>, on: { changed: () => void; signal: AbortSignal }): void;
}

function createCache(resource: Resource): Cache {
  const objects = new Map<string, KubeObject>();
  let synced = false;
  return {
    all: () => [...objects.values()],
    synced: () => synced,
    fill({ watch, log }, { changed, signal }) {
      const events = {
        set(object: KubeObject) {
          objects.set(object.metadata.uid ?? '', object);
          changed();
        },
        gone({ metadata }: KubeObject) {
          objects.delete(metadata.uid ?? '');
          changed();
        },
        synced() {
          synced = true;
          changed();
        },
        failed: (error: unknown) => log.warn(`watch of ${resource.plural} lost`, { error: String(error) }),
      };
      watch({ resource }, events, signal);
    },
  };
}

/** Writes what is to be said about a route, unless it stands there already. */
async function report({ api, clock, log }: HttpGatewayDeps, entry: Entry): Promise<void> {
  const { route } = entry;
  const { name, namespace = 'default', resourceVersion } = route.metadata;
  const { parents: said = [] } = (route['status'] ?? {}) as { parents?: object[] };
  const parents = reportsOn(entry, timestamp(clock.now()));
  if (sameJson(timeless(said), timeless(parents))) return;
  const patch = { metadata: { resourceVersion }, status: { parents } };
  try {
    await api.mergePatch({ resource: routeResource, namespace, name }, patch, { subresource: 'status' });
  } catch (error) {
    // The route changed meanwhile: the watch brings the newer one, and this is said about it again.
    log.debug('a report was not written', { route: name, error: String(error) });
  }
}

function timeless(parents: readonly object[]): unknown {
  return JSON.parse(JSON.stringify(parents, (key, value) => (key === 'lastTransitionTime' ? undefined : value)));
}

/** Where a request goes, each endpoint of a backend in its turn, or the status that says why nowhere. */
function peerFor(
  entries: readonly Entry[],
  { headers }: IncomingMessage,
  { random, turns }: { random: Random; turns: Map<string, number> },
): Peer | number {
  const entry = entryFor(entries, headers.host ?? '');
  if (entry === undefined) return 404;
  const backend = choose(entry.backends, random);
  // The Gateway API's own word for a rule that leads nowhere.
  if (backend === undefined) return 500;
  const turn = (turns.get(backend.service) ?? 0) + 1;
  turns.set(backend.service, turn);
  return backend.peers[turn % Math.max(1, backend.peers.length)] ?? 503;
}

function refuse(response: ServerResponse, status: number, text = ''): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text === '' ? '' : `${text}\n`);
}

interface Exchange {
  incoming: IncomingMessage;
  response: ServerResponse;
  peer: Peer;
  /** Undefined: on a connection of its own. */
  agent: Agent | undefined;
}

function forward({ incoming, response, peer, agent }: Exchange): void {
  const { method = 'GET', url = '/' } = incoming;
  const upstream = request({
    ...{ host: peer.address, port: peer.port, method, path: url, agent: agent ?? false },
    headers: endToEnd(incoming.headers),
  });
  upstream.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  });
  upstream.once('error', (error) => {
    // A pod may close an idle connection while a request is on its way to it; what has no body may be sent again
    // (RFC 9110, 9.2.2), once, and on a new connection.
    const again = agent !== undefined && upstream.reusedSocket && !response.headersSent && isBare(incoming);
    if (response.destroyed) return;
    if (again) forward({ incoming, response, peer, agent: undefined });
    else refuse(response, 502, String(error));
  });
  response.once('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  if (isBare(incoming)) upstream.end();
  else incoming.pipe(upstream);
}

function isBare({ method = '', headers }: IncomingMessage): boolean {
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return (method === 'GET' || method === 'HEAD') && !hasBody;
}

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Headers that are meant for the next hop alone stay here: `Connection: close` of a pod is no word to its clients. */
function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}
