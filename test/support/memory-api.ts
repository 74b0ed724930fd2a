import { OperatorError } from '#lib/errors.ts';
import type { KubeApi, KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';

export interface MemoryApi extends KubeApi {
  objects: Map<string, KubeObject>;
  /** Runs before each call; may wait or throw. */
  before: (call: string) => Promise<void> | void;
  /** Runs after the call took effect and before its answer. */
  after: (call: string) => Promise<void> | void;
}

/** A few kinds in memory with opaque resource versions and conflicts: enough for Leases and Events. */
export function createMemoryApi(): MemoryApi {
  let version = 0;
  const objects = new Map<string, KubeObject>();
  const keyOf = (resource: Resource, { namespace = '', name }: { namespace?: string; name: string }) =>
    `${resource.plural}/${namespace}/${name}`;
  const store = (key: string, object: KubeObject): KubeObject => {
    version += 1;
    const stored = structuredClone({ ...object, metadata: { ...object.metadata, resourceVersion: `v${version}` } });
    objects.set(key, stored);
    return structuredClone(stored);
  };
  const find = (ref: ObjectRef): KubeObject => {
    const found = objects.get(keyOf(ref.resource, ref));
    if (found === undefined) throw new OperatorError('KUBE_NOT_FOUND', `${ref.resource.plural} ${ref.name} not found`);
    return structuredClone(found);
  };
  const wrap = async <T>(call: string, effect: () => T): Promise<T> => {
    await api.before(call);
    const answer = effect();
    await api.after(call);
    return answer;
  };
  const unused = () => Promise.reject(new Error('not part of the memory API'));
  const api: MemoryApi = {
    objects,
    before: () => undefined,
    after: () => undefined,
    get: (ref) => wrap('get', () => find(ref)),
    create: (resource, object) =>
      wrap('create', () => {
        const key = keyOf(resource, object.metadata);
        if (objects.has(key)) throw new OperatorError('KUBE_EXISTS', `${key} exists`);
        return store(key, object);
      }),
    replace: (resource, object) =>
      wrap('replace', () => {
        const key = keyOf(resource, object.metadata);
        const current = objects.get(key);
        if (current === undefined) throw new OperatorError('KUBE_NOT_FOUND', `${key} not found`);
        if (current.metadata.resourceVersion !== object.metadata.resourceVersion) {
          throw new OperatorError('KUBE_CONFLICT', `${key} was modified`);
        }
        return store(key, object);
      }),
    mergePatch: (ref, patch) =>
      wrap('mergePatch', () => store(keyOf(ref.resource, ref), { ...find(ref), ...(patch as object) })),
    list: unused,
    apply: unused,
    jsonPatch: unused,
    delete: unused,
  };
  return api;
}
