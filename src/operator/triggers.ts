import { ROLLOUT_LABEL } from '#core/labels.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import type { WorkQueue } from '#runtime/work-queue.ts';
import { waitingWith } from './groups.ts';
import { keyOf } from './observe.ts';
import { driversOf, fencedRollout, namedFromAbroad, rivalsOf, type Stores } from './stores.ts';

function isHealthy(rollout: KubeObject): boolean {
  return (rollout['status'] as { phase?: string } | undefined)?.phase === 'Healthy';
}

/** Which Rollouts must be looked at again when an object changes. Only keys reach the queue, never the event. */
export function trigger({
  stores,
  queue,
  refreshSources,
  inQueue,
}: {
  stores: Stores;
  /** Rollouts that wait for others to end. */
  inQueue(object: KubeObject): KubeObject[];
  queue: WorkQueue;
  refreshSources(): void;
}): void {
  const on = (store: Store, tell: (object: KubeObject) => void) =>
    store.watch({ add: tell, update: tell, delete: tell });
  const normal = (key: string) => void queue.add(key);
  const urgent = (key: string) => void queue.add(key, { priority: 'urgent' });
  const inNamespace = ({ metadata }: KubeObject) => {
    for (const rollout of stores.rollouts.list(metadata.namespace)) normal(keyOf(rollout));
  };
  const byLabel = ({ metadata }: KubeObject) => {
    const name = metadata.labels?.[ROLLOUT_LABEL];
    if (name !== undefined) normal(`${metadata.namespace ?? ''}/${name}`);
  };
  const bySpec = (tell: (key: string) => void) => (object: KubeObject) => {
    const name = (object['spec'] as { rollout?: unknown } | undefined)?.rollout;
    if (typeof name === 'string') tell(`${object.metadata.namespace ?? ''}/${name}`);
  };
  on(stores.rollouts, (object) => {
    normal(keyOf(object));
    // What an older Rollout lets go of, a younger one may take.
    for (const rival of rivalsOf(stores, object)) normal(keyOf(rival));
    // Whoever stops moving leaves its place to the next.
    for (const other of [...waitingWith(stores, object), ...inQueue(object)]) normal(keyOf(other));
  });
  on(stores.releases, bySpec(normal));
  // A person's word goes before everything that merely moves along.
  on(stores.actions, bySpec(urgent));
  on(stores.pods, byLabel);
  on(stores.sets, byLabel);
  on(stores.deployments, (deployment) => {
    for (const rollout of driversOf(stores, deployment)) normal(keyOf(rollout));
  });
  for (const scalers of stores.scalers) on(scalers, inNamespace);
  on(stores.services, inNamespace);
  on(stores.disruptionBudgets, inNamespace);
  // Every pod of the namespace changes its quotas; who is at rest waits for none of them.
  on(stores.quotas, ({ metadata }) => {
    for (const rollout of stores.rollouts.list(metadata.namespace)) if (!isHealthy(rollout)) normal(keyOf(rollout));
  });
  for (const [kind, routes] of stores.routes)
    on(routes, (route) => {
      inNamespace(route);
      for (const rollout of namedFromAbroad(stores, kind, route)) normal(keyOf(rollout));
      // One that has left the spec with a fence on it is given back.
      const fenced = fencedRollout(route);
      if (fenced !== undefined) normal(fenced);
    });
  on(stores.referenceGrants, inNamespace);
  on(stores.slos, inNamespace);
  on(stores.suites, inNamespace);
  on(stores.sources, () => {
    refreshSources();
    for (const rollout of stores.rollouts.list()) normal(keyOf(rollout));
  });
}
