/** The plain parts of a proxy: passing a request on, passing an answer back, opening and closing ports. */

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface Forward {
  /** With `body`, the request has been read already; with `path`, another one is asked for. */
  (request: IncomingMessage, response: ServerResponse, instead?: Instead): Promise<IncomingMessage>;
  close(): void;
}

export interface Instead {
  body?: Buffer;
  path?: string;
}

export function createForward({ server, ca }: { server: string; ca?: string | undefined }): Forward {
  const { protocol, hostname, port } = new URL(server);
  const secure = protocol === 'https:';
  // Idle connections are given up long before the API server closes them (90 s), so none is found stale.
  const pool = { keepAlive: true, timeout: 30_000, scheduling: 'lifo' as const };
  const agent = secure ? new HttpsAgent({ ...pool, ...(ca === undefined ? {} : { ca }) }) : new HttpAgent(pool);
  const ask = secure ? httpsRequest : httpRequest;

  function forward(
    request: IncomingMessage,
    response: ServerResponse,
    { body, path = request.url }: Instead = {},
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { method, headers } = request;
      const { connection: _, ...rest } = headers;
      const onward = ask({ hostname, port, method, path, headers: { ...rest, host: `${hostname}:${port}` }, agent });
      onward.once('response', resolve);
      onward.once('error', reject);
      // A client that leaves ends its watch at the API server too.
      response.once('close', () => onward.destroy());
      if (body === undefined) request.pipe(onward);
      else onward.end(body);
    });
  }
  return Object.assign(forward, { close: () => agent.destroy() });
}

export async function relay(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  begin(answer, response);
  await pipeline(answer, response);
}

/** A watch is silent until its first event, and its client waits for the headers. */
export function begin(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, withoutHop(answer));
  response.flushHeaders();
}

/** Headers that belong to one connection and not to the answer. */
export function withoutHop({ headers }: IncomingMessage): IncomingMessage['headers'] {
  const { connection: _connection, 'keep-alive': _keep, 'transfer-encoding': _encoding, ...rest } = headers;
  return rest;
}

export async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => resolve());
  });
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export function shut(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
