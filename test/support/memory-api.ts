import { createKubeApi } from '#kube/api.ts';
import { transportOver } from '#kube/transport.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { memoryExchange } from '#sandbox/memory-exchange.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import { createVirtualClock, seededRandom } from './virtual-clock.ts';

export interface MemoryApi extends KubeApi {
  /** What is there, by `plural/namespace/name`. */
  objects(): Map<string, KubeObject>;
  /** Forgets every object but namespaces, without a word to anybody. */
  clear(): void;
  /** Runs before each call; may wait or throw. */
  before: (call: string) => Promise<void> | void;
  /** Runs after the call took effect and before its answer. */
  after: (call: string) => Promise<void> | void;
}

/** The sandbox as a KubeApi, in whose calls a test can put a word. Namespaces are there as soon as they are named. */
export function createMemoryApi(): MemoryApi {
  // Its own clock stands still: tests that hand theirs to the code under test count its timers.
  const clock = createVirtualClock();
  const sandbox = createSandbox({ clock, random: seededRandom(1) });
  const inner = createKubeApi(transportOver(memoryExchange(sandbox), { clock, burst: 1e9 }));
  const kept = sandbox.kinds.filter(({ resource }) => resource.kind !== 'Namespace');
  const idOf = ({ plural, group }: { plural: string; group: string }) => `${plural}.${group}`;
  const wrap = async <T>(call: string, effect: () => Promise<T>): Promise<T> => {
    await api.before(call);
    const answer = await effect();
    await api.after(call);
    return answer;
  };
  const ensure = (name: string | undefined) => {
    if (name === undefined || sandbox.store.get('namespaces.', name) !== undefined) return;
    const body = { metadata: { name } };
    sandbox.handle({ method: 'POST', path: '/api/v1/namespaces', query: new URLSearchParams(), body });
  };
  const api: MemoryApi = {
    objects: () =>
      new Map(
        kept.flatMap(({ resource }) =>
          sandbox.store
            .list(idOf(resource))
            .map((object) => [`${resource.plural}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object]),
        ),
      ),
    clear() {
      for (const { resource } of kept)
        for (const { metadata } of sandbox.store.list(idOf(resource)))
          sandbox.store.remove(idOf(resource), [metadata.namespace, metadata.name].filter(Boolean).join('/'));
    },
    before: () => undefined,
    after: () => undefined,
    get: (ref, options) => wrap('get', () => inner.get(ref, options)),
    list: (resource, namespace, options) => wrap('list', () => inner.list(resource, namespace, options)),
    create: (resource, object, options) =>
      wrap('create', () => {
        ensure(object.metadata.namespace);
        return inner.create(resource, object, options);
      }),
    replace: (resource, object, options) => wrap('replace', () => inner.replace(resource, object, options)),
    apply: (resource, object, options) => wrap('apply', () => inner.apply(resource, object, options)),
    jsonPatch: (ref, patch, options) => wrap('jsonPatch', () => inner.jsonPatch(ref, patch, options)),
    mergePatch: (ref, patch, options) => wrap('mergePatch', () => inner.mergePatch(ref, patch, options)),
    delete: (ref, options) => wrap('delete', () => inner.delete(ref, options)),
  };
  return api;
}
