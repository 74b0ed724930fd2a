import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { apiVersionOf, kindId, type SandboxKind } from './kind.ts';
import { badRequest, expired, invalid, notFound } from './refused.ts';
import { isTrue, type Request, type Target } from './request.ts';
import { type Matches, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { keyOf, type Store } from './store.ts';
import { createWatch, type Watch } from './watching.ts';

/** GET in its three forms. */

export interface List {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

export function read(store: Store, { kind, namespace, name = '' }: Target): KubeObject {
  const found = store.get(kindId(kind.resource), keyOf({ metadata: { name, ...scope(namespace) } }));
  if (found === undefined) throw notFound(kind.resource, name);
  return found;
}

export function scope(namespace: string | undefined): { namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

/** What a request asks for of a kind. */
export function selection({ kind, namespace, name }: Target, query: URLSearchParams): Matches {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '', kind.selectable);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    labels(object) &&
    fields(object);
}

/** Pages of a list show one moment: the rest of it waits here for whoever asks with its token. */
export interface Pages {
  list(target: Target, query: URLSearchParams): List;
}

/** So many lists wait at most, and so many pages are read from one token. */
const WAITING_MAX = 64;

export function createPages(store: Store): Pages {
  const waiting = new Map<string, Moment>();
  let tokens = 0;
  const moment = (target: Target, query: URLSearchParams): Moment => {
    const token = query.get('continue') ?? '';
    if (token === '')
      return {
        version: store.version,
        items: store.list(kindId(target.kind.resource)).filter(selection(target, query)),
      };
    if (!Buffer.from(token, 'base64url').toString().startsWith('v1/')) throw badRequest('continue key is not valid');
    const left = waiting.get(token);
    if (left === undefined || left.version < store.compacted) throw tooOld();
    return left;
  };
  return {
    list(target, query) {
      const limit = Number(query.get('limit') ?? 0);
      const { version, items } = moment(target, query);
      const page = limit > 0 ? items.slice(0, limit) : items;
      const rest = items.slice(page.length);
      const metadata = { resourceVersion: String(version) };
      if (rest.length === 0) return listOf(target.kind, metadata, page);
      tokens += 1;
      const next = Buffer.from(`v1/${version}/${tokens}`).toString('base64url');
      waiting.set(next, { items: rest, version });
      if (waiting.size > WAITING_MAX) waiting.delete(waiting.keys().next().value ?? '');
      return listOf(target.kind, { ...metadata, continue: next, ...remaining(query, rest) }, page);
    },
  };
}

/** What of a list has yet to be read, as it was at one version. */
interface Moment {
  version: number;
  items: KubeObject[];
}

/** The server does not count what a selector would still leave out. */
function remaining(query: URLSearchParams, rest: readonly unknown[]): { remainingItemCount?: number } {
  const selects = query.get('labelSelector') || query.get('fieldSelector');
  return selects ? {} : { remainingItemCount: rest.length };
}

function listOf({ resource }: SandboxKind, metadata: List['metadata'], items: KubeObject[]): List {
  // Items of a list carry neither kind nor apiVersion on the built-in API; custom resources do, and it harms nobody.
  return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items };
}

function tooOld() {
  return expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
  );
}

export function watch({ store, clock }: { store: Store; clock: Clock }, target: Target, { query }: Request): Watch {
  const streams = isTrue(query, 'sendInitialEvents');
  const given = query.get('resourceVersion') ?? '';
  if (streams && query.get('resourceVersionMatch') !== 'NotOlderThan') throw badMatch();
  if (!/^\d*$/.test(given)) throw badRequest(`resourceVersion: Invalid value: "${given}": strconv.ParseUint`);
  return createWatch(
    { store, clock },
    {
      kind: target.kind,
      matches: selection(target, query),
      after: streams || given === '' || given === '0' ? undefined : Number(given),
      marksInitialEnd: streams,
      bookmarks: isTrue(query, 'allowWatchBookmarks'),
      timeoutSeconds: Number(query.get('timeoutSeconds') ?? 0),
    },
  );
}

function badMatch() {
  const text = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
  return invalid({ kind: 'ListOptions', group: 'meta.k8s.io' }, '', [
    { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', text },
  ]);
}
