import type { Readable } from 'node:stream';
import { request } from 'undici';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { type Agents, createAgents } from './agents.ts';
import type { ClusterConfig, Credentials } from './config.ts';
import { retryAfterMs } from './failures.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete';

/** One request to the API server. */
export interface Call {
  verb: Verb;
  /** The kind's plural, for metrics. */
  resource: string;
  /** What is asked for, in messages: `patch httproutes shop/checkout`. */
  what: string;
  path: string;
  query?: Record<string, string | undefined>;
  body?: unknown;
  contentType?: string;
  /** The body is a JSON patch with a `test`. */
  testsPatch?: boolean;
  /** Skips the client-side rate limit. */
  urgent?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** One write as it left and as it was answered, for the audit. `code` is 0 when there was no answer. */
export interface WriteRecord {
  verb: Verb;
  what: string;
  path: string;
  body: unknown;
  code: number;
}

/** What came back, whatever its code. The body must be read to its end or destroyed. */
export interface Answer {
  code: number;
  body: Readable & { text(): Promise<string> };
  retryAfterMs: Millis | undefined;
}

export interface SendOptions {
  /** Ask for new credentials first. */
  fresh: boolean;
  signal: AbortSignal | undefined;
  /** Set for streams: the longest silence. */
  stallMs: Millis | undefined;
}

export interface Exchange {
  /** One request, one answer of any code. Throws what undici throws. */
  send(call: Call, options: SendOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface ExchangeOptions {
  config: ClusterConfig;
  clock: Clock;
  telemetry: Telemetry;
  /** Its part before a slash is the default field manager of writes. */
  userAgent: string;
  onWrite?: ((write: WriteRecord) => void) | undefined;
}

export const METHODS: Record<Verb, 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  apply: 'PATCH',
  delete: 'DELETE',
};
const HEADERS_TIMEOUT_MS = 30_000;

/** Single requests with current credentials, counted, timed and, when they write, told to the audit. */
export function createExchange({ config, clock, telemetry, userAgent, onWrite }: ExchangeOptions): Exchange {
  const agents = createAgents();
  let refreshing: Promise<Credentials> | undefined;
  // Sixteen calls refused at once must not run a credentials plug-in sixteen times.
  const refresh = (): Promise<Credentials> => {
    refreshing ??= config.credentials({ fresh: true }).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };
  return {
    async send(call, options) {
      const credentials = await (options.fresh ? refresh() : config.credentials());
      const startedAt = clock.monotonic();
      const labels = { verb: call.verb, resource: call.resource };
      const settle = (code: number) => {
        telemetry.count('headgate_kube_requests_total', { ...labels, code: String(code) });
        telemetry.observe('headgate_kube_request_seconds', (clock.monotonic() - startedAt) / 1000, labels);
        if (METHODS[call.verb] === 'GET') return;
        onWrite?.({ verb: call.verb, what: call.what, path: call.path, body: call.body, code });
      };
      try {
        const answer = await dispatch(call, { credentials, agents, userAgent, ...options });
        settle(answer.statusCode);
        const wait = answer.headers['retry-after'];
        const retryAfter = retryAfterMs(Array.isArray(wait) ? wait[0] : wait, clock.now());
        return { code: answer.statusCode, body: answer.body, retryAfterMs: retryAfter };
      } catch (error) {
        settle(0);
        throw error;
      }
    },
    close: () => agents.close(),
  };
}

type Dispatch = SendOptions & { credentials: Credentials; agents: Agents; userAgent: string };

function dispatch(call: Call, { credentials, agents, userAgent, signal, stallMs }: Dispatch) {
  const { calls, watches } = agents.for(credentials);
  return request(credentials.server + call.path + queryOf(call.query), {
    dispatcher: stallMs === undefined ? calls : watches,
    method: METHODS[call.verb],
    headers: { ...credentials.headers, ...headersOf(call), 'user-agent': userAgent },
    body: call.body === undefined ? null : JSON.stringify(call.body),
    headersTimeout: HEADERS_TIMEOUT_MS,
    ...(stallMs === undefined ? {} : { bodyTimeout: stallMs }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function headersOf({ body, contentType = 'application/json' }: Call): Record<string, string> {
  return body === undefined
    ? { accept: 'application/json' }
    : { accept: 'application/json', 'content-type': contentType };
}

function queryOf(query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}
