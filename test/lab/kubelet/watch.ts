/**
 * List and watch without end: relists on 410, resumes on a lost stream, backs off on every error.
 * Objects that vanished while nobody watched are reported gone by the relist.
 */

import { hasCode, OperatorError } from '#lib/errors.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';

export interface Watched {
  resource: Resource;
  /** Left out: all namespaces. */
  namespace?: string;
  labelSelector?: string;
}

export interface WatchEvents {
  /** Added or changed; repeated after a relist. */
  set(object: KubeObject): void;
  /** Removed; the last state that was seen. */
  gone(object: KubeObject): void;
  /** The first list is through: what was not reported by now does not exist. Repeated after a relist. */
  synced?(): void;
  /** A list or stream failed; the watch goes on by itself. */
  failed?(error: unknown): void;
}

/** Watches until the signal aborts. A real client or a sandbox's store stands behind it. */
export type WatchObjects = (watched: Watched, events: WatchEvents, signal: AbortSignal) => void;

type Query = Record<string, string | undefined>;

export interface WatchTransport {
  list<T>(path: string, query: Query, signal: AbortSignal): Promise<T>;
  /** One JSON document a line. */
  stream(call: { method: 'GET'; path: string; query: Query; signal: AbortSignal }): AsyncGenerator<string>;
  pathOf(place: { resource: Resource; namespace?: string | undefined }): string;
  clock: Clock;
  random: Random;
}

interface List {
  metadata: { resourceVersion: string };
  items: KubeObject[];
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: KubeObject;
}

const LEAST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 3000;

export function watchWith(transport: WatchTransport): WatchObjects {
  return (watched, events, signal) => {
    void run(transport, { watched, events, signal });
  };
}

interface Watching {
  watched: Watched;
  events: WatchEvents;
  signal: AbortSignal;
}

async function run(transport: WatchTransport, { watched, events, signal }: Watching): Promise<void> {
  const known = new Map<string, KubeObject>();
  let version: string | undefined;
  let backoffMs = LEAST_BACKOFF_MS;
  while (!signal.aborted) {
    try {
      version ??= await relist(transport, { watched, events, signal }, known);
      for await (const event of open(transport, { watched, events, signal }, version)) {
        version = event.object.metadata.resourceVersion ?? version;
        backoffMs = LEAST_BACKOFF_MS;
        dispatch(event, known, events);
      }
      // The server ends every stream after minutes; one that it ends at once must not become a hot loop.
      await sleep(transport.clock, LEAST_BACKOFF_MS);
    } catch (error) {
      if (signal.aborted) return;
      if (hasCode(error, 'KUBE_EXPIRED')) version = undefined;
      events.failed?.(error);
      await sleep(transport.clock, backoffMs * (0.5 + transport.random() / 2));
      backoffMs = Math.min(MOST_BACKOFF_MS, backoffMs * 2);
    }
  }
}

async function relist(transport: WatchTransport, watching: Watching, known: Map<string, KubeObject>): Promise<string> {
  const { watched, events, signal } = watching;
  const path = transport.pathOf(watched);
  const page = await transport.list<List>(path, { labelSelector: watched.labelSelector }, signal);
  const present = new Set(page.items.map(({ metadata }) => metadata.uid ?? ''));
  for (const [uid, object] of known) {
    if (present.has(uid)) continue;
    known.delete(uid);
    events.gone(object);
  }
  for (const object of page.items) dispatch({ type: 'ADDED', object }, known, events);
  events.synced?.();
  return page.metadata.resourceVersion;
}

async function* open(
  transport: WatchTransport,
  { watched, signal }: Watching,
  resourceVersion: string,
): AsyncGenerator<WatchEvent> {
  const query: Query = {
    watch: 'true',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
    labelSelector: watched.labelSelector,
    resourceVersion,
  };
  for await (const line of transport.stream({ method: 'GET', path: transport.pathOf(watched), query, signal })) {
    const event = JSON.parse(line) as WatchEvent;
    // The API server reports 410 inside the stream, as a Status in the object's place.
    if (event.type === 'ERROR') throw new OperatorError('KUBE_EXPIRED', JSON.stringify(event.object));
    yield event;
  }
}

function dispatch({ type, object }: WatchEvent, known: Map<string, KubeObject>, events: WatchEvents): void {
  const uid = object.metadata.uid ?? '';
  if (type === 'BOOKMARK') return;
  if (type === 'DELETED') {
    known.delete(uid);
    events.gone(object);
    return;
  }
  known.set(uid, object);
  events.set(object);
}

/** Splits a byte stream at newlines. */
export async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') yield part;
  }
}
