import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import type { AxiosError, AxiosResponse, InternalAxiosRequestConfig } from 'axios';
import { PrometheusDriver } from 'prometheus-query';
import { assert } from '#lib/assert.ts';
import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { InstantResult, MetricSource, QueryAnswer, RangeAnswer } from '#ports/metric-source.ts';
import { createBodyReader, seriesIn } from './body.ts';
import { connectionFailure, redact, refusal, statusFailure } from './failure.ts';
import { dialects, type Flavour, flavourHeaders } from './flavour.ts';

export type SourceAuth = { kind: 'bearer'; token: string } | { kind: 'basic'; username: string; password: string };

export interface SourceLimits {
  /** From the call to the last byte, waiting for a free connection included. Default 10 s. */
  timeoutMs: Millis;
  /** Longest body, decompressed. Default 20,000,000. */
  maxBytes: number;
  /** Most series of one answer. Default 50,000. */
  maxSeries: number;
  /**
   * Queries at the same time, and connections. Default 4: a fifth of the twenty that Prometheus runs at a time, so that
   * rules and dashboards go on.
   */
  maxConcurrent: number;
}

export const DEFAULT_LIMITS: SourceLimits = {
  timeoutMs: 10_000,
  maxBytes: 20_000_000,
  maxSeries: 50_000,
  maxConcurrent: 4,
};

export interface PrometheusOptions {
  name: string;
  /** http or https, without credentials, query and fragment; a path prefix is kept. */
  url: string;
  auth?: SourceAuth;
  /** Default Prometheus. */
  flavour?: Flavour;
  /** Whose series a multi-tenant server shows (X-Scope-OrgID). */
  tenant?: string;
  /** Certificates (PEM) that sign the server's, in place of those that Node trusts. */
  ca?: string;
  limits?: Partial<SourceLimits>;
  clock: Clock;
}

/** Why `url` cannot be the address of a source, in words that follow the field's name; undefined when it can. */
export function sourceUrlProblem(url: string): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined) return 'is not a URL; write e.g. http://prometheus.monitoring:9090';
  if (!['http:', 'https:'].includes(parsed.protocol)) return 'must begin with http:// or https://';
  if (parsed.username !== '' || parsed.password !== '') return 'must not carry credentials; put them into a Secret';
  if (parsed.search !== '' || parsed.hash !== '') return 'must end with the path, without ? and #';
  return undefined;
}

/**
 * Prometheus and what speaks its API (Thanos, Mimir, VictoriaMetrics), through `prometheus-query`.
 *
 * The library builds and sends the requests. Its reading of answers is not used: it turns +Inf into NaN, drops
 * warnings, throws on native histograms and puts credentials into what it throws. Bodies are read here, within limits,
 * before the library sees them, and it gets an empty answer in their place.
 */
export function createPrometheusSource(options: PrometheusOptions): MetricSource & { close(): void } {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { flavour = 'Prometheus', ca } = options;
  const sockets = { keepAlive: true, maxSockets: limits.maxConcurrent };
  const agents = {
    http: new HttpAgent(sockets),
    https: new HttpsAgent({ ...sockets, ...(ca === undefined ? {} : { ca }) }),
  };
  const { parameters, ...rules } = dialects[flavour];
  const transport: Transport = { ...options, limits, agents, parameters };
  const timeout = `${limits.timeoutMs}ms`;
  return {
    name: options.name,
    rules: { ...rules, maxConcurrent: limits.maxConcurrent },
    async query(promql, { at, signal }): Promise<QueryAnswer> {
      assert(Number.isFinite(at), 'a query has a time');
      // A Date, because the library reads the number 0 as "now".
      return send(transport, signal, (driver) => driver.instantQuery(promql, new Date(at), timeout));
    },
    async range(promql, { from, to, stepMs, signal }): Promise<RangeAnswer> {
      assert(from <= to && stepMs > 0, 'a range has points');
      const answer = await send(transport, signal, (driver) =>
        driver.rangeQuery(promql, new Date(from), new Date(to), stepMs / 1000, timeout),
      );
      if (answer.result.kind !== 'matrix') {
        throw new OperatorError(
          'SOURCE_ANSWER',
          `${options.name}: a range query was answered with ${answer.result.kind}`,
        );
      }
      return { ...answer, result: answer.result };
    },
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface Transport {
  name: string;
  url: string;
  auth?: SourceAuth;
  tenant?: string;
  parameters: Readonly<Record<string, string>>;
  limits: SourceLimits;
  clock: Clock;
  agents: { http: HttpAgent; https: HttpsAgent };
}

/** One call's own state: the library's hooks are per driver, so each call has a driver of its own (a few µs). */
interface Call {
  signal: AbortSignal;
  answer?: { result: InstantResult; warnings: string[]; bytes: number };
  failure?: OperatorError;
  /** The server closed a kept connection just as we used it again: no answer was begun. */
  closedEarly?: boolean;
}

type Ask = (driver: PrometheusDriver) => Promise<unknown>;

async function send(transport: Transport, signal: AbortSignal | undefined, ask: Ask): Promise<QueryAnswer> {
  const problem = sourceUrlProblem(transport.url);
  if (problem !== undefined) throw new OperatorError('SOURCE_UNREACHABLE', `${transport.name}: url ${problem}`);
  const { clock, limits } = transport;
  const began = clock.monotonic();
  const deadline = new AbortController();
  const cancel = clock.timer(limits.timeoutMs, () => deadline.abort());
  try {
    const both = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]);
    let call = await attempt(transport, { signal: both }, ask);
    if (call.closedEarly === true) call = await attempt(transport, { signal: both }, ask);
    const { answer, failure } = call;
    if (deadline.signal.aborted && failure !== undefined) throw tooSlow(transport);
    if (answer === undefined) throw failure ?? new OperatorError('SOURCE_UNREACHABLE', `${transport.name}: no answer`);
    const { result, warnings, bytes } = answer;
    return { result, warnings, cost: { bytes, series: seriesIn(result), elapsedMs: clock.monotonic() - began } };
  } finally {
    cancel();
  }
}

async function attempt(transport: Transport, call: Call, ask: Ask): Promise<Call> {
  const driver = new PrometheusDriver({
    endpoint: transport.url,
    preferPost: true, // a query with many pod names does not fit into the URL that proxies allow
    requestInterceptor: { onFulfilled: (config) => prepare(config, transport, call) },
    responseInterceptor: {
      onFulfilled: async (response) => {
        try {
          call.answer = await receive(response, transport, call);
        } catch (error) {
          call.failure = error instanceof OperatorError ? named(error, transport) : connectionFailure(error, transport);
        }
        return { ...response, data: { status: 'success', data: { resultType: 'vector', result: [] } } };
      },
      onRejected: (error: AxiosError) => {
        call.failure = connectionFailure(error, transport);
        call.closedEarly = error.code === 'ECONNRESET' && error.request?.reusedSocket === true;
        throw call.failure;
      },
    },
  });
  try {
    await ask(driver);
  } catch {
    // The library throws plain objects that hold our credentials. What they say stands in `call` already.
    call.failure ??= new OperatorError('SOURCE_UNREACHABLE', `${transport.name}: the request could not be sent`);
  }
  return call;
}

function prepare(config: InternalAxiosRequestConfig, transport: Transport, call: Call): InternalAxiosRequestConfig {
  if (transport.auth !== undefined) config.headers.set('Authorization', authorization(transport.auth));
  for (const [name, value] of Object.entries(flavourHeaders(transport))) config.headers.set(name, value);
  if (config.data instanceof URLSearchParams) {
    for (const [name, value] of Object.entries(transport.parameters)) config.data.set(name, value);
  }
  return {
    ...config,
    adapter: 'http',
    httpAgent: transport.agents.http,
    httpsAgent: transport.agents.https,
    signal: call.signal,
    timeout: 0, // axios means idle time by it; the signal is the deadline
    proxy: false, // not null: HTTP_PROXY would be obeyed
    maxRedirects: 0, // a redirect could carry our credentials, or us, to another host
    validateStatus: null,
    responseType: 'stream',
  };
}

async function receive(response: AxiosResponse<Readable>, transport: Transport, call: Call) {
  const { limits, clock } = transport;
  const { status, headers, data } = response;
  const pieces = piecesOf(data, { maxBytes: limits.maxBytes, signal: call.signal });
  if (status !== 200) {
    const chunks: Buffer[] = [];
    for await (const chunk of pieces) chunks.push(chunk);
    // Before the text is cut to a quote: half a secret would not be found any more.
    const text = redact(Buffer.concat(chunks).toString('utf8'), secretsOf(transport.auth));
    throw statusFailure({ status, headers, text, now: clock.now() });
  }
  const reader = createBodyReader(limits);
  let bytes = 0;
  for await (const chunk of pieces) {
    bytes += chunk.length;
    // Whoever waits for this process has a turn between two slices.
    if (reader.push(chunk)) await new Promise((resolve) => setImmediate(resolve));
  }
  const body = reader.end();
  if (body.status === 'error') throw refusal(body);
  const [partial] = body.partial;
  if (partial !== undefined) {
    throw new OperatorError('SOURCE_ANSWER', `the answer may be incomplete: ${partial}`);
  }
  return { result: body.result, warnings: body.warnings, bytes };
}

async function* piecesOf(stream: Readable, { maxBytes, signal }: { maxBytes: number; signal: AbortSignal }) {
  let bytes = 0;
  const stop = () => stream.destroy(new Error('aborted'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Counted after decompression, while it streams: a small body can be a large one.
      if (bytes > maxBytes) throw new OperatorError('SOURCE_TOO_LARGE', `the answer is longer than ${maxBytes} bytes`);
      yield chunk;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

function authorization(auth: SourceAuth): string {
  if (auth.kind === 'bearer') return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

/** The same failure with the source's name in front and without our secrets: a server may echo what it was sent. */
function named(error: OperatorError, { name, auth }: Transport): OperatorError {
  const { retryAfterMs } = error;
  return new OperatorError(
    error.code,
    `${name}: ${redact(error.message, secretsOf(auth))}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}

function secretsOf(auth: SourceAuth | undefined): string[] {
  if (auth === undefined) return [];
  const header = authorization(auth).replace(/^\w+ /, '');
  return auth.kind === 'bearer' ? [auth.token] : [auth.password, header];
}

function tooSlow({ name, limits }: Transport): OperatorError {
  return new OperatorError('SOURCE_UNREACHABLE', `${name}: no complete answer within ${limits.timeoutMs} ms`);
}
