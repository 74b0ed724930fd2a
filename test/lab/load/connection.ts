/**
 * One keep-alive HTTP/1.1 connection that carries one request at a time and never reconnects by itself, so that who
 * it is connected to, whether it was used before and when it ended are facts and not guesses.
 */

import { connect, type Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';

export interface Peer {
  address: string;
  port: number;
}

/** How one exchange on a connection ended. */
export type Exchange =
  | { kind: 'answer'; status: number; image: string | undefined; pod: string | undefined }
  /** No connection was made: refused, unreachable. */
  | { kind: 'connect'; error: string }
  /** A reused connection ended before any byte of the answer: a GET may be sent again (RFC 9110, 9.2.2). */
  | { kind: 'stale'; error: string }
  | { kind: 'reset'; error: string }
  | { kind: 'timeout'; error: string };

export interface Connection {
  readonly peer: Peer;
  /** Requests sent so far. */
  sent(): number;
  openedAt: Millis;
  /** False from the moment the server closed it or said `Connection: close`. */
  usable(): boolean;
  get(path: string, headers: Record<string, string>): Promise<Exchange>;
  close(): void;
}

export interface ConnectionSpec {
  peer: Peer;
  clock: Clock;
  timeoutMs: Millis;
  /** Called once when it can carry no further request. */
  onClosed(): void;
}

/** Any time that no test reaches: undici would otherwise close idle connections on its own. */
const NEVER_MS = 86_400_000;

export function openConnection({ peer, clock, timeoutMs, onClosed }: ConnectionSpec): Connection {
  let sent = 0;
  let closed = false;
  let socket: Socket | undefined;
  let connected = false;
  const client = new Client(`http://${peer.address.includes(':') ? `[${peer.address}]` : peer.address}:${peer.port}`, {
    pipelining: 1,
    keepAliveTimeout: NEVER_MS,
    keepAliveMaxTimeout: NEVER_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(_options, callback) {
      // undici would reconnect without a word when the socket is found dead: then this connection is over.
      if (socket !== undefined) {
        callback(new Error('closed by the server while idle'), null);
        return;
      }
      const opening = connect({ host: peer.address, port: peer.port, noDelay: true });
      socket = opening;
      const failed = (error: Error) => callback(error, null);
      opening.once('error', failed);
      opening.once('connect', () => {
        opening.off('error', failed);
        connected = true;
        callback(null, opening);
      });
    },
  });

  function end(): void {
    if (closed) return;
    closed = true;
    void client.destroy().catch(() => {});
    onClosed();
  }
  client.on('disconnect', end);

  return {
    peer,
    openedAt: clock.monotonic(),
    sent: () => sent,
    usable: () => !closed,
    get(path, headers) {
      sent += 1;
      const reused = sent > 1;
      return exchange({ client, clock, timeoutMs }, { path, headers }).then((result) => {
        const { last, ...outcome } = classify(result, { reused, connected });
        // undici drops the socket too, but when it says so is its own affair: the next request must not find it.
        if (last) end();
        return outcome.exchange;
      });
    },
    close: end,
  };
}

interface Raw {
  status: number | undefined;
  headers: Record<string, string | string[] | undefined>;
  complete: boolean;
  timedOut: boolean;
  error: string;
}

function classify(
  raw: Raw,
  { reused, connected }: { reused: boolean; connected: boolean },
): { last: boolean; exchange: Exchange } {
  const { status, headers, complete, error } = raw;
  if (complete && status !== undefined) {
    const last = text(headers['connection'])?.toLowerCase() === 'close';
    return { last, exchange: { kind: 'answer', status, image: text(headers['x-image']), pod: text(headers['x-pod']) } };
  }
  if (raw.timedOut) return { last: true, exchange: { kind: 'timeout', error } };
  if (!reused && !connected) return { last: true, exchange: { kind: 'connect', error } };
  return { last: true, exchange: { kind: reused && status === undefined ? 'stale' : 'reset', error } };
}

function text(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

interface Wire {
  client: Client;
  clock: Clock;
  timeoutMs: Millis;
}

interface Get {
  path: string;
  headers: Record<string, string>;
}

function exchange({ client, clock, timeoutMs }: Wire, { path, headers }: Get): Promise<Raw> {
  return new Promise((resolve) => {
    const raw: Raw = { status: undefined, headers: {}, complete: false, timedOut: false, error: '' };
    let abort: (() => void) | undefined;
    const cancel = clock.timer(timeoutMs, () => {
      raw.timedOut = true;
      settle(`no answer within ${timeoutMs} ms`);
      abort?.();
    });
    function settle(error: string): void {
      cancel();
      if (raw.error === '') raw.error = error;
      resolve(raw);
    }
    const events: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        abort = () => controller.abort(new Error('timeout'));
      },
      onResponseStart(_controller, status, responseHeaders) {
        raw.status = status;
        raw.headers = responseHeaders;
      },
      onResponseData() {},
      onResponseEnd() {
        raw.complete = true;
        settle('');
      },
      onResponseError(_controller, error) {
        settle(error.message);
      },
    };
    client.dispatch({ method: 'GET', path, headers }, events);
  });
}
