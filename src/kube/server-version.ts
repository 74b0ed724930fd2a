import type { Transport } from './transport.ts';

/** What the API server says it is, e.g. `v1.36.1`. Throws OperatorError as every call does. */
export async function serverVersion(transport: Pick<Transport, 'call'>): Promise<string | undefined> {
  const answer = await transport.call({ verb: 'get', resource: 'version', what: 'get version', path: '/version' });
  const { gitVersion } = (answer ?? {}) as { gitVersion?: unknown };
  return typeof gitVersion === 'string' ? gitVersion : undefined;
}
