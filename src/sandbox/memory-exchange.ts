import { Readable } from 'node:stream';
import { createKubeApi } from '#kube/api.ts';
import { type Answer, type Call, type Exchange, METHODS, type SendOptions } from '#kube/exchange.ts';
import { transportOver } from '#kube/transport.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Reply, Request } from './request.ts';
import type { Sandbox } from './sandbox.ts';
import type { Line, Watch } from './watching.ts';

/** The sandbox as the production transport reaches it in memory: the same calls, the same bytes, no sockets. */
export function memoryExchange(
  sandbox: Pick<Sandbox, 'handle' | 'clock'>,
  { userAgent = 'headgate' }: { userAgent?: string } = {},
): Exchange {
  return {
    async send(call, { signal, stallMs }: SendOptions) {
      signal?.throwIfAborted();
      const reply = sandbox.handle(requestOf(call, userAgent));
      return answerOf(reply, { clock: sandbox.clock, signal, stallMs });
    },
    close: async () => undefined,
  };
}

/** Through JSON, so that nobody here holds what the caller goes on changing. */
export function requestOf(
  { verb, path, query = {}, body, contentType = 'application/json' }: Call,
  userAgent: string,
): Request {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    method: METHODS[verb],
    path,
    query: new URLSearchParams(pairs),
    body: body === undefined ? undefined : JSON.parse(JSON.stringify(body)),
    contentType,
    userAgent,
  };
}

/** All watches are told of a change one after the other, and objects of the store never change: the last one is kept. */
let told: { object: object; text: string } | undefined;

function textOf(object: object): string {
  if (told?.object !== object) told = { object, text: JSON.stringify(object) };
  return told.text;
}

interface Receiving {
  clock: Clock;
  signal: AbortSignal | undefined;
  stallMs: Millis | undefined;
}

export function answerOf(reply: Reply, receiving: Receiving): Answer {
  if ('watch' in reply) return { code: 200, body: streamOf(reply.watch, receiving), retryAfterMs: undefined };
  const { code, body, retryAfterSeconds } = reply;
  const text = JSON.stringify(body);
  const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
  return { code, body: Object.assign(Readable.from([text]), { text: async () => text }), retryAfterMs };
}

/** The lines of a watch as bytes. Silence breaks it as it breaks a connection: with UND_ERR_BODY_TIMEOUT. */
function streamOf(watch: Watch, { clock, signal, stallMs }: Receiving): Answer['body'] {
  const stream = new Readable({ read: () => undefined });
  let cancelStall = (): void => undefined;
  const heard = () => {
    cancelStall();
    if (stallMs === undefined) return;
    cancelStall = clock.timer(stallMs, () => {
      stream.destroy(Object.assign(new Error('Body Timeout Error'), { code: 'UND_ERR_BODY_TIMEOUT' }));
    });
  };
  const abort = () => stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  heard();
  const stop = watch({
    line(line: Line) {
      heard();
      if (!stream.destroyed) stream.push(Buffer.from(`{"type":"${line.type}","object":${textOf(line.object)}}\n`));
    },
    end: () => void stream.push(null),
  });
  signal?.addEventListener('abort', abort, { once: true });
  // Who reads hears of an error all the same; an answer that nobody reads any more must not end the process.
  stream.on('error', () => undefined);
  stream.once('close', () => {
    cancelStall();
    stop();
    signal?.removeEventListener('abort', abort);
  });
  return Object.assign(stream, { text: async () => Buffer.concat(await stream.toArray()).toString() });
}

/** The sandbox as the port that the operator uses, through the production transport. */
export function kubeApiOf(sandbox: Sandbox, { userAgent = 'headgate' }: { userAgent?: string } = {}): KubeApi {
  return createKubeApi(transportOver(memoryExchange(sandbox, { userAgent }), { clock: sandbox.clock }));
}
