/** What the work queue does next. The thrower knows; the catcher must not guess it from a message. */
export type Disposition = 'retry' | 'wait' | 'stall';

/** Every error the operator can raise. docs/errors.md is checked against this list by a test. */
export const dispositions = {
  KUBE_CONFLICT: 'retry', // someone wrote first: read again; never shown to users
  KUBE_NOT_FOUND: 'retry', // the object went away between the look and the write
  KUBE_EXISTS: 'retry', // the object came between the look and the write
  KUBE_UNAVAILABLE: 'retry', // connection lost, 5xx, timeout, 429 after its Retry-After
  KUBE_EXPIRED: 'retry', // 410: the resource version is too old, list again
  KUBE_UNAUTHORIZED: 'wait', // our token is refused even after it was read again
  KUBE_FORBIDDEN: 'wait', // a right is missing: a person must grant it
  KUBE_INVALID: 'stall', // the API server refuses the object: trying again cannot help
  SOURCE_UNREACHABLE: 'wait', // connection, timeout, 5xx: the gate is in Error until the source answers
  SOURCE_THROTTLED: 'wait', // 429 or 503 with Retry-After
  SOURCE_QUERY: 'stall', // the source refuses the query (422, 400): only a person can mend it
  SOURCE_ANSWER: 'wait', // not what the API promises: HTML, truncated, partial, wrong type
  SOURCE_TOO_LARGE: 'wait', // more bytes or series than the source's limits allow
} as const satisfies Record<string, Disposition>;

export type ErrorCode = keyof typeof dispositions;

/** An expected failure of the world outside. `code` alone fixes what happens next. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly code: ErrorCode;
  /** Milliseconds the other side asked us to wait (Retry-After), when it did. */
  readonly retryAfterMs: number | undefined;
  /** Most milliseconds until the next try, however often it has failed: for what must not wait. */
  readonly retryWithinMs: number | undefined;
  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; retryAfterMs?: number | undefined; retryWithinMs?: number },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
    this.retryWithinMs = options?.retryWithinMs;
  }
  get disposition(): Disposition {
    return dispositions[this.code];
  }
}

/** True when `error` is an OperatorError with one of the codes. */
export function hasCode(error: unknown, ...codes: ErrorCode[]): error is OperatorError {
  return error instanceof OperatorError && codes.includes(error.code);
}
