import { replicasDuring, setOf } from '#core/capacity.ts';
import type { Spec, State } from '#core/model.ts';
import type { Notice, Problem, Seen } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';
import { sharedBudgets } from './disruption.ts';
import { roomProblems } from './quota.ts';
import { scalerProblems } from './scalers.ts';
import type { Stores } from './stores.ts';
import type { TooOld } from './versions.ts';

/** What is asked of the namespace around a Rollout: room for a release, and who disturbs its pods. */
export interface Around {
  stores: Pick<Stores, 'quotas' | 'disruptionBudgets' | 'scalers'>;
  wish: RolloutWish;
  /** What of the cluster is older than it may be. */
  tooOld: readonly TooOld[];
}

/** Why no release may begin here. Asked until the first pod of the canary is wished; from then on the API server itself says what it refuses. */
export function barsFor(
  rollout: KubeObject,
  state: State,
  spec: Spec,
  around: Around & { sets: Seen['replicaSets'] },
): Problem[] {
  return [...scalerProblems(rollout, around.stores.scalers), ...barsFromRoom(rollout, state, spec, around)];
}

function barsFromRoom(
  rollout: KubeObject,
  { stable, release }: State,
  spec: Spec,
  { sets, stores, wish, tooOld }: Around & { sets: Seen['replicaSets'] },
): Problem[] {
  const begins = release === undefined || release.ending !== undefined || release.stage === 'Preparing';
  if (stable === undefined || spec.revision === stable || !begins || spec.replicas === 0) return [];
  const seen = { replicaSets: sets };
  if ((setOf(seen, spec.revision)?.replicas ?? 0) > 0) return [];
  const room = roomProblems({
    quotas: stores.quotas.list(rollout.metadata.namespace),
    pod: wish.source.template.spec,
    pods: replicasDuring(seen, { stable }, spec.replicas),
  });
  return [...touching(tooOld, spec).map(({ message }): Problem => ({ field: 'cluster', message })), ...room];
}

/** Without routes nothing of the Gateway API is used. */
function touching(tooOld: readonly TooOld[], { routes }: Spec): TooOld[] {
  return tooOld.filter(({ what }) => what === 'Kubernetes' || routes.length > 0);
}

export function noticesOf(rollout: KubeObject, { stores, wish, tooOld }: Around): Notice[] {
  const old = touching(tooOld, wish.spec);
  const aged: Notice[] =
    old.length === 0
      ? []
      : [{ type: 'ClusterTooOld', reason: 'TooOld', message: old.map(({ message }) => message).join('\n') }];
  const shared = sharedBudgets({
    rollout,
    budgets: stores.disruptionBudgets.list(rollout.metadata.namespace),
    podLabels: wish.source.template.metadata.labels,
    replicas: wish.spec.replicas,
  });
  return [...aged, ...shared];
}
