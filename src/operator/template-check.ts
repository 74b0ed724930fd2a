import type { Problem } from '#core/seen.ts';
import { REPLICA_SET } from '#kube/resources.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { keyOf } from './observe.ts';
import { type PodsWish, replicaSetFor } from './workload.ts';

/** Results kept; a template that comes back after so many others is asked about again. */
const KEPT = 1000;

/** A quota is raised and a policy mended without a word to us: what is forbidden is asked about again after this long. */
const AGAIN_MS: Millis = 30_000;

export interface TemplateCheckDeps {
  api: KubeApi;
  clock: Clock;
  /** Wants the Rollout to be looked at again. */
  again(key: string): void;
}

/** A template, and the revision that names it. */
export interface TemplateWish {
  spec: { revision: string };
  source: PodsWish;
}

export interface TemplateCheck {
  /** Asks the API server once for each template: a dry run of the ReplicaSet that would be made of it. */
  ask(rollout: KubeObject, wish: TemplateWish, signal: AbortSignal): Promise<void>;
  /** Undefined while nobody knows: until then the template is as if it had not been applied. */
  problems(rollout: KubeObject, revision: string): Problem[] | undefined;
}

/** Finds an invalid pod template before it can replace anything. */
export function createTemplateCheck({ api, clock, again }: TemplateCheckDeps): TemplateCheck {
  const known = new Map<string, Problem[]>();
  const idOf = (rollout: KubeObject, revision: string) => `${rollout.metadata.uid}/${revision}`;
  return {
    async ask(rollout, { spec: { revision }, source }, signal) {
      const id = idOf(rollout, revision);
      if (known.has(id)) return;
      const found = await dryRun(
        api,
        replicaSetFor(rollout, source, { revision, replicas: 0, arms: { stable: false, canary: false } }),
        signal,
      );
      known.set(id, found.problems);
      if (found.mayChange) {
        clock.timer(AGAIN_MS, () => {
          known.delete(id);
          again(keyOf(rollout));
        });
      }
      if (known.size > KEPT) known.delete(known.keys().next().value ?? '');
    },
    problems: (rollout, revision) => known.get(idOf(rollout, revision)),
  };
}

interface Found {
  problems: Problem[];
  /** The same template may be taken later, without any change of it. */
  mayChange: boolean;
}

async function dryRun(api: KubeApi, set: KubeObject, signal: AbortSignal): Promise<Found> {
  try {
    await api.create(REPLICA_SET, set, { dryRun: true, signal });
    return { problems: [], mayChange: false };
  } catch (error) {
    if (hasCode(error, 'KUBE_EXISTS')) return { problems: [], mayChange: false };
    if (!hasCode(error, 'KUBE_INVALID', 'KUBE_FORBIDDEN')) throw error;
    const message = `the API server refuses it: ${error.message}`;
    // Forbidden can mean a quota or an admission policy that refuses the pods: a person must mend that too.
    const mayChange = error.code === 'KUBE_FORBIDDEN';
    return { problems: [{ field: 'spec.template', message, barsPods: true }], mayChange };
  }
}
