import { record, text } from '#core/raw.ts';
import type { Problem } from '#core/seen.ts';
import { apiVersionOf, HORIZONTAL_POD_AUTOSCALER, ROLLOUT, SCALED_OBJECT } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import type { InformerSpec } from '#runtime/informers.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';

/**
 * Autoscalers of a Deployment that is to be taken over. Pointed at the Rollout they work on; left where they are they
 * would find 0 replicas and stop, or set them up again.
 */

/** Index of autoscalers by the Deployment that they scale, as `namespace/name`. */
const BY_TARGET = 'target';

const byTarget = (object: KubeObject) => {
  const { kind, name } = record(object, 'spec', 'scaleTargetRef');
  // KEDA's default kind.
  return (kind ?? 'Deployment') === 'Deployment' ? [`${object.metadata.namespace ?? ''}/${text(name) ?? ''}`] : [];
};

const targetAlone = (object: KubeObject): KubeObject => {
  const { name, namespace, uid, resourceVersion, ownerReferences } = object.metadata;
  return {
    ...{ apiVersion: object.apiVersion, kind: object.kind },
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    },
    spec: { scaleTargetRef: record(object, 'spec', 'scaleTargetRef') },
  };
};

/** KEDA may not be there. */
export const scalerKinds: InformerSpec[] = [HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT].map((resource) => ({
  resource,
  optional: true,
  transform: targetAlone,
  indexes: { [BY_TARGET]: byTarget },
}));

/** One for each autoscaler that points at the Deployment, with the patch that points it at the Rollout. */
export function scalerProblems(rollout: KubeObject, stores: readonly Store[]): Problem[] {
  const deployment = deploymentNameOf(rollout);
  const { name, namespace = '' } = rollout.metadata;
  if (deployment === undefined) return [];
  const found = stores.flatMap((store) => store.byIndex(BY_TARGET, `${namespace}/${deployment}`));
  const own = found.filter((object) => !isMadeByKeda(object));
  own.sort((a, b) => (titleOf(a) < titleOf(b) ? -1 : 1));
  const target = { apiVersion: apiVersionOf(ROLLOUT), kind: ROLLOUT.kind, name };
  const patch = JSON.stringify({ spec: { scaleTargetRef: target } });
  return own.map((object) => ({
    field: 'spec.workloadRef',
    message: `${titleOf(object)} scales Deployment ${deployment}: point it at the Rollout with kubectl patch ${object.kind.toLowerCase()} ${object.metadata.name} -n ${namespace} --type=merge -p '${patch}'`,
    barsPods: true,
  }));
}

function titleOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

/** The autoscaler that a ScaledObject keeps follows it. */
function isMadeByKeda({ metadata }: KubeObject): boolean {
  return (metadata.ownerReferences ?? []).some(({ kind }) => kind === SCALED_OBJECT.kind);
}
