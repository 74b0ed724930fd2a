import { OperatorError } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';

/** Longest piece of a server's text that stands in a message of ours. */
const MAX_QUOTE = 300;

/** How Prometheus, Mimir and VictoriaMetrics say that a query goes over one of their limits. */
const TOO_LARGE = /too many samples|exceed(?:ed|s) the maximum number|cannot select more than|maxUniqueTimeseries/;

/**
 * What a status other than 200 means. Every redirect is refused: it could carry the credentials,
 * or the operator itself, to a host that nobody named.
 */
export function statusFailure(response: {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  now: Millis;
}): OperatorError {
  const { status, headers, text, now } = response;
  const said = quote(text);
  const retryAfterMs = readRetryAfter(headers['retry-after'], now);
  const pause = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status >= 300 && status < 400) {
    const target = hostOf(headers['location']);
    return new OperatorError('SOURCE_ANSWER', `redirects to ${target} (${status}); put the final address into url`);
  }
  // What the source itself finds too large: asked for in parts it may be answered.
  if (status === 422 && TOO_LARGE.test(text)) {
    return new OperatorError('SOURCE_TOO_LARGE', `finds the answer too large: ${said}`);
  }
  if (status === 400 || status === 422) return new OperatorError('SOURCE_QUERY', `refuses the query: ${said}`);
  if (status === 401 || status === 403) {
    return new OperatorError('SOURCE_UNREACHABLE', `refuses our credentials (${status}); check the Secret in auth`);
  }
  if (status === 408 || status === 429 || (status === 503 && retryAfterMs !== undefined)) {
    return new OperatorError('SOURCE_THROTTLED', `asks us to slow down (${status})`, pause);
  }
  if (status === 404) return new OperatorError('SOURCE_ANSWER', 'has no query API at url (404); check its path');
  if (status >= 500) return new OperatorError('SOURCE_UNREACHABLE', `answers ${status}: ${said}`, pause);
  return new OperatorError('SOURCE_ANSWER', `answers ${status}: ${said}`);
}

/** What an error means that came with status 200, as some proxies of Prometheus send it. */
export function refusal({ errorType, error }: { errorType: string; error: string }): OperatorError {
  const said = cut(`${errorType}: ${error}`);
  if (errorType === 'bad_data' || errorType === 'execution') {
    return new OperatorError('SOURCE_QUERY', `refuses the query: ${said}`);
  }
  const passing = ['timeout', 'canceled', 'internal', 'unavailable'].includes(errorType);
  return new OperatorError(passing ? 'SOURCE_UNREACHABLE' : 'SOURCE_ANSWER', `answers with an error: ${said}`);
}

/**
 * A failure below HTTP. Only the error's code is taken over: its message, its config and its request hold the
 * credentials, so they become neither text nor cause.
 */
export function connectionFailure(error: unknown, { name, url }: { name: string; url: string }): OperatorError {
  const code = error !== null && typeof error === 'object' && 'code' in error ? String(error.code) : 'closed early';
  return new OperatorError('SOURCE_UNREACHABLE', `${name}: no answer from ${new URL(url).origin} (${code})`);
}

/** `text` without any of `secrets`. */
export function redact(text: string, secrets: string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret !== '') clean = clean.replaceAll(secret, '[redacted]');
  }
  return clean;
}

/** Retry-After, in seconds or as a date (RFC 9110 10.2.3), never negative. */
function readRetryAfter(value: unknown, now: Millis): Millis | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The error of an API answer, else the beginning of its text; never markup, which says nothing. */
function quote(text: string): string {
  const said = apiError(text) ?? (text.trimStart().startsWith('<') ? 'an HTML page' : text.trim());
  return cut(said) || 'nothing';
}

function cut(said: string): string {
  return said.length > MAX_QUOTE ? `${said.slice(0, MAX_QUOTE)}…` : said;
}

function apiError(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text);
    if (body === null || typeof body !== 'object' || !('error' in body)) return undefined;
    return typeof body.error === 'string' ? body.error : undefined;
  } catch {
    return undefined;
  }
}

function hostOf(location: unknown): string {
  if (typeof location !== 'string') return 'another address';
  // Only the host: a login redirect carries tokens in its query.
  return URL.canParse(location) ? new URL(location).host : 'another path';
}
