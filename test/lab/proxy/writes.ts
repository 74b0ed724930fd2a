/** Pure: which requests count as writes of a client. */

/** Objects whose writes say nothing about a release: elections, events and questions about rights. */
const uncounted = new Set([
  'leases',
  'events',
  'tokenreviews',
  'subjectaccessreviews',
  'localsubjectaccessreviews',
  'selfsubjectaccessreviews',
  'selfsubjectrulesreviews',
  'selfsubjectreviews',
]);

const mutating = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** A mutating request that counts: no Lease, Event or review, no dry run, no token request. */
export function isWrite(method: string, url: string): boolean {
  const { pathname, searchParams } = new URL(url, 'http://api');
  if (!mutating.has(method) || searchParams.has('dryRun')) return false;
  return !uncounted.has(pluralOf(pathname));
}

/** Field manager as the API server records it: what the request names. */
export function fieldManagerOf(url: string): string | undefined {
  return new URL(url, 'http://api').searchParams.get('fieldManager') ?? undefined;
}

/** `/apis/apps/v1/namespaces/shop/replicasets/a` → `replicasets`; `/api/v1/namespaces/shop` → `namespaces`. */
export function pluralOf(pathname: string): string {
  const parts = pathname.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const namespaced = rest[0] === 'namespaces' && rest.length > 2;
  return (namespaced ? rest[2] : rest[0]) ?? '';
}
