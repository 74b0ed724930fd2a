import { pathOf } from '#kube/resources.ts';
import type { KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';
import { MERGE_PATCH } from './changes.ts';
import { kindId } from './kind.ts';
import type { Reply, Request } from './request.ts';
import type { Sandbox } from './sandbox.ts';
import type { Change } from './store.ts';

/** How the controllers of the sandbox read and write: at once, past the faults that others meet. */
export interface Actor {
  list(resource: Resource, namespace?: string): KubeObject[];
  get(ref: ObjectRef): KubeObject | undefined;
  create(resource: Resource, object: Newborn): Reply;
  merge(ref: ObjectRef, patch: object, subresource?: 'status'): Reply;
  remove(ref: ObjectRef, options?: object): Reply;
}

export function createActor({ handle, store }: Pick<Sandbox, 'handle' | 'store'>, userAgent: string): Actor {
  const ask = (method: Request['method'], path: string, body: unknown, contentType = 'application/json') =>
    handle({ method, path, query: new URLSearchParams(), body: structuredClone(body), contentType, userAgent });
  const placeOf = ({ resource, namespace, name }: ObjectRef, subresource?: string) =>
    pathOf(resource, { namespace, name, subresource });
  return {
    list: (resource, namespace) =>
      store
        .list(kindId(resource))
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace),
    get: ({ resource, namespace, name }) =>
      store.get(kindId(resource), namespace === undefined ? name : `${namespace}/${name}`),
    create: (resource, object) => ask('POST', pathOf(resource, { namespace: object.metadata.namespace }), object),
    merge: (ref, patch, subresource) => ask('PATCH', placeOf(ref, subresource), patch, MERGE_PATCH),
    remove: (ref, options) => ask('DELETE', placeOf(ref), options),
  };
}

export function refOf(resource: Resource, { metadata: { namespace, name } }: Pick<KubeObject, 'metadata'>): ObjectRef {
  return namespace === undefined ? { resource, name } : { resource, namespace, name };
}

/** An object to be made; kind and apiVersion follow from the resource. */
export interface Newborn {
  metadata: { namespace?: string; [member: string]: unknown };
  [member: string]: unknown;
}

export interface SweepOptions {
  sandbox: Sandbox;
  /** How long after a change the controller looks. */
  delayMs: number;
  /** Whether a change is worth a look. */
  concerns(change: Change): boolean;
  /** Brings everything where it should be. Says when to look again if nothing changes before. */
  sweep(): number | undefined;
}

/** A controller: it looks at the whole world some time after something changed, and never twice at once. */
export function runController({ sandbox: { store, clock }, delayMs, concerns, sweep }: SweepOptions): () => void {
  let cancel: (() => void) | undefined;
  let dueAt = Number.POSITIVE_INFINITY;
  const look = () => {
    cancel = undefined;
    dueAt = Number.POSITIVE_INFINITY;
    const againMs = sweep();
    if (againMs !== undefined) due(againMs);
  };
  const due = (inMs: number) => {
    const at = clock.monotonic() + inMs;
    if (at >= dueAt) return;
    cancel?.();
    dueAt = at;
    cancel = clock.timer(inMs, look);
  };
  const leave = store.subscribe((change) => concerns(change) && due(delayMs));
  due(delayMs);
  return () => {
    leave();
    cancel?.();
  };
}
