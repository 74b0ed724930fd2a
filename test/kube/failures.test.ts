import { describe, expect, test } from 'vitest';
import { refusal, retryAfterMs, statusOf } from '#kube/failures.ts';

const status = (message: string, more: object = {}) => JSON.stringify({ kind: 'Status', message, ...more });

test.each([
  { httpCode: 401, body: status('Unauthorized'), code: 'KUBE_UNAUTHORIZED' },
  { httpCode: 403, body: status('pods is forbidden'), code: 'KUBE_FORBIDDEN' },
  { httpCode: 404, body: '404 page not found\n', code: 'KUBE_NOT_FOUND' },
  { httpCode: 409, body: status('object has been modified', { reason: 'Conflict' }), code: 'KUBE_CONFLICT' },
  { httpCode: 409, body: status('"a" already exists', { reason: 'AlreadyExists' }), code: 'KUBE_EXISTS' },
  { httpCode: 410, body: status('too old', { reason: 'Expired' }), code: 'KUBE_EXPIRED' },
  { httpCode: 400, body: status('strict decoding error: unknown field "spec.x"'), code: 'KUBE_INVALID' },
  { httpCode: 422, body: status('a is invalid', { details: { kind: 'Rollout', name: 'a' } }), code: 'KUBE_INVALID' },
  { httpCode: 429, body: status('too many requests'), code: 'KUBE_UNAVAILABLE' },
  { httpCode: 500, body: status('etcd'), code: 'KUBE_UNAVAILABLE' },
  { httpCode: 502, body: '<html>bad gateway</html>', code: 'KUBE_UNAVAILABLE' },
  { httpCode: 504, body: '', code: 'KUBE_UNAVAILABLE' },
])('$httpCode $body is $code', ({ httpCode, body, code }) => {
  expect(refusal({ httpCode, body, what: 'get pods a' }).code).toBe(code);
});

describe('422 on a JSON patch with a test', () => {
  const failedTest = status('the server rejected our request due to an error in our request', {
    reason: 'Invalid',
    details: {},
  });

  test('a test that failed is a conflict', () => {
    expect(refusal({ httpCode: 422, body: failedTest, what: 'patch x', testsPatch: true }).code).toBe('KUBE_CONFLICT');
  });

  test('a patch without a test cannot have failed one', () => {
    expect(refusal({ httpCode: 422, body: failedTest, what: 'patch x' }).code).toBe('KUBE_INVALID');
  });

  test('an invalid result stays invalid', () => {
    // kills: every 422 of a JSON patch as a conflict, which would be retried for ever
    const body = status('HTTPRoute "a" is invalid', {
      details: { kind: 'HTTPRoute', name: 'a', causes: [{ field: 'spec' }] },
    });
    expect(refusal({ httpCode: 422, body, what: 'patch x', testsPatch: true }).code).toBe('KUBE_INVALID');
    const named = status('HTTPRoute "a" is refused', { details: { kind: 'HTTPRoute', name: 'a' } });
    expect(refusal({ httpCode: 422, body: named, what: 'patch x', testsPatch: true }).code).toBe('KUBE_INVALID');
  });
});

test('a patch for an object in whose place is another one by now is a conflict', () => {
  const message = 'Pod "a" is invalid: metadata.uid: Invalid value: "1": field is immutable';
  const causes = [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message: 'field is immutable' }];
  const body = status(message, { reason: 'Invalid', details: { kind: 'Pod', name: 'a', causes } });
  // kills: it as an invalid object, which stalls the key until the next event
  expect(refusal({ httpCode: 422, body, what: 'patch pods shop/a' }).code).toBe('KUBE_CONFLICT');
});

test("the server's words are kept, causes too, none twice", () => {
  const causes = [
    { field: 'spec.replicas', message: 'must not be negative' },
    { field: 'spec.steps', message: 'must rise' },
  ];
  const message = 'Rollout "a" is invalid: spec.replicas: must not be negative';
  const error = refusal({
    httpCode: 422,
    body: status(message, { details: { kind: 'Rollout', causes } }),
    what: 'create rollouts shop/a',
  });
  expect(error.message).toBe(`create rollouts shop/a: ${message}; spec.steps: must rise`);
  expect(statusOf(error)?.details?.causes).toEqual(causes);
});

test('the wait comes from the header, else from the Status', () => {
  const body = status('later', { details: { retryAfterSeconds: 7 } });
  expect(refusal({ httpCode: 429, body, what: 'x' }).retryAfterMs).toBe(7000);
  expect(refusal({ httpCode: 429, body, what: 'x', retryAfterMs: 2000 }).retryAfterMs).toBe(2000);
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(retryAfterMs('Thu, 01 Jan 2026 00:00:09 GMT', now)).toBe(9000);
  expect(retryAfterMs('3', now)).toBe(3000);
  expect(retryAfterMs('soon', now)).toBeUndefined();
});
