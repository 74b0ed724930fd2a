import { formatPercent } from '#lib/units.ts';
import { CONTEST_RESETS } from './adopt.ts';
import type { State } from './model.ts';
import { routeTitle } from './routes.ts';
import type { Notice, Problem, Seen, SeenReplicaSet, SeenRoute } from './seen.ts';
import type { BudgetSight } from './sights.ts';
import { leftWideWords } from './widened.ts';

/** A status condition without its times: the shell adds these when something changed. */
export interface ConditionWish {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/**
 * Conditions as a fold over the state: same state, same bytes, so that they never flap. `Ready`, `Reconciling` and
 * `Stalled` are what Flux's kstatus and `kubectl wait` read; the rest name what a person can mend.
 */
export function conditionsOf(
  state: State,
  seen: Pick<
    Seen,
    | 'spec'
    | 'problems'
    | 'routes'
    | 'budget'
    | 'actionsUnprotected'
    | 'replicaSets'
    | 'notices'
    | 'service'
    | 'workload'
    | 'deleting'
  >,
): ConditionWish[] {
  const { problems, routes, budget, actionsUnprotected, replicaSets, notices } = seen;
  const reason = state.reason ?? state.phase;
  const { message } = state;
  const healthy = state.phase === 'Healthy';
  const moving = state.phase === 'Progressing';
  const stalled = state.phase === 'Degraded';
  return [
    { type: 'Ready', status: healthy ? 'True' : 'False', reason, message },
    { type: 'Reconciling', status: moving ? 'True' : 'False', reason, message: moving ? message : '' },
    { type: 'Stalled', status: stalled ? 'True' : 'False', reason, message: stalled ? message : '' },
    {
      type: 'Paused',
      status: state.phase === 'Paused' ? 'True' : 'False',
      reason,
      message: state.phase === 'Paused' ? message : '',
    },
    valid(problems),
    ...added(routes),
    ...queued(state),
    ...held(state),
    ...contested(state),
    ...blind(budget),
    ...refused(replicaSets),
    ...lost(state, seen),
    ...shrunk(state, seen),
    ...leftWide(state, seen),
    ...noticed(notices),
    ...(actionsUnprotected === true ? [unprotected] : []),
  ];
}

function valid(problems: readonly Problem[]): ConditionWish {
  if (problems.length === 0) return { type: 'Valid', status: 'True', reason: 'Checked', message: '' };
  const message = problems.map((problem) => `${problem.field}: ${problem.message}`).join('\n');
  return { type: 'Valid', status: 'False', reason: 'InvalidSpec', message };
}

/** A rule that came in the middle of a release is left alone until the next one, and that is said. */
function added(routes: readonly SeenRoute[]): ConditionWish[] {
  const rules = routes.flatMap(({ name, extra = [] }) => extra.map((rule) => `${routeTitle(name)} ${rule}`));
  if (rules.length === 0) return [];
  const message = `${rules.join(', ')}: added during the release, sends to stable alone until the next one`;
  return [{ type: 'RulesAdded', status: 'True', reason: 'AddedDuringRelease', message }];
}

/** It moves once others of its group have; the sentence names who is first. */
function queued({ queuedAt, inQueueSince, message }: State): ConditionWish[] {
  if (inQueueSince !== undefined) return [{ type: 'Queued', status: 'True', reason: 'OthersMove', message }];
  return queuedAt === undefined ? [] : [{ type: 'Queued', status: 'True', reason: 'GroupMoves', message }];
}

/** Another release of its group is bad by its own arms, or all are and none is to blame: nothing of it goes on. */
function held({ release, message }: State): ConditionWish[] {
  const holds = release?.held !== undefined && release.held.until === undefined && release.ending === undefined;
  if (!holds) return [];
  const reason = release.held?.culprit === undefined ? 'NotOfThisGroup' : 'GroupBreach';
  return [{ type: 'Held', status: 'True', reason, message }];
}

/** Two that set the same replicas would go on for ever: whoever began it later has to end it. */
function contested({ adopted }: State): ConditionWish[] {
  if (adopted?.contested === undefined) return [];
  const { deployment, contested: manager } = adopted;
  const message = `${manager} set the replicas of Deployment ${deployment} up again ${CONTEST_RESETS} times: take replicas out of what it applies, then kubectl scale deployment ${deployment} --replicas=0`;
  return [{ type: 'ReplicasContested', status: 'True', reason: 'SetUpAgain', message }];
}

/** A release that begins without knowing what is left of its budgets does so on the user's word, and says it. */
function blind(budget: BudgetSight | undefined): ConditionWish[] {
  const unknown = (budget?.budgets ?? []).filter(({ left }) => left === undefined);
  if (unknown.length === 0) return [];
  const message = unknown.map(({ slo, unknown: why = 'nobody has looked yet' }) => `${slo}: ${why}`).join('\n');
  return [{ type: 'BudgetUnknown', status: 'True', reason: 'NoFigure', message }];
}

/** Pods that are wished and that the API server does not let be: a quota is the usual one. */
function refused(sets: readonly SeenReplicaSet[]): ConditionWish[] {
  const short = sets.filter(({ refused: why, replicas, pods }) => why !== undefined && replicas > livingOf(pods));
  if (short.length === 0) return [];
  const message = short
    .map(
      ({ name, replicas, pods, refused: why }) =>
        `ReplicaSet ${name} has ${livingOf(pods)} of ${replicas} pods: ${why}`,
    )
    .join('\n');
  const reason = short.some(({ refused: why = '' }) => why.includes('exceeded quota'))
    ? 'QuotaExceeded'
    : 'FailedCreate';
  return [{ type: 'PodsRefused', status: 'True', reason, message }];
}

function livingOf(pods: SeenReplicaSet['pods']): number {
  return pods.filter(({ terminating }) => !terminating).length;
}

/** Only the template that the spec holds can be made into pods, and each ReplicaSet is the one copy of an older one. */
function lost(
  { stable }: State,
  { spec, template, replicaSets }: Pick<Seen, 'spec' | 'template' | 'replicaSets'>,
): ConditionWish[] {
  if (stable === undefined || spec === undefined || (template ?? spec.revision) === stable) return [];
  if (replicaSets.some(({ revision }) => revision === stable)) return [];
  const message = `the ReplicaSet of stable's revision ${stable} is gone, and with it the only copy of its template: put that template back into the Rollout, and its pods are made again`;
  return [{ type: 'StableLost', status: 'True', reason: 'ReplicaSetDeleted', message }];
}

/** Fewer pods than wished are no trouble where that was asked for, and nobody should have to guess it. */
function shrunk({ release }: State, { replicaSets }: Pick<Seen, 'replicaSets'>): ConditionWish[] {
  const { full, from, weight, committed } = release ?? {};
  const set = replicaSets.find(({ revision }) => revision === from);
  if (full === undefined || weight === undefined || set === undefined || set.replicas >= full || committed === true)
    return [];
  const message = `ReplicaSet ${set.name} has ${set.replicas} of ${full} pods while the canary serves ${formatPercent(weight)}: spec.shrinkStable asks for it`;
  return [{ type: 'StableShrunk', status: 'True', reason: 'CanaryServes', message }];
}

/** Stable's pods alone serve, so nothing is wrong, but a person may want to know who works against the label. */
function leftWide(state: State, seen: Parameters<typeof leftWideWords>[1]): ConditionWish[] {
  const message = leftWideWords(state, seen);
  return message === undefined ? [] : [{ type: 'ServiceWide', status: 'True', reason: 'WidenedAtRest', message }];
}

function noticed(notices: readonly Notice[] = []): ConditionWish[] {
  return notices.map((notice) => ({ ...notice, status: 'True' }));
}

const unprotected: ConditionWish = {
  type: 'ActionsUnprotected',
  status: 'True',
  reason: 'ForgedActionAccepted',
  message:
    'the API server accepts actions in the name of others, so every action is ignored: apply deploy/admission-policy.yaml',
};
