/**
 * A proxy before the API server that counts each client's writes and stops the world at write n.
 *
 *   const proxy = await startProxy({ target: { server, ca }, clients: ['a', 'b'] });
 *   spawn('node', [..., '--server', proxy.url('a')]);
 *   proxy.at({ client: 'a', write: 7, when: 'after', act: () => { killHard(pid); return 'drop'; } });
 *   proxy.writes('a');
 *
 * Each named client has a port of its own, so two operators with one token are told apart. Headers pass untouched,
 * answers are streamed (a watch is never buffered), and an answer that the API server breaks off is broken off here.
 * Write n is the n-th request for which `isWrite` holds since the start or the last `reset`. `before` acts before the
 * request is forwarded; `after` when the API server's whole answer is there and none of it was passed on.
 * With `label`, which reads the body, a rule may name the n-th write of one label: `{ label: 'raise', write: 1, … }`.
 * With `storm`, faults that it is armed with befall any request, and the lines of watches.
 * kubectl sends no credentials over plain HTTP: give `tls` the API server's own certificate and key for it.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createForward, listen, portOf, readAll, relay, shut, withoutHop } from './forward.ts';
import type { Storm } from './storm.ts';
import { createPlainTravel, createTravel } from './stormy.ts';
import { fieldManagerOf, isWrite } from './writes.ts';

/** What happens to the request (`before`) or its answer (`after`) once the rule has acted. */
export type Fate = 'pass' | 'drop';

export interface Rule {
  client: string;
  /** Counted from 1, among the writes with `label` when that is given. */
  write: number;
  label?: string;
  when: 'before' | 'after';
  /** Runs once. `drop` closes the client's connection instead of passing the request or answer on. */
  act(write: Write): Fate | Promise<Fate>;
}

export interface Write {
  client: string;
  n: number;
  /** What `ProxySpec.label` calls it, and the how manieth of that name it is. */
  label: string | undefined;
  nth: number;
  method: string;
  /** With query. */
  path: string;
  fieldManager: string | undefined;
  userAgent: string | undefined;
  /** Unix milliseconds at which it came. */
  at: number;
  /** The API server's answer; undefined while there is none. */
  status: number | undefined;
}

export interface ProxySpec {
  target: { server: string; ca?: string | undefined };
  /** [client] */
  clients?: string[];
  /** [127.0.0.1] */
  address?: string;
  /** First port, the next client takes the next one. [0: free ones] */
  port?: number;
  /** Serve HTTPS with this certificate; plain HTTP without. PEM. */
  tls?: { cert: string; key: string };
  /** Writes remembered of each client, oldest dropped; the count goes on. [10000] */
  maxWrites?: number;
  /** Names a write by what it says, so that rules need not count what comes by the clock. */
  label?(call: { method: string; path: string; body: string }): string;
  /** Faults that any request may meet. */
  storm?: Storm | undefined;
}

export interface WriteProxy {
  url(client?: string): string;
  /** How many writes since the start or the last reset. */
  count(client?: string): number;
  writes(client?: string): Write[];
  /** Arms a rule; the returned function disarms it. */
  at(rule: Rule): () => void;
  /** Counts from 0 again and forgets the rules. */
  reset(): void;
  close(): Promise<void>;
}

interface Line {
  name: string;
  server: Server;
  count: number;
  labels: Map<string, number>;
  writes: Write[];
}

export async function startProxy(spec: ProxySpec): Promise<WriteProxy> {
  const { clients = ['client'], address = '127.0.0.1', port = 0, maxWrites = 10_000 } = spec;
  const forward = createForward(spec.target);
  const plainly = createPlainTravel(forward);
  const travel = spec.storm === undefined ? plainly : createTravel(forward, spec.storm);
  const rules = new Set<Rule>();
  const lines = new Map<string, Line>();

  function counted(line: Line, { method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer): Write {
    line.count += 1;
    const label = spec.label?.({ method, path: url, body: body.toString() });
    const nth = (line.labels.get(label ?? '') ?? 0) + 1;
    line.labels.set(label ?? '', nth);
    const who = { client: line.name, label, nth, fieldManager: fieldManagerOf(url), userAgent: headers['user-agent'] };
    const write: Write = { ...who, n: line.count, method, path: url, at: Date.now(), status: undefined };
    line.writes.push(write);
    if (line.writes.length > maxWrites) line.writes.shift();
    return write;
  }
  async function fate(when: Rule['when'], write: Write): Promise<Fate> {
    for (const rule of [...rules]) {
      if (rule.when !== when || rule.client !== write.client || !isAimedAt(rule, write)) continue;
      rules.delete(rule);
      if ((await rule.act(write)) === 'drop') return 'drop';
    }
    return 'pass';
  }
  async function pass(line: Line, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    if (isWrite(method, url)) return passWrite(line, request, response);
    // Only a storm needs the whole body of what is not counted: what it holds back may have to leave later.
    const body = travel === plainly || method === 'GET' ? undefined : await readAll(request);
    const departure = { client: line.name, request, response, body, label: undefined };
    const answer = await travel(departure, () => undefined);
    if (answer !== 'over') await relay(answer, response);
  }
  async function passWrite(line: Line, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const write = counted(line, request, body);
    if ((await fate('before', write)) === 'drop') {
      response.destroy();
      return;
    }
    const departure = { client: line.name, request, response, body, label: write.label };
    const answer = await travel(departure, ({ statusCode }) => {
      write.status = statusCode;
    });
    if (answer === 'over') return;
    // Read whole first: only then has the API server surely stored it, and a rule may still swallow it.
    const text = await readAll(answer);
    if ((await fate('after', write)) === 'drop') response.destroy();
    else response.writeHead(answer.statusCode ?? 502, withoutHop(answer)).end(text);
  }
  for (const [index, name] of clients.entries()) {
    const handle = (request: IncomingMessage, response: ServerResponse) => {
      pass(line, request, response).catch(() => response.destroy());
    };
    const server = spec.tls === undefined ? createServer(handle) : createTlsServer(spec.tls, handle);
    // The API server's own idle time is longer than any test; a shorter one here would look like its failure.
    server.keepAliveTimeout = 0;
    server.requestTimeout = 0;
    const line: Line = { name, server, count: 0, labels: new Map(), writes: [] };
    lines.set(name, line);
    await listen(server, { host: address, port: port === 0 ? 0 : port + index });
  }
  const lineOf = (name = clients[0] ?? ''): Line => {
    const line = lines.get(name);
    if (line === undefined) throw new Error(`proxy: unknown client "${name}"; known: ${clients.join(', ')}`);
    return line;
  };
  return {
    url: (name) => `${spec.tls === undefined ? 'http' : 'https'}://${address}:${portOf(lineOf(name).server)}`,
    count: (name) => lineOf(name).count,
    writes: (name) => lineOf(name).writes.map((write) => ({ ...write })),
    at(rule) {
      lineOf(rule.client);
      rules.add(rule);
      return () => rules.delete(rule);
    },
    reset() {
      rules.clear();
      for (const line of lines.values()) Object.assign(line, { count: 0, labels: new Map(), writes: [] });
    },
    async close() {
      await Promise.all([...lines.values()].map(({ server }) => shut(server)));
      forward.close();
    },
  };
}

function isAimedAt({ label, write: n }: Rule, write: Write): boolean {
  return label === undefined ? n === write.n : label === write.label && n === write.nth;
}
