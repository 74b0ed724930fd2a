import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Millis } from '#lib/units.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { WatchLine } from '#runtime/list-watch.ts';
import type { WatchSource } from '#runtime/reflector.ts';
import { listPage } from './api.ts';
import { pathOf } from './resources.ts';
import { errorCode, type Transport } from './transport.ts';

export interface WatchTarget {
  resource: Resource;
  /** Left out: all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface WatchOptions {
  /** Silence after which the connection counts as dead [90 s]; bookmarks come every minute. */
  stallMs?: Millis;
  /** No line may be longer [8 MiB]; etcd holds objects of 1.5 MiB. */
  maxLineChars?: number;
}

/** What a watch yields beside its lines: the connection went silent, or said what is not JSON. */
export type Received = WatchLine | { type: 'STALLED' } | { type: 'GARBAGE'; message: string };

/** The API server as a source for reflectors: pages of a list, and watches as JSON lines. */
export function createWatchSource(transport: Transport, target: WatchTarget, options: WatchOptions = {}): WatchSource {
  const { resource, namespace, labelSelector, fieldSelector } = target;
  const { stallMs = 90_000, maxLineChars = 8 * 2 ** 20 } = options;
  const selectors = {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
  return {
    list: ({ next, signal }) => listPage(transport, { resource, namespace }, { ...selectors, next, signal }),
    async watch({ resourceVersion, timeoutSeconds, signal }) {
      // Without a resource version the server streams what exists, then a bookmark, then what changes.
      const start =
        resourceVersion === undefined
          ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion };
      const query = {
        ...selectors,
        ...start,
        watch: 'true',
        allowWatchBookmarks: 'true',
        timeoutSeconds: `${timeoutSeconds}`,
      };
      const what = `watch ${resource.plural} ${namespace ?? ''}`.trim();
      const path = pathOf(resource, { namespace });
      const body = await transport.stream(
        { verb: 'watch', resource: resource.plural, what, path, query, signal },
        stallMs,
      );
      return receive(body, maxLineChars);
    },
  };
}

/** The lines of a watch, until it ends. */
async function* receive(body: Readable, maxLineChars: number): AsyncGenerator<Received> {
  try {
    for await (const text of splitLines(body, maxLineChars)) {
      const received = parseLine(text);
      yield received;
      if (received.type === 'GARBAGE') return;
    }
  } catch (error) {
    if (error instanceof RangeError) {
      yield { type: 'GARBAGE', message: error.message };
      return;
    }
    // Silence is how a dead connection looks. It is no news about the server, so it is not an error.
    if (errorCode(error) !== 'UND_ERR_BODY_TIMEOUT') throw error;
    yield { type: 'STALLED' };
  } finally {
    body.destroy();
  }
}

/** Splits UTF-8 chunks at line breaks; the last piece without one is yielded too. Throws on a line that never ends. */
export async function* splitLines(chunks: AsyncIterable<Buffer>, maxLineChars: number): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of chunks) {
    const pieces = decoder.write(chunk).split('\n');
    pieces[0] = rest + (pieces[0] ?? '');
    rest = pieces.pop() ?? '';
    if (rest.length > maxLineChars)
      throw new RangeError(`a line of the watch is longer than ${maxLineChars} characters`);
    for (const piece of pieces) if (piece !== '') yield piece;
  }
  if (rest !== '') yield rest;
}

function parseLine(text: string): Received {
  const garbage: Received = { type: 'GARBAGE', message: text.slice(0, 200) };
  try {
    const line = JSON.parse(text) as { type?: string; object?: KubeObject };
    if (typeof line.object !== 'object' || line.object === null) return garbage;
    if (line.type === 'ERROR') return errorOf(line.object);
    const known =
      line.type === 'ADDED' || line.type === 'MODIFIED' || line.type === 'DELETED' || line.type === 'BOOKMARK';
    if (!known || typeof line.object.metadata !== 'object') return garbage;
    return line as WatchLine;
  } catch {
    return garbage;
  }
}

function errorOf(status: Record<string, unknown>): WatchLine {
  const details = (status['details'] ?? {}) as { retryAfterSeconds?: number };
  const retryAfterMs = details.retryAfterSeconds === undefined ? undefined : details.retryAfterSeconds * 1000;
  return { type: 'ERROR', code: Number(status['code'] ?? 500), message: String(status['message'] ?? ''), retryAfterMs };
}
