import { type ErrorCode, OperatorError } from '#lib/errors.ts';

/** The body of a refusal, `kind: Status`. */
export interface KubeStatus {
  code?: number;
  reason?: string;
  message?: string;
  details?: {
    kind?: string;
    name?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; field?: string; message?: string }[];
  };
}

/** What was refused: enough to name it in a message. */
export interface Refusal {
  httpCode: number;
  /** e.g. `patch httproutes shop/checkout` */
  what: string;
  body: string;
  retryAfterMs?: number | undefined;
  /** True when the request was a JSON patch with a `test`, which a 422 then may have failed. */
  testsPatch?: boolean;
}

const MAX_MESSAGE_CHARS = 4096;

/** HTTP status and Status body → OperatorError. The server's own words are kept: they are what users see. */
export function refusal({ httpCode, what, body, retryAfterMs, testsPatch = false }: Refusal): OperatorError {
  const status = parseStatus(body);
  const failedTest = testsPatch && isPatchFailure(httpCode, status);
  const code = failedTest || isAnotherObject(httpCode, status) ? 'KUBE_CONFLICT' : codeOf(httpCode, status);
  const said = failedTest
    ? 'the object is no longer as it was read (JSON patch test)'
    : sentence(httpCode, status, body);
  const wait = retryAfterMs ?? secondsToMs(status.details?.retryAfterSeconds);
  return new OperatorError(code, `${what}: ${said}`, {
    cause: status,
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
  });
}

/** The Status behind an error of the API server, if there was one. */
export function statusOf(error: unknown): KubeStatus | undefined {
  if (!(error instanceof OperatorError) || error.cause === null || typeof error.cause !== 'object') return undefined;
  return 'message' in error.cause && !(error.cause instanceof Error) ? (error.cause as KubeStatus) : undefined;
}

/** The code for an HTTP status, by what can help: reading again, waiting, a person, or nothing. */
export function codeOf(httpCode: number, status: KubeStatus): ErrorCode {
  switch (httpCode) {
    case 401:
      return 'KUBE_UNAUTHORIZED';
    case 403:
      return 'KUBE_FORBIDDEN';
    case 404:
      return 'KUBE_NOT_FOUND';
    case 409:
      return status.reason === 'AlreadyExists' ? 'KUBE_EXISTS' : 'KUBE_CONFLICT';
    case 410:
      return 'KUBE_EXPIRED';
    // 400 is what strict field validation answers to an unknown field: the same bytes cannot pass later.
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return 'KUBE_INVALID';
    default:
      return 'KUBE_UNAVAILABLE';
  }
}

/**
 * A JSON patch that does not apply is answered by 422 Invalid with no kind, name or causes and a message that says
 * nothing (apiserver, handlers/patch.go, applyJSPatch); a refused object names its kind and its fields.
 */
function isPatchFailure(httpCode: number, { details = {} }: KubeStatus): boolean {
  return httpCode === 422 && !details.kind && !details.name && (details.causes ?? []).length === 0;
}

/**
 * A patch that names a uid is meant for that object. Under its name is another one by now, which the API server
 * answers by 422: field is immutable (apimachinery, ValidateObjectMetaUpdate).
 */
function isAnotherObject(httpCode: number, { details = {} }: KubeStatus): boolean {
  return httpCode === 422 && (details.causes ?? []).some(({ field }) => field === 'metadata.uid');
}

/** A Status from a body. Proxies answer with HTML or nothing: then the body itself is the message. */
export function parseStatus(body: string): KubeStatus {
  try {
    const parsed: unknown = JSON.parse(body);
    if (parsed !== null && typeof parsed === 'object' && 'message' in parsed) return parsed as KubeStatus;
  } catch {
    // not JSON: falls through to the text
  }
  return { message: body.trim().slice(0, 500) };
}

function sentence(httpCode: number, { message = '', details = {} }: KubeStatus, body: string): string {
  const causes = (details.causes ?? [])
    .map(({ field, message: text }) => [field, text].filter(Boolean).join(': '))
    .filter((cause) => cause !== '' && !message.includes(cause));
  const whole = [message || body.slice(0, 500), ...causes].filter((part) => part !== '').join('; ');
  // Some refusals quote the whole object; conditions and logs want a sentence.
  return whole === '' ? `HTTP ${httpCode} without a word` : whole.slice(0, MAX_MESSAGE_CHARS);
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
}

/** `Retry-After` in seconds or as a date → milliseconds. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,6}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
