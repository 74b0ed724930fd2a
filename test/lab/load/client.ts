/**
 * Clients that keep connections alive, as real ones do.
 *
 * Each keeps `connections` open and uses them in turn; when all are busy it opens more, because an open-loop source
 * never waits for an answer. A connection's peer is chosen once, when it is opened: a fixed one for the gateway, a
 * ready endpoint for a Service. It keeps its peer after the endpoint has left the EndpointSlices, as conntrack does,
 * until the server closes it or says `Connection: close`.
 */

import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import { type Connection, type Exchange, openConnection, type Peer } from './connection.ts';
import type { Outcome, Result } from './recorder.ts';

/** Sends one GET and tells how it ended. Never throws. A sandbox may stand in with its own. */
export type Send = () => Promise<Outcome>;

export interface ClientSpec {
  clock: Clock;
  /** Who a new connection goes to, or undefined when nobody is ready. */
  choosePeer(): Peer | undefined;
  /** [/] */
  path?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Connections kept open and used in turn. [8] */
  connections?: number | undefined;
  /** More than this many at once are not opened; the request then counts as `connect`. [1024] */
  maxConnections?: number | undefined;
  /** A connection is closed and opened anew after so many requests, or so long. [never] */
  renewAfterRequests?: number | undefined;
  renewAfterMs?: Millis | undefined;
  /** [5s] */
  timeoutMs?: Millis | undefined;
}

export interface LoadClient {
  send: Send;
  /** Peers of the open connections, one entry each. */
  peers(): Peer[];
  close(): void;
}

export function createLoadClient(spec: ClientSpec): LoadClient {
  const { clock, path = '/', headers = {}, connections = 8, maxConnections = 1024, timeoutMs = 5000 } = spec;
  const open = new Set<Connection>();
  const idle: Connection[] = [];

  function dial(): Connection | string {
    if (open.size >= maxConnections) return `${maxConnections} connections are busy`;
    const peer = spec.choosePeer();
    if (peer === undefined) return 'no ready endpoint';
    const opened: Connection = openConnection({ peer, clock, timeoutMs, onClosed: () => forget(opened) });
    open.add(opened);
    return opened;
  }
  function forget(connection: Connection): void {
    open.delete(connection);
    const at = idle.indexOf(connection);
    if (at >= 0) idle.splice(at, 1);
  }
  function take(): Connection | string {
    // Up to the wanted number first, so that all of them carry traffic.
    if (open.size < connections) return dial();
    return idle.shift() ?? dial();
  }
  function giveBack(connection: Connection): void {
    if (!connection.usable()) return;
    const { renewAfterRequests = Number.POSITIVE_INFINITY, renewAfterMs = Number.POSITIVE_INFINITY } = spec;
    const aged = connection.sent() >= renewAfterRequests || clock.monotonic() - connection.openedAt >= renewAfterMs;
    if (aged || idle.length >= connections) connection.close();
    else idle.push(connection);
  }
  async function attempt(connection: Connection | string): Promise<{ exchange: Exchange; peer?: string }> {
    if (typeof connection === 'string') return { exchange: { kind: 'connect', error: connection } };
    const exchange = await connection.get(path, headers);
    giveBack(connection);
    return { exchange, peer: `${connection.peer.address}:${connection.peer.port}` };
  }

  return {
    async send() {
      const first = await attempt(take());
      if (first.exchange.kind !== 'stale') return outcomeOf(first);
      // Once, and on a new connection: the other idle ones may be just as stale.
      return { ...outcomeOf(await attempt(dial())), retried: true };
    },
    peers: () => [...open].map(({ peer }) => peer),
    close() {
      for (const connection of open) connection.close();
    },
  };
}

function outcomeOf({ exchange, peer }: { exchange: Exchange; peer?: string }): Outcome {
  const at = peer === undefined ? {} : { peer };
  if (exchange.kind !== 'answer') {
    return { ...at, result: exchange.kind === 'stale' ? 'reset' : exchange.kind, error: exchange.error };
  }
  const { status, image, pod } = exchange;
  const who = { ...(image === undefined ? {} : { image }), ...(pod === undefined ? {} : { pod }) };
  return { ...at, ...who, result: classOf(status), status };
}

function classOf(status: number): Result {
  if (status < 300) return '2xx';
  if (status < 400) return '3xx';
  return status < 500 ? '4xx' : '5xx';
}
