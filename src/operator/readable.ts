import { splitRouteKey } from '#core/routes.ts';
import { OperatorError } from '#lib/errors.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';
import { stateOf } from './reading.ts';
import { placeOf } from './route-kinds.ts';
import { namesOf, type Stores } from './stores.ts';

/**
 * An older ClusterRole may not let us read what a Rollout names. A route or a Deployment that nobody can see is not one
 * that is gone: taken for gone, the pods behind it would be scaled down, or never given back.
 */

/** What must be read before anything is decided about this Rollout, and may not be; undefined: all of it may. */
export function missingRight(rollout: KubeObject, stores: Stores): OperatorError | undefined {
  const closed = needed(rollout, stores).find((store) => store?.forbidden === true);
  if (closed === undefined) return undefined;
  const { group, plural } = closed.resource;
  const what = group === '' ? plural : `${plural}.${group}`;
  return new OperatorError(
    'KUBE_FORBIDDEN',
    `the operator may not list and watch ${what}, which this Rollout needs: apply the roles of this version. Until then nothing about it is decided; what is on record is still taken back`,
  );
}

function needed(rollout: KubeObject, stores: Stores): (Store | undefined)[] {
  const { namespace = '' } = rollout.metadata;
  const { adopted, release } = stateOf(rollout) ?? {};
  // An edit in the middle of a release applies to the next one: until then it stands before no lowering.
  const routes = release?.routes ?? namesOf(rollout).routes;
  const stored = routes.flatMap((key) => {
    const store = placeOf(stores, key, namespace)?.store;
    return splitRouteKey(key).namespace === undefined ? [store] : [store, stores.referenceGrants];
  });
  if (adopted !== undefined) return [...stored, stores.deployments];
  // Before a Deployment is taken over, its autoscalers must be seen: they would work against it.
  return deploymentNameOf(rollout) === undefined ? stored : [...stored, stores.deployments, ...stores.scalers];
}
