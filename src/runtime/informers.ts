import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import { createStore, type IndexFunction, type Store } from './cache.ts';
import { createReflector, type Reflector, type WatchSource } from './reflector.ts';

export interface InformerSpec {
  resource: Resource;
  indexes?: Record<string, IndexFunction>;
  /** What to keep of an object; managedFields are dropped by default. */
  transform?: (object: KubeObject) => KubeObject;
  /** The kind may be missing from the cluster, or closed to us. */
  optional?: boolean;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface InformersOptions {
  kinds: InformerSpec[];
  /** Left out: all namespaces. Cluster-scoped kinds are always read whole. */
  namespace?: string | undefined;
  /** Where a kind is read from; kube/watch.ts has the API server's. */
  sourceFor: (target: WatchTarget) => WatchSource;
  clock: Clock;
  random: Random;
  log: Log;
  telemetry: Telemetry;
  /** Deep-freezes cached objects: on in tests and development. */
  freeze?: boolean;
}

export interface WatchTarget {
  resource: Resource;
  namespace?: string | undefined;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface Informers {
  /** The store of a kind that was asked for. */
  store(resource: Resource): Store;
  /** Starts all reflectors; they end when the signal aborts. Call once. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once every kind has been listed. */
  readonly synced: Promise<void>;
  /** How long ago the quietest kind was last heard of. Bookmarks come every minute, so minutes mean trouble. */
  silentMs(): Millis;
}

/** One reflector and one store for each kind. */
export function createInformers({
  kinds,
  namespace,
  sourceFor,
  freeze = false,
  ...ports
}: InformersOptions): Informers {
  const stores = new Map<string, Store>();
  const reflectors: Reflector[] = [];
  for (const { resource, indexes = {}, transform, optional = false, ...selectors } of kinds) {
    const onMissed = () => reflector.relist();
    const store = createStore({ resource, indexes, freeze, clock: ports.clock, log: ports.log, onMissed });
    const scope = resource.namespaced ? namespace : undefined;
    const reflector: Reflector = createReflector({
      ...ports,
      name: resource.plural,
      source: sourceFor({ resource, namespace: scope, ...selectors }),
      apply: (change) => store.apply(change),
      optional,
      ...(transform === undefined ? {} : { transform }),
    });
    assert(!stores.has(idOf(resource)), `informers: ${resource.plural} is listed once`);
    stores.set(idOf(resource), store);
    reflectors.push(reflector);
  }
  return {
    store(resource) {
      const store = stores.get(idOf(resource));
      assert(store !== undefined, `informers: ${resource.plural} is watched`);
      return store;
    },
    async run(signal) {
      await Promise.all(reflectors.map((reflector) => reflector.run(signal)));
    },
    synced: Promise.all(reflectors.map((reflector) => reflector.synced)).then(() => undefined),
    silentMs() {
      const now = ports.clock.monotonic();
      return Math.max(0, ...reflectors.map((reflector) => now - reflector.lastHeard()));
    },
  };
}

function idOf({ group, plural }: Resource): string {
  return `${plural}.${group}`;
}
