/** What every process of the lab shares: log lines, arguments, the way to the API server and a control port. */

import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { parse } from 'yaml';
import type { Log } from '#ports/log.ts';
import { createJsonLog } from '#runtime/json-log.ts';
import type { LabConnection } from './client.ts';

/** JSON lines on standard error, so that standard output stays for results. */
export function createLog(fields: Record<string, unknown>): Log {
  return createJsonLog({ stream: pino.destination({ fd: 2, sync: true }) }).with(fields);
}

/** `--name value` pairs; unknown names are an error that names them. */
export function readArguments<const Name extends string>(names: readonly Name[]): Partial<Record<Name, string>> {
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  return parseArgs({ options, strict: true, allowPositionals: false }).values as Partial<Record<Name, string>>;
}

/** How to reach the API server: from `--server`, `--token` and `--ca` (a file), or from `--kubeconfig`. */
export function readConnection(flags: {
  kubeconfig?: string;
  server?: string;
  token?: string;
  ca?: string;
}): LabConnection {
  if (flags.kubeconfig !== undefined) return fromKubeconfig(flags.kubeconfig);
  if (flags.server === undefined) throw new Error('--server or --kubeconfig is missing: where is the API server?');
  return {
    server: flags.server,
    token: flags.token,
    ca: flags.ca === undefined ? undefined : readFileSync(flags.ca, 'utf8'),
  };
}

interface Kubeconfig {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster: string; user: string } }[];
  clusters?: { name: string; cluster: Record<string, string | undefined> }[];
  users?: { name: string; user: Record<string, string | undefined> }[];
}

function fromKubeconfig(file: string): LabConnection {
  const config = parse(readFileSync(file, 'utf8')) as Kubeconfig;
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context?.user)?.user;
  const server = cluster?.['server'];
  if (server === undefined) throw new Error(`${file}: current-context leads to no cluster with a server`);
  const pem = (owner: Record<string, string | undefined> | undefined, field: string) => {
    const inline = owner?.[`${field}-data`];
    const path = owner?.[field];
    if (inline !== undefined) return Buffer.from(inline, 'base64').toString('utf8');
    return path === undefined ? undefined : readFileSync(path, 'utf8');
  };
  return {
    server,
    token: user?.['token'],
    ca: pem(cluster, 'certificate-authority'),
    cert: pem(user, 'client-certificate'),
    key: pem(user, 'client-key'),
  };
}

/** One control call: the parsed JSON body in, what is answered as JSON out. Thrown errors become 400 with `error`. */
export type ControlRoute = (body: unknown) => unknown;

export interface ControlPort {
  /** The URL, or the path of the Unix socket. */
  address: string;
  close(): Promise<void>;
}

/** The largest control body that is read. */
const MAX_BODY_BYTES = 1_000_000;

/**
 * A small JSON control port. `at` is a port of 127.0.0.1 (`0` takes a free one), `address:port`, or the path of a Unix
 * socket: a path crosses network namespaces, so tests on the host reach a process inside the lab's namespace by it.
 * Routes are named `GET /report`, `POST /stop`.
 */
export async function openControl(at: string, routes: Record<string, ControlRoute>): Promise<ControlPort> {
  const server = createServer((request, response) => {
    const route = routes[`${request.method} ${request.url}`];
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
      response.end(`${JSON.stringify(value ?? {})}\n`);
    };
    if (route === undefined) {
      answer(404, { error: `unknown ${request.method} ${request.url}; known: ${Object.keys(routes).join(', ')}` });
      return;
    }
    readJson(request)
      .then(route)
      .then((value) => answer(200, value))
      .catch((error: unknown) => answer(400, { error: error instanceof Error ? error.message : String(error) }));
  });
  await listen(server, at);
  return {
    address: describe(server),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, at: string): Promise<void> {
  const [, host = '127.0.0.1', port] = /^(?:(.*):)?(\d+)$/.exec(at) ?? [];
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port === undefined ? { path: at } : { host, port: Number(port) }, () => resolve());
  });
}

function describe(server: Server): string {
  const address = server.address() as AddressInfo | string;
  return typeof address === 'string' ? address : `http://${address.address}:${address.port}`;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY_BYTES) throw new Error(`the body is larger than ${MAX_BODY_BYTES} bytes`);
  }
  return text === '' ? {} : JSON.parse(text);
}

/** Runs `stop` once on SIGTERM or SIGINT, then exits. */
export function stopOnSignal(stop: () => Promise<void>): void {
  const once = () => {
    void stop().finally(() => process.exit(0));
  };
  process.once('SIGTERM', once);
  process.once('SIGINT', once);
}
