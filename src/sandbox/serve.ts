import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'yaml';
import { badRequest, Refused } from './refused.ts';
import type { Reply, Request } from './request.ts';
import type { Sandbox } from './sandbox.ts';

/** The sandbox over HTTP, for kubectl and for processes of their own. Loopback only: it knows no passwords. */
export interface Served {
  url: string;
  /** A kubeconfig that leads here. */
  kubeconfig: string;
  close(): Promise<void>;
}

/** No request may be longer; etcd holds 1.5 MiB. */
const BODY_MAX = 3 * 2 ** 20;

export async function serveSandbox(sandbox: Pick<Sandbox, 'handle'>, { port = 0 } = {}): Promise<Served> {
  const server = createServer((message, response) => {
    void respond(sandbox, message, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, kubeconfig: kubeconfigFor(url), close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    // Watches never end by themselves.
    server.closeAllConnections();
  });
}

async function respond(sandbox: Pick<Sandbox, 'handle'>, message: IncomingMessage, response: ServerResponse) {
  send(await answer(sandbox, message), response);
}

async function answer(sandbox: Pick<Sandbox, 'handle'>, message: IncomingMessage): Promise<Reply> {
  try {
    // A page in a browser may not steer a server of ours; kubectl sends no Origin.
    if (message.headers.origin !== undefined) throw badRequest('browsers are not served');
    return sandbox.handle(await requestOf(message));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { code: error.body.code, body: error.body };
  }
}

const METHODS = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

async function requestOf(message: IncomingMessage): Promise<Request> {
  const { method = 'GET', headers } = message;
  const url = new URL(message.url ?? '/', 'http://sandbox');
  if (!METHODS.has(method)) throw badRequest(`the method ${method} is not served`);
  return {
    method: method as Request['method'],
    path: url.pathname,
    query: url.searchParams,
    body: parsed(await textOf(message)),
    contentType: headers['content-type']?.split(';')[0]?.trim(),
    accept: headers.accept,
    userAgent: headers['user-agent'],
  };
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_MAX) throw badRequest(`the body is longer than ${BODY_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** YAML contains JSON, and an apply may come as either. */
function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    try {
      return parse(text, { maxAliasCount: 100 });
    } catch (error) {
      throw badRequest(`the body is neither JSON nor YAML: ${error instanceof Error ? error.message : ''}`);
    }
  }
}

function send(reply: Reply, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json');
  if (!('watch' in reply)) {
    if (reply.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(reply.retryAfterSeconds));
    response.writeHead(reply.code);
    response.end(`${JSON.stringify(reply.body)}\n`);
    return;
  }
  response.writeHead(200);
  response.flushHeaders();
  const stop = reply.watch({
    line: (line) => void response.write(`${JSON.stringify(line)}\n`),
    end: () => void response.end(),
  });
  response.once('close', stop);
}

function kubeconfigFor(server: string): string {
  const name = 'sandbox';
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server } }],
      users: [{ name, user: {} }],
      contexts: [{ name, context: { cluster: name, user: name } }],
    },
    undefined,
    2,
  )}\n`;
}
