import { createHash, timingSafeEqual } from 'node:crypto';
import { HttpProblem } from './problem.ts';

/**
 * The page and everything it loads come from this server alone. There is nothing inline, so that injected text
 * can never run.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/;

/**
 * Refuses a request that names another host than loopback: a foreign page may point its own name at 127.0.0.1
 * (DNS rebinding), but the browser then still sends that name.
 */
export function checkHost(host: string | undefined): void {
  if (host !== undefined && LOOPBACK.test(host)) return;
  throw new HttpProblem({
    status: 421,
    title: 'Misdirected request',
    detail: 'This dashboard answers on loopback only: open it as http://127.0.0.1 with its port.',
  });
}

/** Demands `Authorization: Bearer <secret>`, compared in constant time. */
export function createSecretCheck(secret: string): (authorization: string | undefined) => void {
  const expected = digest(`Bearer ${secret}`);
  return (authorization) => {
    if (timingSafeEqual(digest(authorization ?? ''), expected)) return;
    throw new HttpProblem({
      status: 401,
      title: 'Unauthorized',
      detail: 'Open the address that kubectl headgate dashboard printed, with everything after the #.',
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
