import type { Change } from '#core/change.ts';
import type { GateRole, OnNoData, QuerySli } from '#core/gate.ts';
import type { Bake, Spec, State, Step } from '#core/model.ts';
import { present, record, text } from '#core/raw.ts';
import type { Problem } from '#core/seen.ts';
import type { GroupMode } from '#core/sights.ts';
import type { Approval } from '#core/words.ts';
import { OperatorError } from '#lib/errors.ts';
import { shortHash } from '#lib/hash.ts';
import { type Millis, parsePercent, WHOLE } from '#lib/units.ts';
import { approvalOf } from './approval.ts';
import { changeOf } from './change.ts';
import { readPart, readValue } from './parse.ts';
import { podTemplateProblems } from './pod-template.ts';
import { reachOf } from './reach.ts';
import { clip, LONG_PROSE_MAX } from './release-words.ts';
import { millis, type RolloutSpec, rolloutSpec } from './rollout.ts';
import { stateSchema } from './state.ts';
import { surgeOf } from './surge.ts';
import { routeKeyOf } from './traffic.ts';
import type { Budget } from './translate-release.ts';
import { type PodSource, podSourceOf } from './workload-ref.ts';

/** A Rollout's spec in the words of the core, and the rest of what a release is planned from. */
export interface RolloutWish {
  spec: Spec;
  /** Rollout.spec with its defaults: selector, pod template, other Services. */
  source: PodSource;
  /** Undefined: the planner derives them when a release begins. */
  steps?: Step[];
  /** Undefined: none was wished. */
  bake?: Bake;
  /** Who must approve before in-cluster clients move. */
  promotion?: Approval;
  /** Rollouts of this namespace and group move one at a time. */
  group?: string;
  /** What its Rollouts do. Undefined: Serialise. */
  groupMode?: GroupMode;
  gates: GateWish[];
  /** Names of probe suites. */
  probes: string[];
  budget: Budget;
  preflight: BudgetWish;
  change: Change;
}

/** What the error budget must be like for a release to begin. */
export interface BudgetWish {
  /** Share that must be left. */
  least: number;
  onUnknown: 'Hold' | 'Proceed';
}

/** One entry of `gates`: its SLO is still a name, or it is a query. */
export interface GateWish {
  /** Name of the gate, which is that of its SLO. */
  slo: string;
  /** Given for a threshold: no SLO of that name is looked for. */
  query?: { sli: QuerySli; source?: string };
  role: GateRole;
  onNoData: OnNoData;
  /** Undefined: 1 − objective. */
  tolerate?: number;
  /** Undefined: three times the planner's forecast, at least 30 minutes. */
  maxWaitMs?: Millis;
  /** Undefined: what its SLI asks for. */
  warmUpMs?: Millis;
}

/** A Rollout that was read, or everything that is wrong with it. */
export type ReadRollout = ({ ok: true } & RolloutWish) | { ok: false; problems: Problem[] };

/**
 * Reads a Rollout. Problems name the field and the fix, in the order of the fields. With `workloadRef` the pods are those
 * of `deployment`.
 */
export function readRollout(object: unknown, deployment?: unknown): ReadRollout {
  const read = readPart(object, 'spec', rolloutSpec);
  if (!read.ok) return read;
  const { replicas } = recordedReplicas(object);
  const source = podSourceOf(read.value, { deployment, ...(replicas === undefined ? {} : { replicas }) });
  if (!source.ok) return source;
  const problems = podTemplateProblems(source.value.template.spec);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, ...wishOf(source.value, object) };
}

/**
 * What is meant where somebody takes `replicas` out of a living Rollout: as many as there are. Before it has any, what the
 * Deployment had when it was taken over, which stands at 0 since.
 */
function recordedReplicas(object: unknown): { replicas?: number } {
  const { full } = record(object, 'status', 'state', 'release');
  const { replicas: stable } = record(object, 'status', 'stable');
  const { replicas: adopted } = record(object, 'status', 'state', 'adopted');
  const found = [full, stable, adopted].find((given) => typeof given === 'number' && given > 0);
  return typeof found === 'number' ? { replicas: found } : {};
}

function wishOf(given: PodSource, object: unknown): RolloutWish {
  return present<RolloutWish>({
    spec: specOf(given, text(record(object, 'metadata')['namespace'])),
    source: given,
    steps: given.steps?.map(stepOf),
    bake: bakeOf(given.bake),
    promotion: given.promotion?.approval && approvalOf(given.promotion.approval),
    group: given.group,
    groupMode: given.groupMode,
    gates: given.gates.map(gateOf),
    probes: given.probes.map(({ suite }) => suite),
    budget: { targetSpend: shareOf(given.budget.targetSpend), maxSpend: shareOf(given.budget.maxSpend) },
    preflight: { least: shareOf(given.budget.preflightRemaining), onUnknown: given.budget.unknown },
    change: changeOf(object, given.template.metadata.annotations ?? {}),
  });
}

function bakeOf({ for: length, control }: RolloutSpec['bake']): Bake | undefined {
  const forMs = millis(length);
  return forMs === 0 ? undefined : { forMs, control: parsePercent(control) ?? 0 };
}

function gateOf(gate: RolloutSpec['gates'][number]): GateWish {
  const { slo, name, query, role, onNoData, tolerate, maxWait, warmUp } = gate;
  return present<GateWish>({
    slo: slo ?? name ?? '',
    query: query && queryOf(query),
    role: role ?? (query === undefined ? 'Guardrail' : 'Signal'),
    onNoData,
    tolerate: tolerate === undefined ? undefined : shareOf(tolerate),
    maxWaitMs: maxWait === undefined ? undefined : millis(maxWait),
    warmUpMs: warmUp === undefined ? undefined : millis(warmUp),
  });
}

function queryOf({ source, value, ...query }: NonNullable<RolloutSpec['gates'][number]['query']>) {
  const sli: QuerySli = { kind: 'query', ...query, value: Number(value) };
  return present<NonNullable<GateWish['query']>>({ sli, source });
}

function specOf(given: PodSource, namespace: string | undefined): Spec {
  return {
    replicas: given.replicas,
    revision: revisionOf(given.template),
    minReadyMs: given.minReadySeconds * 1000,
    progressDeadlineMs: millis(given.progressDeadline),
    revisionHistoryLimit: given.revisionHistoryLimit,
    service: given.service,
    // One that is named with and without the Rollout's own namespace is still one.
    routes: [...new Set(given.traffic.map((entry) => routeKeyOf(entry, namespace)))],
    onBreach: given.onBreach,
    scaleDownDelayMs: millis(given.scaleDownDelay),
    rollbackWindow: given.rollbackWindow,
    settleMs: millis(given.settle),
    ...(given.shrinkStable ? { shrinkStable: true as const } : {}),
  };
}

function stepOf(step: NonNullable<RolloutSpec['steps']>[number]): Step {
  const { weight = 0, hold, canaryReplicas, maxSurge, pause, approval } = step;
  return present<Step>({
    weight: parsePercent(weight) ?? 0,
    reach: reachOf(step),
    holdMs: millis(hold),
    canaryReplicas,
    maxSurge: maxSurge === undefined ? undefined : surgeOf(maxSurge),
    pause: pause === undefined ? undefined : pause.for === undefined ? {} : { forMs: millis(pause.for) },
    approval: approval && approvalOf(approval),
  });
}

function shareOf(percent: number | string): number {
  return (parsePercent(percent) ?? 0) / WHOLE;
}

/** Names a pod template by its content. Our own labels do not count: they come and go with the arms. */
export function revisionOf({ metadata, spec }: PodSource['template']): string {
  const labels = Object.fromEntries(
    Object.entries(metadata.labels).filter(([key]) => !key.startsWith('headgate.dev/')),
  );
  const annotations = Object.keys(metadata.annotations ?? {}).length === 0 ? undefined : metadata.annotations;
  return shortHash({ metadata: { labels, annotations }, spec });
}

/**
 * The machine's memory of a Rollout; undefined when there is none yet. Throws KUBE_INVALID when there is one that cannot
 * be read: a fresh start would forget a release whose traffic is out there, so everything stays until a person looks.
 */
export function readState(object: unknown): State | undefined {
  const { state } = record(object, 'status');
  if (state === undefined) return undefined;
  const read = readValue(state, 'status.state', stateSchema);
  if (read.ok) return read.value;
  const [problem] = read.problems;
  throw new OperatorError(
    'KUBE_INVALID',
    `${problem?.field ?? 'status.state'}: ${problem?.message ?? 'cannot be read'}`,
  );
}

/** The state as status.state takes it: sentences longer than the schema allows are cut, all else is as it was. */
export function storable(state: State): State {
  const { release, ended } = state;
  const cut = (sentence: string) => clip(sentence, LONG_PROSE_MAX);
  return present<State>({
    ...state,
    message: cut(state.message),
    ended: ended && { ...ended, why: cut(ended.why) },
    actions: state.actions.map((action) => ({ ...action, message: cut(action.message) })),
    release: release && {
      ...release,
      ...(release.earlierBreach === undefined ? {} : { earlierBreach: cut(release.earlierBreach) }),
      ...(release.replaced === undefined
        ? {}
        : { replaced: release.replaced.map((entry) => ({ ...entry, why: cut(entry.why) })) }),
      ...(release.ending === undefined ? {} : { ending: { ...release.ending, why: cut(release.ending.why) } }),
    },
  });
}
