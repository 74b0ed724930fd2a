import { dig, kindId, type SandboxKind } from './kind.ts';
import { badRequest, methodNotAllowed, noSuchPath } from './refused.ts';
import type { Watch } from './watching.ts';

/** What reaches the sandbox, however it came: over HTTP or in memory. */
export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  query: URLSearchParams;
  /** Parsed; undefined without a body. */
  body: unknown;
  contentType?: string | undefined;
  accept?: string | undefined;
  userAgent?: string | undefined;
}

export type Reply = { code: number; body: object; retryAfterSeconds?: number } | { code: 200; watch: Watch };

/** What a path names. */
export interface Target {
  kind: SandboxKind;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

/** Reads `/api/v1/namespaces/a/pods/b/status` and its kin. Throws 404 on what no kind has. */
export function targetOf(path: string, kinds: ReadonlyMap<string, SandboxKind>): Target {
  const steps = path.split('/').filter(Boolean).map(decodeURIComponent);
  const [root, ...rest] = steps;
  const [group, version, ...place] = root === 'api' ? ['', ...rest] : rest;
  if (root !== 'api' && root !== 'apis') throw noSuchPath();
  const within = place[0] === 'namespaces' && place.length > 2 && !isNamespacePart(place);
  const [plural = '', name, subresource, ...beyond] = within ? place.slice(2) : place;
  const kind = kinds.get(kindId({ plural, group: group ?? '' }));
  if (kind === undefined || kind.resource.version !== version || beyond.length > 0) throw noSuchPath();
  if (within !== kind.resource.namespaced && (within || name !== undefined)) throw noSuchPath();
  return { kind, namespace: within ? place[1] : undefined, name, subresource };
}

/** `/namespaces/a/status` is a part of the namespace; `/namespaces/a/pods` are things in it. */
function isNamespacePart(place: readonly string[]): boolean {
  return place.length === 3 && (place[2] === 'status' || place[2] === 'finalize');
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'apply' | 'delete' | 'deletecollection';

export const APPLY_PATCH = 'application/apply-patch+yaml';

export function verbOf({ method, query, contentType }: Request, { name }: Target): Verb {
  const one = name !== undefined;
  switch (method) {
    case 'GET':
      if (isTrue(query, 'watch')) return 'watch';
      return one ? 'get' : 'list';
    case 'POST':
      if (one) throw methodNotAllowed();
      return 'create';
    case 'DELETE':
      return one ? 'delete' : 'deletecollection';
    default:
      if (!one) throw methodNotAllowed();
      if (method === 'PUT') return 'update';
      return contentType === APPLY_PATCH ? 'apply' : 'patch';
  }
}

export function isTrue(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  return value === 'true' || value === '1';
}

/** How a write is meant. */
export interface WriteMode {
  dryRun: boolean;
  strict: boolean;
  manager: string | null;
  force: boolean;
}

export function writeModeOf({ query, body }: Request): WriteMode {
  const dryRun = query.get('dryRun') ?? dig(body, ['dryRun', '0']);
  if (dryRun !== null && dryRun !== undefined && dryRun !== 'All')
    throw badRequest(`dryRun: Unsupported value: "${String(dryRun)}": supported values: "All"`);
  return {
    dryRun: dryRun === 'All',
    strict: query.get('fieldValidation') === 'Strict',
    manager: query.get('fieldManager'),
    force: isTrue(query, 'force'),
  };
}
