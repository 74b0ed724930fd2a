import { assert } from '#lib/assert.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/** All objects, one counter of versions, and the changes that watches are made of. Objects in it never change. */

export interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** As `kindId` names it. */
  kind: string;
  /** On DELETED: the last state, with the version of the deletion. */
  object: KubeObject;
  previous: KubeObject | undefined;
}

export interface Store {
  /** The newest version. */
  readonly version: number;
  get(kind: string, key: string): KubeObject | undefined;
  /** In the order of their keys, as etcd has them. */
  list(kind: string): KubeObject[];
  /** Stores an object that is new or changed, and gives it its version. */
  put(kind: string, object: KubeObject): KubeObject;
  remove(kind: string, key: string): KubeObject;
  /** Changes after `version`, oldest first; undefined when they are forgotten already. */
  since(version: number): Change[] | undefined;
  /** Called after each change, in the order of versions. */
  subscribe(listener: (change: Change) => void): () => void;
  /** Forgets the changes so far, as etcd does every five minutes: watches and lists from before are then too old. */
  compact(): void;
  /** Versions up to here are forgotten. */
  readonly compacted: number;
}

/** So many changes are kept for watches that begin in the past. */
const HISTORY_MAX = 10_000;

const FIRST_VERSION = 100;

export function keyOf({ metadata: { namespace, name } }: Pick<KubeObject, 'metadata'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function createStore({ historyMax = HISTORY_MAX }: { historyMax?: number } = {}): Store {
  const kinds = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  // A cluster has a past that nobody remembers: versions before the first are too old.
  let version = FIRST_VERSION;
  let compacted = FIRST_VERSION;
  const tableOf = (kind: string): Map<string, KubeObject> => {
    const table = kinds.get(kind) ?? new Map<string, KubeObject>();
    kinds.set(kind, table);
    return table;
  };
  const stamped = (object: KubeObject): KubeObject => {
    version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
  };
  const tell = (change: Change): void => {
    history.push(change);
    // Cut rarely and by half: to shift ten thousand entries at each write would cost more than the write.
    if (history.length > historyMax * 2) {
      history = history.slice(-historyMax);
      compacted = (history[0]?.version ?? version) - 1;
    }
    for (const listener of [...listeners]) listener(change);
  };
  return {
    get version() {
      return version;
    },
    get compacted() {
      return compacted;
    },
    get: (kind, key) => kinds.get(kind)?.get(key),
    list: (kind) => [...tableOf(kind)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, object]) => object),
    put(kind, object) {
      const table = tableOf(kind);
      const key = keyOf(object);
      const previous = table.get(key);
      const stored = stamped(object);
      table.set(key, stored);
      tell({ version, type: previous === undefined ? 'ADDED' : 'MODIFIED', kind, object: stored, previous });
      return stored;
    },
    remove(kind, key) {
      const table = tableOf(kind);
      const previous = table.get(key);
      assert(previous !== undefined, `store: ${kind} ${key} is there to be removed`);
      table.delete(key);
      const last = stamped(previous);
      tell({ version, type: 'DELETED', kind, object: last, previous });
      return last;
    },
    since: (after) => (after < compacted ? undefined : history.filter((change) => change.version > after)),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    compact() {
      compacted = version;
      history = [];
    },
  };
}
