import { replicasDuring, setOf } from '#core/capacity.ts';
import type { Spec, State } from '#core/model.ts';
import type { Notice, Problem, Seen } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';
import { sharedBudgets } from './disruption.ts';
import type { PodSpecShape } from './pod-resources.ts';
import { roomProblems } from './quota.ts';
import type { Stores } from './stores.ts';

/** What is asked of the namespace around a Rollout: room for a release, and who disturbs its pods. */
export interface Around {
  stores: Pick<Stores, 'quotas' | 'disruptionBudgets'>;
  wish: RolloutWish;
}

/** Asked until the first pod of the canary is wished; from then on the API server itself says what it refuses. */
export function roomFor(
  rollout: KubeObject,
  { stable, release }: State,
  spec: Spec,
  { sets, stores, wish }: Around & { sets: Seen['replicaSets'] },
): Problem[] {
  const begins = release === undefined || release.ending !== undefined || release.stage === 'Preparing';
  if (stable === undefined || spec.revision === stable || !begins || spec.replicas === 0) return [];
  const seen = { replicaSets: sets };
  if ((setOf(seen, spec.revision)?.replicas ?? 0) > 0) return [];
  return roomProblems({
    quotas: stores.quotas.list(rollout.metadata.namespace),
    pod: wish.source.template.spec as PodSpecShape,
    pods: replicasDuring(seen, stable, spec.replicas),
  });
}

export function noticesOf(rollout: KubeObject, { stores, wish }: Around): Notice[] {
  return sharedBudgets({
    rollout,
    budgets: stores.disruptionBudgets.list(rollout.metadata.namespace),
    podLabels: wish.source.template.metadata.labels,
    replicas: wish.spec.replicas,
  });
}
