import type { Resource } from '#ports/kube-api.ts';

/** What the API server says when it does not do what it was asked, as it says it. */

export interface Cause {
  reason: string;
  message: string;
  field?: string;
}

export interface StatusBody {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, unknown>;
  status: 'Failure' | 'Success';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: Cause[];
    retryAfterSeconds?: number;
  };
  code: number;
}

/** A request that is refused; `body` is the whole answer. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly body: StatusBody;
  constructor(body: Pick<StatusBody, 'code' | 'reason' | 'message' | 'details'> & { metadata?: object }) {
    super(body.message);
    const { metadata, ...rest } = body;
    this.body = { kind: 'Status', apiVersion: 'v1', metadata: { ...metadata }, status: 'Failure', ...rest };
  }
}

/** `rollouts.headgate.dev`, or `pods` for the core group. */
export function qualified({ plural, group }: Resource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function detailsOf(resource: Resource, name: string, kind = resource.plural): NonNullable<StatusBody['details']> {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind };
}

export function notFound(resource: Resource, name: string): Refused {
  const message = `${qualified(resource)} "${name}" not found`;
  return new Refused({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) });
}

/** What is asked for is no address of the API at all. */
export function noSuchPath(): Refused {
  const message = 'the server could not find the requested resource';
  return new Refused({ code: 404, reason: 'NotFound', message, details: {} });
}

export function exists(resource: Resource, name: string): Refused {
  const message = `${qualified(resource)} "${name}" already exists`;
  return new Refused({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) });
}

const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again';

export function conflict(resource: Resource, name: string, because = MODIFIED): Refused {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${because}`;
  return new Refused({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
}

export function forbidden(resource: Resource, name: string, because: string): Refused {
  const message = `${qualified(resource)} "${name}" is forbidden: ${because}`;
  return new Refused({ code: 403, reason: 'Forbidden', message, details: detailsOf(resource, name) });
}

export function badRequest(message: string): Refused {
  return new Refused({ code: 400, reason: 'BadRequest', message });
}

export function expired(message: string, metadata: object = {}): Refused {
  return new Refused({ code: 410, reason: 'Expired', message, metadata });
}

export function methodNotAllowed(): Refused {
  const message = 'the server does not allow this method on the requested resource';
  return new Refused({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

export function unsupportedMedia(accepted: readonly string[]): Refused {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new Refused({ code: 415, reason: 'UnsupportedMediaType', message, details: {} });
}

/** A JSON patch that cannot be applied. The real server does not say which operation failed, so neither do we. */
export function patchFailed(): Refused {
  const message = 'the server rejected our request due to an error in our request';
  return new Refused({ code: 422, reason: 'Invalid', message, details: {} });
}

/** One thing that is wrong with an object. `reason` is the machine's word, `text` what stands behind the field. */
export interface FieldError {
  field: string;
  reason: 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueNotSupported' | 'FieldValueDuplicate' | FieldLimit;
  text: string;
}
type FieldLimit = 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'FieldValueForbidden';

/** Kind and group of what is wrong; `PatchOptions` and the like are kinds too. */
export function invalid(
  { kind, group }: { kind: string; group: string },
  name: string,
  errors: readonly FieldError[],
): Refused {
  const said = errors.map(({ field, text }) => `${field}: ${text}`);
  const sentence = said.length === 1 ? said[0] : `[${said.join(', ')}]`;
  const of = group === '' ? kind : `${kind}.${group}`;
  const causes = errors.map(({ field, reason, text }) => ({ reason, message: text, field }));
  return new Refused({
    code: 422,
    reason: 'Invalid',
    message: `${of} "${name}" is invalid: ${sentence}`,
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      ...(kind === '' ? {} : { kind }),
      causes,
    },
  });
}
