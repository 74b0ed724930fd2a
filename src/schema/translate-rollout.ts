import type { GateRole } from '#core/gate.ts';
import type { Spec, State, Step } from '#core/model.ts';
import { present, record } from '#core/raw.ts';
import { shortHash } from '#lib/hash.ts';
import { type Millis, parsePercent, WHOLE } from '#lib/units.ts';
import { type Parsed, readPart, readValue } from './parse.ts';
import { podTemplateProblems } from './pod-template.ts';
import { clip, LONG_PROSE_MAX } from './release-words.ts';
import { millis, type RolloutSpec, rolloutSpec } from './rollout.ts';
import { stateSchema } from './state.ts';
import type { Budget, Change } from './translate-release.ts';

/** A Rollout's spec in the words of the core, and the rest of what a release is planned from. */
export interface RolloutWish {
  spec: Spec;
  selector: Record<string, string>;
  /** The pod template as given; the spec names it by `revision`. */
  template: RolloutSpec['template'];
  /** Undefined: the planner derives them when a release begins. */
  steps?: Step[];
  gates: GateWish[];
  /** Names of probe suites. */
  probes: string[];
  budget: Budget;
  /** Other Services that may reach canary pods. */
  services: string[];
  change: Change;
}

/** One entry of `gates`: its SLO is still a name. */
export interface GateWish {
  slo: string;
  role: GateRole;
  /** Undefined: 1 − objective. */
  tolerate?: number;
  /** Undefined: three times the planner's forecast, at least 30 minutes. */
  maxWaitMs?: Millis;
}

/** Reads a Rollout. Problems name the field and the fix, in the order of the fields. */
export function readRollout(object: unknown): Parsed<RolloutWish> {
  const read = readPart(object, 'spec', rolloutSpec);
  if (!read.ok) return read;
  const problems = podTemplateProblems(read.value.template.spec);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: wishOf(read.value, object) };
}

function wishOf(given: RolloutSpec, object: unknown): RolloutWish {
  return present<RolloutWish>({
    spec: specOf(given),
    selector: given.selector.matchLabels,
    template: given.template,
    steps: given.steps?.map(stepOf),
    gates: given.gates.map(({ slo, role, tolerate, maxWait }) =>
      present<GateWish>({
        slo,
        role,
        tolerate: tolerate === undefined ? undefined : shareOf(tolerate),
        maxWaitMs: maxWait === undefined ? undefined : millis(maxWait),
      }),
    ),
    probes: given.probes.map(({ suite }) => suite),
    budget: { targetSpend: shareOf(given.budget.targetSpend), maxSpend: shareOf(given.budget.maxSpend) },
    services: given.services,
    change: changeOf(object),
  });
}

function specOf(given: RolloutSpec): Spec {
  return {
    replicas: given.replicas,
    revision: revisionOf(given.template),
    minReadyMs: given.minReadySeconds * 1000,
    progressDeadlineMs: millis(given.progressDeadline),
    revisionHistoryLimit: given.revisionHistoryLimit,
    service: given.service,
    routes: given.traffic.map(({ httpRoute }) => httpRoute),
    onBreach: given.onBreach,
    scaleDownDelayMs: millis(given.scaleDownDelay),
    rollbackWindow: given.rollbackWindow,
    settleMs: millis(given.settle),
  };
}

function stepOf({ weight, hold, canaryReplicas, pause }: NonNullable<RolloutSpec['steps']>[number]): Step {
  return present<Step>({
    weight: parsePercent(weight) ?? 0,
    holdMs: millis(hold),
    canaryReplicas,
    pause: pause === undefined ? undefined : pause.for === undefined ? {} : { forMs: millis(pause.for) },
  });
}

function shareOf(percent: number | string): number {
  return (parsePercent(percent) ?? 0) / WHOLE;
}

/** Names a pod template by its content. Our own labels do not count: they come and go with the arms. */
export function revisionOf({ metadata, spec }: RolloutSpec['template']): string {
  const labels = Object.fromEntries(
    Object.entries(metadata.labels).filter(([key]) => !key.startsWith('headgate.dev/')),
  );
  const annotations = Object.keys(metadata.annotations ?? {}).length === 0 ? undefined : metadata.annotations;
  return shortHash({ metadata: { labels, annotations }, spec });
}

const CHANGE = 'headgate.dev/change-';
const CHANGE_MAX = { commit: 256, author: 256, kind: 63 } as const;

function changeOf(object: unknown): Change {
  const annotations = (object as { metadata?: { annotations?: Record<string, string> } }).metadata?.annotations ?? {};
  const found = (Object.keys(CHANGE_MAX) as (keyof Change)[]).map((key) => {
    const value = annotations[`${CHANGE}${key}`];
    return [key, typeof value === 'string' && value !== '' ? value.slice(0, CHANGE_MAX[key]) : undefined];
  });
  return present<Change>(Object.fromEntries(found));
}

/**
 * The machine's memory of a Rollout; undefined when there is none yet. A memory that cannot be read is a problem and
 * never a fresh start, because a fresh start would forget a release whose traffic is out there.
 */
export function readState(object: unknown): Parsed<State | undefined> {
  const { state } = record(object, 'status');
  return state === undefined ? { ok: true, value: undefined } : readValue(state, 'status.state', stateSchema);
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
      ...(release.ending === undefined ? {} : { ending: { ...release.ending, why: cut(release.ending.why) } }),
    },
  });
}
