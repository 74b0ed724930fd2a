import type { Readable } from 'node:stream';
import { OperatorError } from '#lib/errors.ts';
import { formatDuration, type Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import { createTokenBucket } from '#runtime/token-bucket.ts';
import { type Answer, type Call, createExchange, type Exchange, type ExchangeOptions, METHODS } from './exchange.ts';
import { refusal } from './failures.ts';

export interface TransportOptions extends Omit<ExchangeOptions, 'userAgent'>, CallLimits {
  /** Its part before a slash is the default field manager of writes [headgate]. */
  userAgent?: string;
}

export interface CallLimits {
  clock: Clock;
  /** Requests a second in the long run [100] and at once [200]. */
  qps?: number;
  burst?: number;
  /** Longest time for one call with all its retries [15 s]. */
  deadlineMs?: Millis;
}

export interface Transport {
  /** The answer's JSON. Throws OperatorError with a KUBE_ code, or the signal's reason. */
  call(call: Call): Promise<unknown>;
  /** An answer that goes on and on. Silence longer than `stallMs` breaks it with UND_ERR_BODY_TIMEOUT. */
  stream(call: Call, stallMs: Millis): Promise<Readable>;
  /** Finishes calls, cuts streams. */
  close(): Promise<void>;
}

const MAX_TRIES = 3;

/** Talks to the API server: pooled connections, one retry on 401, Retry-After, deadlines, a rate limit, metrics. */
export function createTransport(options: TransportOptions): Transport {
  return transportOver(createExchange({ ...options, userAgent: options.userAgent ?? 'headgate' }), options);
}

/** The same over any exchange: the sandbox has one in memory. */
export function transportOver(
  exchange: Exchange,
  { clock, qps = 100, burst = 200, deadlineMs = 15_000 }: CallLimits,
): Transport {
  const bucket = createTokenBucket(clock, { perSecond: qps, burst });
  return {
    async call(call) {
      if (call.urgent !== true) await bucket.take(call.signal);
      const deadline = new AbortController();
      const cancel = clock.timer(deadlineMs, () => deadline.abort());
      const signal = call.signal === undefined ? deadline.signal : AbortSignal.any([call.signal, deadline.signal]);
      try {
        const answer = await insist(call, { exchange, clock, deadlineMs, signal, stallMs: undefined });
        return parse(call, await answer.body.text());
      } catch (error) {
        if (deadline.signal.aborted && !call.signal?.aborted) throw late(call, deadlineMs);
        throw explain(call, error);
      } finally {
        cancel();
      }
    },
    async stream(call, stallMs) {
      if (call.urgent !== true) await bucket.take(call.signal);
      try {
        return (await insist(call, { exchange, clock, deadlineMs, signal: call.signal, stallMs })).body;
      } catch (error) {
        throw explain(call, error);
      }
    },
    close: () => exchange.close(),
  };
}

interface Insistence {
  exchange: Exchange;
  clock: ExchangeOptions['clock'];
  deadlineMs: Millis;
  signal: AbortSignal | undefined;
  stallMs: Millis | undefined;
}

/** The first good answer, after at most one 401, one lost connection and a few waits that the server asked for. */
async function insist(call: Call, { exchange, clock, deadlineMs, signal, stallMs }: Insistence): Promise<Answer> {
  const startedAt = clock.monotonic();
  let fresh = false;
  for (let tries = 1; ; tries += 1) {
    const answer = await exchange.send(call, { fresh, signal, stallMs }).catch((error: unknown) => {
      // A pooled connection may be closed by the other side just as we use it. Reading twice harms nobody.
      if (tries === 1 && METHODS[call.verb] === 'GET' && isReset(error)) return undefined;
      throw error;
    });
    if (answer === undefined) continue;
    if (answer.code < 300) return answer;
    const error = await refused(call, answer);
    if (answer.code === 401 && !fresh) {
      fresh = true;
      continue;
    }
    const wait = waitAsked(answer);
    const leftMs = deadlineMs - (clock.monotonic() - startedAt);
    if (wait === undefined || tries >= MAX_TRIES || wait >= leftMs) throw error;
    await sleep(clock, wait, signal);
  }
}

/** How long the server asks us to wait. It has then done nothing yet, so writes are safe to send again too. */
function waitAsked({ code, retryAfterMs }: Answer): Millis | undefined {
  return code === 429 || code === 503 ? retryAfterMs : undefined;
}

async function refused(call: Call, { code, body, retryAfterMs: wait }: Answer): Promise<OperatorError> {
  const text = await body.text();
  const testsPatch = call.testsPatch ?? false;
  return refusal({ httpCode: code, what: call.what, body: text, retryAfterMs: wait, testsPatch });
}

function parse({ what }: Call, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = `${what}: the answer is not JSON: ${text.slice(0, 200)}`;
    throw new OperatorError('KUBE_UNAVAILABLE', message, { cause });
  }
}

function late({ what }: Call, deadlineMs: Millis): OperatorError {
  return new OperatorError('KUBE_UNAVAILABLE', `${what}: no answer within ${formatDuration(deadlineMs)}`);
}

/** Lost connections and the like become KUBE_UNAVAILABLE; the caller's own abort stays what it is. */
function explain({ what, signal }: Call, error: unknown): unknown {
  if (error instanceof OperatorError || signal?.aborted) return error;
  const said = error instanceof Error ? error.message || error.name : String(error);
  return new OperatorError('KUBE_UNAVAILABLE', `${what}: ${said}`, { cause: error });
}

function isReset(error: unknown): boolean {
  return ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'].includes(errorCode(error) ?? '');
}

/** The code of a system or undici error, e.g. `ECONNRESET`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
