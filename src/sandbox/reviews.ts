import { isRecord } from '#lib/json.ts';
import type { Reply, Request } from './request.ts';

/** Who one is and what one may: here everybody is one person who may do everything. */

export const PERSON = 'sandbox';
/** Groups that everybody is in. */
export const GROUPS: readonly string[] = ['system:authenticated'];

const ANSWERS: Record<string, (spec: unknown) => object> = {
  '/apis/authentication.k8s.io/v1/selfsubjectreviews': () => ({
    userInfo: { username: PERSON, groups: GROUPS },
  }),
  '/apis/authentication.k8s.io/v1/tokenreviews': () => ({ authenticated: true, user: { username: PERSON } }),
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': () => ({ allowed: true, reason: 'the sandbox allows all' }),
  '/apis/authorization.k8s.io/v1/subjectaccessreviews': () => ({ allowed: true, reason: 'the sandbox allows all' }),
};

/** The answer to a review, or undefined where the request is none. */
export function review({ method, path, body }: Request): Reply | undefined {
  const answer = ANSWERS[path];
  if (answer === undefined || method !== 'POST') return undefined;
  const asked = isRecord(body) ? body : {};
  return { code: 201, body: { metadata: {}, ...asked, status: answer(asked['spec']) } };
}
