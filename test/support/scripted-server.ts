import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  method: string;
  /** Path without the query. */
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

export type Reply = (seen: Seen, response: ServerResponse) => void | Promise<void>;

export interface ScriptedServer extends AsyncDisposable {
  url: string;
  requests: Seen[];
  /** Connections ever accepted. */
  readonly connections: number;
  /** Replies one after the other; the last one answers all that follows. */
  script(...replies: Reply[]): void;
}

/** A local HTTP server that answers as it is told. */
export async function startScriptedServer(...replies: Reply[]): Promise<ScriptedServer> {
  const requests: Seen[] = [];
  let queue = replies;
  let connections = 0;
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://local');
    let body = '';
    for await (const chunk of request) body += chunk;
    const seen = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
    };
    requests.push(seen);
    const reply = queue.length > 1 ? queue.shift() : queue[0];
    await (reply ?? json(500, { message: 'no reply is scripted' }))(seen, response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return connections;
    },
    script: (...next) => {
      queue = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers with JSON. */
export function json(code: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** Sends lines, then does what `end` says: closes cleanly, resets, or stays silent. */
export function lines(all: readonly unknown[], end: 'close' | 'reset' | 'silence' = 'close'): Reply {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const text = all.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
    response.write(text, () => {
      if (end === 'close') response.end();
      if (end === 'reset') response.socket?.resetAndDestroy();
    });
  };
}
