import { isIPv6 } from 'node:net';
import { Agent, errors, request as send } from 'undici';
import type { ProbeRequest } from '#core/probe.ts';
import { formatDuration } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import { BODY_LIMIT, type Probe, type ProbeCall, type ProbeResult } from './define.ts';
import { refusal } from './egress.ts';

/** Carries the name of the release, so that SLIs, logs and the application can tell a probe from a user. */
export const PROBE_HEADER = 'x-headgate-probe';

export interface HttpProbeDeps {
  clock: Clock;
  /** Our own version, for User-Agent. */
  version: string;
  /** Lets probes reach loopback: tests and sandbox only. */
  allowLoopback?: boolean;
}

type Answer = Omit<ProbeResult, 'latencyMs'>;

/** One HTTP/1.1 request on a connection of its own: a pod that no longer accepts connections is found out. */
export function createHttpProbe({ clock, version, allowLoopback = false }: HttpProbeDeps): Probe {
  return async (call) => {
    const begun = clock.monotonic();
    const done = (answer: Answer): ProbeResult => ({ ...answer, latencyMs: clock.monotonic() - begun });
    const refused = refusal(call.target.ip, { allowed: call.allowed, allowLoopback });
    if (refused !== undefined) return done({ ok: false, reason: refused });
    const { timeoutMs } = call.request;
    const deadline = new AbortController();
    const cancel = clock.timer(timeoutMs, () => deadline.abort());
    // The clock above is the only timeout: undici's own would measure other time than ours.
    const agent = new Agent({ connect: { timeout: 0, lookup: refuseNames }, headersTimeout: 0, bodyTimeout: 0 });
    try {
      return done(await exchange(call, { agent, version, signal: deadline.signal }));
    } catch (error) {
      const late = deadline.signal.aborted;
      return done({
        ok: false,
        reason: late ? `no whole answer within ${formatDuration(timeoutMs)}` : describe(error),
      });
    } finally {
      cancel();
      // Closes the socket too where a body was left unread.
      await agent.destroy().catch(() => undefined);
    }
  };
}

async function exchange(
  { request, target, release }: ProbeCall,
  { agent, version, signal }: { agent: Agent; version: string; signal: AbortSignal },
): Promise<Answer> {
  const host = isIPv6(target.ip) ? `[${target.ip}]` : target.ip;
  const { statusCode: status, body } = await send(`http://${host}:${request.port ?? target.port}${request.path}`, {
    dispatcher: agent,
    method: request.method,
    // Ours come last: a suite cannot take the mark off.
    headers: { ...lowerCased(request.headers), 'user-agent': `headgate-probe/${version}`, [PROBE_HEADER]: release },
    body: request.body ?? null,
    signal,
  });
  body.on('error', () => undefined); // an abort after the last read has nobody else to hear it
  if (!request.expectStatus.includes(status)) return { ok: false, status, reason: wrongStatus(request, status) };
  // Read even without an assertion on it: an answer that breaks off half-way is a broken answer.
  const text = await readStart(body);
  const { bodyContains } = request;
  if (bodyContains !== undefined && !text.includes(bodyContains)) {
    return {
      ok: false,
      status,
      reason: `status ${status}, but the first 64 KiB of the body lack ${quote(bodyContains)}`,
    };
  }
  return { ok: true, status, reason: 'ok' };
}

function lowerCased(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function wrongStatus({ expectStatus }: ProbeRequest, status: number): string {
  const redirect = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
  return `status ${status}${redirect}, expected ${expectStatus.join(' or ')}`;
}

async function readStart(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let left = BODY_LIMIT;
  for await (const chunk of body) {
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

const quote = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

function refuseNames(
  _host: string,
  _options: unknown,
  answer: (error: Error, address: string, family: number) => void,
) {
  answer(new Error('probes do not resolve names'), '', 4);
}

const causes: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection closed before the answer was whole',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  UND_ERR_INVALID_ARG: 'the request cannot be sent: method, path or a header is not valid HTTP',
  UND_ERR_HEADERS_OVERFLOW: 'the answer has too many header bytes',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the body is shorter or longer than its Content-Length',
};

/** By code, never by text: messages of the platform carry ports and change from version to version. */
function describe(error: unknown): string {
  if (error instanceof errors.HTTPParserError) return 'the answer is not HTTP';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return causes[code] ?? `request failed${code === '' ? '' : ` (${code})`}`;
}
