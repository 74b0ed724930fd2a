import { CANARY_LABEL, ROLLOUT_LABEL } from '#core/labels.ts';
import { record } from '#core/raw.ts';
import { SERVICE } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { type Leaving, titleOf } from './uninstall-plan.ts';

/**
 * The canary's Service of a Rollout whose pods stay. It is owned by its Rollout, and the garbage collector takes that
 * owner off with the owner of the pods, so nobody else would ever delete it. No route sends to it any more.
 */
export async function removeLeftovers(
  api: KubeApi,
  rollouts: readonly Leaving[],
  err: (text: string) => void,
): Promise<void> {
  for (const { rollout } of rollouts.filter(({ pods }) => pods === 'Stay')) {
    const { namespace = '', name } = rollout.metadata;
    const services = await api.list(SERVICE, namespace, { labelSelector: `${ROLLOUT_LABEL}=${name}` });
    for (const service of services.filter((one) => isCanaryOf(one, name))) {
      await api.delete({ resource: SERVICE, namespace, name: service.metadata.name }).catch((error: unknown) => {
        if (!hasCode(error, 'KUBE_NOT_FOUND')) throw error;
      });
      err(`${titleOf({ rollout })}: Service ${service.metadata.name} removed\n`);
    }
  }
}

function isCanaryOf(service: KubeObject, rollout: string): boolean {
  const selects = record(service, 'spec', 'selector')[CANARY_LABEL] === 'true';
  return selects && service.metadata.labels?.[ROLLOUT_LABEL] === rollout;
}
