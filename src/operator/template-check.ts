import type { Problem } from '#core/model.ts';
import { REPLICA_SET } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { replicaSetFor } from './workload.ts';

/** Results kept; a template that comes back after so many others is asked about again. */
const KEPT = 1000;

export interface TemplateCheck {
  /** Asks the API server once for each template: a dry run of the ReplicaSet that would be made of it. */
  ask(rollout: KubeObject, revision: string, signal: AbortSignal): Promise<void>;
  /** Undefined while nobody knows: until then the template is as if it had not been applied. */
  problems(rollout: KubeObject, revision: string): Problem[] | undefined;
}

/** Finds an invalid pod template before it can replace anything. */
export function createTemplateCheck(api: KubeApi): TemplateCheck {
  const known = new Map<string, Problem[]>();
  const idOf = (rollout: KubeObject, revision: string) => `${rollout.metadata.uid}/${revision}`;
  return {
    async ask(rollout, revision, signal) {
      const id = idOf(rollout, revision);
      if (known.has(id)) return;
      const found = await dryRun(
        api,
        replicaSetFor(rollout, { revision, replicas: 0, arms: { stable: false, canary: false } }),
        signal,
      );
      known.set(id, found);
      if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
    },
    problems: (rollout, revision) => known.get(idOf(rollout, revision)),
  };
}

async function dryRun(api: KubeApi, set: KubeObject, signal: AbortSignal): Promise<Problem[]> {
  try {
    await api.create(REPLICA_SET, set, { dryRun: true, signal });
    return [];
  } catch (error) {
    if (hasCode(error, 'KUBE_EXISTS')) return [];
    // Forbidden can mean a quota or an admission policy that refuses the pods: a person must mend that too.
    if (hasCode(error, 'KUBE_INVALID', 'KUBE_FORBIDDEN'))
      return [{ field: 'spec.template', message: `the API server refuses it: ${error.message}`, barsPods: true }];
    throw error;
  }
}
