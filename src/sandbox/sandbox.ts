import { POD } from '#kube/resources.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Random } from '#ports/random.ts';
import { bind } from './binding.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { apply, create, patch, remove, update } from './changes.ts';
import { discover } from './discovery.ts';
import { kindId, type SandboxKind } from './kind.ts';
import { ownKinds } from './own-kinds.ts';
import { createPages, type Pages, read, selection, watch } from './reading.ts';
import { methodNotAllowed, noSuchPath, notFound, Refused } from './refused.ts';
import { type Reply, type Request, type Target, targetOf, verbOf } from './request.ts';
import { PERSON, review } from './reviews.ts';
import { scale } from './scaling.ts';
import { createStore, type Store } from './store.ts';
import { tableLine, tableOf, wantsTable } from './tables.ts';
import type { WriteDeps } from './writing.ts';

/**
 * A small Kubernetes API server in the process: what Headgate, its CLI and kubectl ask for, and no more
 * (docs/sandbox.md lists the rest). It answers at once and never waits, so with a given clock and randomness every
 * run is the same.
 */
export interface Sandbox {
  /** The answer to any request. Refusals are answers too; this never throws. */
  handle(request: Request): Reply;
  readonly store: Store;
  readonly kinds: readonly SandboxKind[];
  readonly clock: Clock;
  readonly random: Random;
}

export interface SandboxOptions {
  clock: Clock;
  random: Random;
  /** Changes kept for watches that begin in the past [10,000]. */
  historyMax?: number;
  /** Who is taken for the author of an action that names them [one person alone]. Nobody logs in here. */
  people?: readonly string[];
}

export function createSandbox({ clock, random, historyMax, people = [PERSON] }: SandboxOptions): Sandbox {
  const store = createStore(historyMax === undefined ? {} : { historyMax });
  const kinds = [...builtInKinds(), ...ownKinds()];
  let addresses = 0;
  const nextAddress = () => {
    addresses += 1;
    return `10.96.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
  };
  const deps: WriteDeps = { store, clock, random, filling: { nextAddress }, people };
  const server: Server = {
    deps,
    pages: createPages(store),
    byId: new Map(kinds.map((kind) => [kindId(kind.resource), kind])),
    kinds,
  };
  const sandbox: Sandbox = { handle: (request) => handle(server, request), store, kinds, clock, random };
  for (const name of ['default', 'kube-system']) {
    const body = { metadata: { name } };
    const query = new URLSearchParams();
    sandbox.handle({ method: 'POST', path: '/api/v1/namespaces', query, body, userAgent: 'kube-apiserver' });
  }
  return sandbox;
}

interface Server {
  deps: WriteDeps;
  pages: Pages;
  byId: ReadonlyMap<string, SandboxKind>;
  kinds: readonly SandboxKind[];
}

function handle(server: Server, request: Request): Reply {
  try {
    const about = request.method === 'GET' ? discover(request.path, server.kinds) : undefined;
    if (about !== undefined) return { code: 200, body: about };
    const reviewed = review(request);
    if (reviewed !== undefined) return reviewed;
    const bound = bind(server.deps, server.byId.get(kindId(POD)), request);
    if (bound !== undefined) return bound;
    return answer(server, targetOf(request.path, server.byId), request);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { code: error.body.code, body: error.body };
  }
}

function answer(server: Server, target: Target, request: Request): Reply {
  const { deps } = server;
  const { kind, subresource } = target;
  if (subresource === 'scale' && kind.scale !== undefined) return scale(deps, target, request);
  if (subresource !== undefined && !(subresource === 'status' && kind.hasStatus)) throw noPart(target);
  switch (verbOf(request, target)) {
    case 'get':
      return shown(server, target, request, { code: 200, body: read(deps.store, target) });
    case 'list':
      return listed(server, target, request);
    case 'watch':
      return watched(server, target, request);
    case 'create':
      return create(deps, target, request);
    case 'update':
      return update(deps, target, request);
    case 'patch':
      return patch(deps, target, request);
    case 'apply':
      return apply(deps, target, request);
    case 'delete':
      if (subresource !== undefined) throw methodNotAllowed();
      return remove(deps, target, request);
    case 'deletecollection':
      return removeAll(server, target, request);
  }
}

/** A part that a custom resource lacks is answered as if the object were not there. */
function noPart({ kind: { resource, schema }, name = '' }: Target): Refused {
  return schema === undefined ? noSuchPath() : notFound(resource, name);
}

function shown(
  { deps: { clock } }: Server,
  { kind }: Target,
  request: Request,
  reply: { code: number; body: KubeObject },
): Reply {
  if (!wantsTable(request.accept)) return reply;
  const { resourceVersion } = reply.body.metadata;
  return { code: 200, body: tableOf({ kind, clock }, [reply.body], { resourceVersion }) };
}

function listed({ deps: { clock }, pages }: Server, target: Target, request: Request): Reply {
  const list = pages.list(target, request.query);
  if (!wantsTable(request.accept)) return { code: 200, body: list };
  return { code: 200, body: tableOf({ kind: target.kind, clock }, list.items, list.metadata) };
}

function watched({ deps }: Server, target: Target, request: Request): Reply {
  const lines = watch(deps, target, request);
  if (!wantsTable(request.accept)) return { code: 200, watch: lines };
  const at = { kind: target.kind, clock: deps.clock };
  return {
    code: 200,
    watch: (sink) => lines({ line: (line) => sink.line(tableLine(at, line)), end: () => sink.end() }),
  };
}

function removeAll({ deps, pages }: Server, target: Target, request: Request): Reply {
  const matches = selection(target, request.query);
  const list = pages.list(target, new URLSearchParams());
  for (const object of list.items.filter(matches)) {
    const { name, namespace } = object.metadata;
    remove(deps, { ...target, name, namespace }, request);
  }
  return { code: 200, body: { ...list, items: list.items.filter(matches) } };
}
