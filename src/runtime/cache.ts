import { assert } from '#lib/assert.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Change } from './list-watch.ts';
import { createWriteGuard, type WriteGuard } from './write-guard.ts';

export interface Address {
  namespace?: string | undefined;
  name: string;
}

/** Told after the store has changed. `old` is undefined on add, `object` is the last known state on delete. */
export interface Handlers {
  add?: (object: KubeObject) => void;
  update?: (object: KubeObject, old: KubeObject) => void;
  delete?: (object: KubeObject) => void;
}

/** Which index keys an object stands under. */
export type IndexFunction = (object: KubeObject) => readonly string[];

/** The last known objects of one kind. Objects are shared: whoever changes one copies it first. */
export interface Store {
  readonly resource: Resource;
  readonly size: number;
  /** True while it is empty because the kind may not be read: then nobody knows what there is. */
  readonly forbidden?: boolean;
  get(address: Address): KubeObject | undefined;
  /** All, or those of one namespace. */
  list(namespace?: string): KubeObject[];
  /** Built in: `owner` (uid of each owner). Throws on an index that was not declared. */
  byIndex(index: string, key: string): KubeObject[];
  /** The returned function ends it. What exists already is not told. */
  watch(handlers: Handlers): () => void;
  /** Remembers a write of ours, from the API server's answer to it. */
  noteWrite(written: KubeObject): void;
  /** Remembers that a write of ours was refused as a conflict, by the object that it was made from. */
  noteConflict(judged: KubeObject): void;
  /** False while the store has yet to show our own last write of the object. */
  fresh(address: Address): boolean;
  /** Where the reflector puts its changes. */
  apply(change: Change): void;
}

export interface StoreOptions {
  resource: Resource;
  clock: Clock;
  log: Log;
  indexes?: Record<string, IndexFunction>;
  /** Deep-freezes every object, so that whoever changes a shared one is caught: on in tests and development. */
  freeze?: boolean;
  /** A write that never shows counts as seen after this long [10 s]: better stale than stuck. */
  staleMs?: Millis;
  /** A write has not shown for half of that, or was refused for as long: the watch is not to be trusted. */
  onMissed?: () => void;
}

export const ownerIndex: IndexFunction = ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid);

/** For the failure of a write that was made from `judged`: the store learns of a conflict, and the failure goes on. */
export function conflictOn(store: Store, judged: KubeObject): (error: unknown) => never {
  return (error) => {
    if (hasCode(error, 'KUBE_CONFLICT')) store.noteConflict(judged);
    throw error;
  };
}

/** `namespace/name`, or `name` for cluster-scoped kinds. */
export function keyOf({ namespace, name }: Address): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The reverse of `keyOf`. */
export function addressFromKey(key: string): Address {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function createStore(options: StoreOptions): Store {
  const { resource } = options;
  const writes = createWriteGuard(options);
  const table = new Table(options, writes);
  let staged: Map<string, KubeObject> | undefined;
  let forbidden = false;

  return {
    resource,
    get size() {
      return table.objects.size;
    },
    get forbidden() {
      return forbidden;
    },
    get: (address) => table.objects.get(keyOf(address)),
    list: (namespace) => table.list(namespace),
    byIndex: (name, key) => table.byIndex(name, key),
    watch(handler) {
      table.handlers.add(handler);
      return () => table.handlers.delete(handler);
    },
    noteWrite(written) {
      const key = keyOf(written.metadata);
      writes.note(key, { cached: table.objects.get(key), written });
    },
    noteConflict(judged) {
      const key = keyOf(judged.metadata);
      const cached = table.objects.get(key);
      // Who has moved on since needs no conflict to learn it.
      if (cached?.metadata.resourceVersion === judged.metadata.resourceVersion && cached !== undefined)
        writes.refused(key, cached);
    },
    fresh: (address) => writes.fresh(keyOf(address)),
    apply(change) {
      switch (change.kind) {
        case 'begin':
          staged = new Map();
          return writes.relisting();
        case 'stage':
          staged?.set(keyOf(change.object.metadata), change.object);
          return;
        case 'commit':
          forbidden = change.forbidden === true;
          table.replaceAll(staged ?? new Map());
          staged = undefined;
          return writes.relisted();
        case 'put':
          return table.put(keyOf(change.object.metadata), change.object);
        case 'remove': {
          const key = keyOf(change.object.metadata);
          // While a list is still streaming in, a deletion concerns what is staged.
          if (staged?.delete(key) === true) return;
          writes.saw(key, change.object, true);
          return table.remove(key, change.object);
        }
      }
    },
  };
}

/** Objects, their indexes and who wants to hear of changes. */
class Table {
  readonly objects = new Map<string, KubeObject>();
  readonly handlers = new Set<Handlers>();
  readonly #options: StoreOptions;
  readonly #writes: WriteGuard;
  readonly #byNamespace = new Index(({ metadata }) => [metadata.namespace ?? '']);
  readonly #indexes: Map<string, Index>;

  constructor(options: StoreOptions, writes: WriteGuard) {
    this.#options = options;
    this.#writes = writes;
    const declared = Object.entries({ owner: ownerIndex, ...options.indexes });
    this.#indexes = new Map(declared.map(([name, keysOf]) => [name, new Index(keysOf)]));
  }

  list(namespace: string | undefined): KubeObject[] {
    return namespace === undefined ? [...this.objects.values()] : this.#pick(this.#byNamespace.keys(namespace));
  }

  byIndex(name: string, key: string): KubeObject[] {
    const index = this.#indexes.get(name);
    assert(index !== undefined, `the store of ${this.#options.resource.plural} has an index "${name}"`);
    return this.#pick(index.keys(key));
  }

  put(key: string, object: KubeObject): void {
    const before = this.objects.get(key);
    // Same name, other object: whoever waits for the end of the first must hear of it.
    if (before !== undefined && before.metadata.uid !== object.metadata.uid) this.remove(key);
    const old = this.objects.get(key);
    this.#writes.saw(key, object);
    if (old !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    const kept = this.#options.freeze === true ? deepFreeze(object) : object;
    this.objects.set(key, kept);
    for (const index of this.#all()) index.replace(key, { old, object: kept });
    this.#tell((handler) => (old === undefined ? handler.add?.(kept) : handler.update?.(kept, old)));
  }

  remove(key: string, last?: KubeObject): void {
    const old = this.objects.get(key);
    if (old === undefined) return;
    this.objects.delete(key);
    for (const index of this.#all()) index.remove(key, old);
    this.#tell((handler) => handler.delete?.(last ?? old));
  }

  /** What is not in `next` is gone; the rest is put. */
  replaceAll(next: ReadonlyMap<string, KubeObject>): void {
    for (const key of [...this.objects.keys()]) if (!next.has(key)) this.remove(key);
    for (const [key, object] of next) this.put(key, object);
  }

  #all(): Index[] {
    return [this.#byNamespace, ...this.#indexes.values()];
  }

  #pick(keys: Iterable<string>): KubeObject[] {
    return [...keys].flatMap((key) => this.objects.get(key) ?? []);
  }

  #tell(call: (handler: Handlers) => void): void {
    for (const handler of this.handlers) {
      try {
        call(handler);
      } catch (error) {
        this.#options.log.error('a watcher of the store failed', { resource: this.#options.resource.plural, error });
      }
    }
  }
}

/** Keys of objects by an index key. */
class Index {
  readonly #keysOf: IndexFunction;
  readonly #entries = new Map<string, Set<string>>();
  constructor(keysOf: IndexFunction) {
    this.#keysOf = keysOf;
  }
  keys(indexKey: string): Iterable<string> {
    return this.#entries.get(indexKey) ?? [];
  }
  remove(key: string, object: KubeObject): void {
    for (const indexKey of this.#keysOf(object)) {
      const entry = this.#entries.get(indexKey);
      entry?.delete(key);
      if (entry?.size === 0) this.#entries.delete(indexKey);
    }
  }
  replace(key: string, { old, object }: { old: KubeObject | undefined; object: KubeObject }): void {
    if (old !== undefined) this.remove(key, old);
    for (const indexKey of this.#keysOf(object)) {
      const entry = this.#entries.get(indexKey) ?? new Set();
      this.#entries.set(indexKey, entry.add(key));
    }
  }
}

function deepFreeze<T>(value: T): T {
  if (value === null || typeof value !== 'object' || Object.isFrozen(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
