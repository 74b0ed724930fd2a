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
import { readBody } from './answer.ts';
import { connectionFailure, redact, refusal, statusFailure } from './failure.ts';

export type SourceAuth = { kind: 'bearer'; token: string } | { kind: 'basic'; username: string; password: string };

export interface SourceLimits {
  /** From the call to the last byte, waiting for a free connection included. Default 10 s. */
  timeoutMs: Millis;
  /** Longest body, decompressed. Default 20,000,000. */
  maxBytes: number;
  /** Most series of one answer. Default 10,000. */
  maxSeries: number;
}

export const DEFAULT_LIMITS: SourceLimits = { timeoutMs: 10_000, maxBytes: 20_000_000, maxSeries: 10_000 };

// Prometheus itself takes 512 connections and runs 20 queries at a time, rules and dashboards included.
const MAX_SOCKETS = 8;

export interface PrometheusOptions {
  name: string;
  /** http or https, without credentials, query and fragment; a path prefix is kept. */
  url: string;
  auth?: SourceAuth;
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
  const agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  };
  const transport: Transport = { ...options, limits, agents };
  const timeout = `${limits.timeoutMs}ms`;
  return {
    name: options.name,
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
    return { result, warnings, cost: { bytes, series: seriesOf(result), elapsedMs: clock.monotonic() - began } };
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
  // Thanos answers with what it has unless told otherwise; the others ignore the parameter.
  if (config.data instanceof URLSearchParams) config.data.set('partial_response', 'false');
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
  const text = await readText(response.data, { maxBytes: limits.maxBytes, signal: call.signal });
  const { status, headers } = response;
  if (status !== 200) {
    // Before the text is cut to a quote: half a secret would not be found any more.
    throw statusFailure({ status, headers, text: redact(text, secretsOf(transport.auth)), now: clock.now() });
  }
  const body = readBody(text, limits);
  if (body.status === 'error') throw refusal(body);
  const [partial] = body.partial;
  if (partial !== undefined) {
    throw new OperatorError('SOURCE_ANSWER', `the answer may be incomplete: ${partial}`);
  }
  return { result: body.result, warnings: body.warnings, bytes: text.length };
}

async function readText(stream: Readable, { maxBytes, signal }: { maxBytes: number; signal: AbortSignal }) {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stop = () => stream.destroy(new Error('aborted'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      // Counted after decompression, while it streams: a small body can be a large one.
      if (bytes > maxBytes) throw new OperatorError('SOURCE_TOO_LARGE', `the answer is longer than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
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

function seriesOf(result: InstantResult): number {
  if (result.kind === 'vector') return result.samples.length + result.histograms.length;
  return result.kind === 'matrix' ? result.series.length : 1;
}
