import type { Gate, Slo } from '#core/gate.ts';
import { replicaSetName } from '#core/labels.ts';
import { weightedSteps } from '#core/ladder.ts';
import type { Plan, State, Step } from '#core/model.ts';
import { present } from '#core/raw.ts';
import type { Problem } from '#core/seen.ts';
import { WARM_UP } from '#gates/bounds.ts';
import { deriveMaxWait, deriveWeights } from '#gates/ramp.ts';
import type { Millis } from '#lib/units.ts';
import { surgeOf } from '#schema/surge.ts';
import { climbable } from '#schema/traffic.ts';
import type { GateWish, RolloutWish } from '#schema/translate.ts';
import { readProbeSuite, type SourceWish } from '#schema/translate-inputs.ts';
import { forceNamespace } from '#sources/promql-namespace.ts';
import { gateFor, gates as gateKinds } from '#src/catalog.ts';
import { resolveSlo, type Split } from './builtin-slo.ts';
import { foreseen, type Live } from './foreseen.ts';
import type { LiveTraffic, TrafficQuestion } from './live-traffic.ts';
import { mergedApprovalProblems } from './merged-approvals.ts';
import { misplaced } from './misplaced.ts';
import { metricSourceOf, sloOf } from './reading.ts';
import type { Stores } from './stores.ts';

/** What a release that begins now would go by, or why it cannot be planned. Pure but for the caches. */
export interface Proposal {
  plan?: Plan;
  problems: Problem[];
}

interface Planning {
  namespace: string;
  stores: Stores;
  /** What stable was seen to serve; undefined while nobody looked. */
  traffic: LiveTraffic | undefined;
  tickMs: Millis;
}

export function propose(wish: RolloutWish, state: State, at: Planning): Proposal {
  const problems: Problem[] = [];
  const gates = wish.gates.flatMap((gate, index): Gate[] => {
    const slo = findSlo(gate, index, { ...at, split: { ...wish.spec, steps: wish.steps ?? [] } });
    const problem = 'problems' in slo ? slo.problems : misplaced(gate, index, slo.slo);
    problems.push(...problem);
    return 'problems' in slo ? [] : [gateOf(gate, slo.slo)];
  });
  const { spec } = wish;
  const rollback = state.served.slice(0, spec.rollbackWindow).includes(spec.revision);
  problems.push(...suiteProblems(wish, at), ...(rollback ? [] : mergedApprovalProblems(wish)));
  if (problems.length === 0) problems.push(...groupProblems(wish, gates));
  if (problems.length > 0) return { problems };
  const live = { ...liveTraffic(at, gates, wish), attempt: attemptOf(state, spec.revision) };
  const ladder = ladderOf(wish, { rollback, steps: () => derived(gates, wish, live) });
  const steps = foreseen(ladder.steps, { gates, wish, live });
  const patient = gates.map((gate) =>
    gate.maxWaitMs > 0 ? gate : { ...gate, maxWaitMs: maxWaitOf(gate, steps, wish, live) },
  );
  const { onBreach } = spec;
  const { replaceBadPods, maxSurge } = wish.source;
  const pace = maxSurge === undefined ? {} : { maxSurge: surgeOf(maxSurge) };
  const plan = { ...ladder, steps, gates: patient, probes: wish.probes, onBreach, ...pace, replaceBadPods, rollback };
  return { problems, plan };
}

/** The way up. What served recently was baked then: the way back is no time to wait. */
function ladderOf(
  wish: RolloutWish,
  { rollback, steps }: { rollback: boolean; steps: () => Step[] },
): Pick<Plan, 'steps' | 'bake' | 'promotion'> {
  if (rollback) return { steps: [] };
  const { bake, promotion } = wish;
  const ladder = present<Pick<Plan, 'steps' | 'bake' | 'promotion'>>({ steps: wish.steps ?? steps(), bake, promotion });
  return climbable(ladder, wish.spec);
}

/** Whoever moves beside others must be able to tell its own failures from theirs where they all meet. */
function groupProblems({ groupMode }: RolloutWish, gates: Gate[]): Problem[] {
  const splits = gates.some(({ role, slo }) => role === 'Guardrail' && slo.arms.by === 'Label');
  if (groupMode !== 'Attribute' || splits) return [];
  const message =
    "Attribute needs a Guardrail that counts the gateway's requests by this Rollout's own arms: give one an SLO with sli.builtin of a gateway, or leave groupMode out to move one at a time";
  return [{ field: 'spec.groupMode', message }];
}

/** Traffic and base error ratio as they were seen; zero when they are not known. */
function liveTraffic(
  { traffic, tickMs, stores }: Planning,
  gates: Gate[],
  { spec }: RolloutWish,
): Omit<Live, 'attempt'> {
  const { rps = 0, base = 0, slos = {} } = traffic ?? {};
  const scrapeMs = scrapeOf(gates, stores);
  return { rps, base, slos, scrapeMs, tickMs, reactionMs: scrapeMs + tickMs + spec.settleMs };
}

function attemptOf({ release }: State, revision: string): number {
  if (release?.revision !== revision) return 1;
  return release.ending === undefined ? release.attempt : release.attempt + 1;
}

/** What must be asked of the source before a release of this wish can be planned; undefined when nothing can. */
export function trafficQuestion(
  wish: RolloutWish,
  { rollout, stable, namespace, stores }: { rollout: string; stable: string; namespace: string; stores: Stores },
): TrafficQuestion | undefined {
  const slos = wish.gates.flatMap((gate, index): Slo[] => {
    const resolved = findSlo(gate, index, { namespace, stores, split: wish.spec });
    return 'problems' in resolved ? [] : [resolved.slo];
  });
  if (slos.length === 0) return undefined;
  const scrapes = slos.map((slo) => findSource(stores, slo.source));
  const scrapeMs = Math.max(0, ...scrapes.map((source) => (typeof source === 'string' ? 0 : source.scrapeIntervalMs)));
  const scope = { namespace, replicaSets: [replicaSetName(rollout, stable)] };
  return { revision: wish.spec.revision, slos, scope, scrapeMs };
}

/** How long a derived step is held at least: longer where two scrapes and the warm-up of its pods are. */
const HOLD_MS: Millis = 60_000;

function derived(gates: Gate[], { budget }: RolloutWish, { rps, reactionMs, scrapeMs }: Omit<Live, 'attempt'>): Step[] {
  // Probes are no traffic, whatever its weight.
  const guardrails = gates.filter(({ role, slo }) => role === 'Guardrail' && slo.sli.kind !== 'probe');
  const slos = guardrails.map(({ slo }) => slo);
  // Each step brings new pods, which are to be seen after their warm-up.
  const warmUpMs = Math.max(0, ...gates.map((gate) => gate.warmUpMs ?? 0));
  const holdMs = Math.max(HOLD_MS, 2 * scrapeMs + warmUpMs);
  return deriveWeights({ slos, rps, reactionMs, targetSpend: budget.targetSpend }).map((weight) => ({
    weight,
    holdMs,
  }));
}

/** Three times the slowest step of the gate's own kind; the least where that cannot be foreseen. */
function maxWaitOf({ slo, tolerate }: Gate, steps: Step[], { budget }: RolloutWish, live: Live): Millis {
  const weights = weightedSteps({ steps }).map(({ weight }) => weight);
  const { attempt, reactionMs, tickMs, slos, rps, base } = live;
  const seen = slos?.[slo.name] ?? { rps, base };
  const { targetSpend } = budget;
  const asked = { slo, tolerate, weights, live: seen, attempt, targetSpend, reactionMs, tickMs };
  return deriveMaxWait(gateFor(slo.sli.kind).stepsMs(asked));
}

function gateOf({ slo: name, role, onNoData, tolerate, maxWaitMs, warmUpMs }: GateWish, slo: Slo): Gate {
  const gate = { name, role, slo, tolerate: tolerate ?? 1 - slo.objective, maxWaitMs: maxWaitMs ?? 0, onNoData };
  const warms = warmUpMs ?? (slo.sli.kind === 'latency' && slo.arms.by === 'Pod' ? WARM_UP.latency : WARM_UP.others);
  return warms > 0 ? { ...gate, warmUpMs: warms } : gate;
}

function findSlo(
  gate: GateWish,
  index: number,
  { namespace, stores, split }: Pick<Planning, 'namespace' | 'stores'> & { split: Omit<Split, 'namespace'> },
): { slo: Slo } | { problems: Problem[] } {
  if (gate.query !== undefined) return querySlo(gate.slo, gate.query, { index, namespace, stores });
  const field = `spec.gates[${index}].slo`;
  const object = stores.slos.get({ namespace, name: gate.slo });
  if (object === undefined) {
    return {
      problems: [
        {
          field,
          message: `ServiceLevelObjective ${gate.slo} does not exist in namespace ${namespace}: create it, or take the gate out`,
        },
      ],
    };
  }
  const read = sloOf(object);
  if (!read.ok)
    return {
      problems: read.problems.map(({ field: at, message }) => ({
        field,
        message: `ServiceLevelObjective ${gate.slo}: ${at} ${message}`,
      })),
    };
  const resolved = resolveSlo(read.value, { ...split, namespace }, stores);
  if ('problem' in resolved) {
    return { problems: [{ field, message: `ServiceLevelObjective ${gate.slo}: ${resolved.problem}` }] };
  }
  const { kind } = resolved.sli;
  if (!gateKinds.some(({ sli }) => sli === kind)) {
    const message = `ServiceLevelObjective ${gate.slo}: this operator has no gate for sli.${kind}; use one of ${gateKinds.map(({ sli }) => sli).join(', ')}`;
    return { problems: [{ field, message }] };
  }
  // Pods answer probes, and no source is asked.
  if (kind === 'probe') return { slo: resolved };
  const source = findSource(stores, read.value.source);
  if (typeof source === 'string') return { problems: [{ field, message: source }] };
  return { slo: { ...resolved, source: source.name } };
}

/** A threshold is an objective without arms and without a budget. Its PromQL is refused here, not at the first tick. */
function querySlo(
  name: string,
  { sli, source: wanted }: NonNullable<GateWish['query']>,
  { index, namespace, stores }: { index: number; namespace: string; stores: Stores },
): { slo: Slo } | { problems: Problem[] } {
  const field = `spec.gates[${index}].query`;
  const forced = forceNamespace(sli.promql, namespace);
  if (!forced.ok) {
    const message = `line ${forced.line}, column ${forced.column}: ${forced.message}`;
    return { problems: [{ field: `${field}.promql`, message }] };
  }
  const source = findSource(stores, wanted);
  if (typeof source === 'string') return { problems: [{ field: `${field}.source`, message: source }] };
  return { slo: { name, sli, arms: { by: 'Pod' }, objective: 0, windowMs: 0, source: source.name } };
}

/** The MetricSource by name, or the cluster's default; a sentence when there is none. */
export function findSource(stores: Stores, name: string | undefined): SourceWish | string {
  const all = stores.sources.list().flatMap((object) => {
    const read = metricSourceOf(object);
    return read.ok ? [read.value] : [];
  });
  if (name !== undefined)
    return (
      all.find((source) => source.name === name) ?? `MetricSource ${name} does not exist: create it, or name another`
    );
  const defaults = all
    .filter((source) => source.isDefault)
    .map((source) => source.name)
    .sort();
  const only = all.find((source) => source.name === defaults[0]);
  if (only === undefined)
    return 'no MetricSource is the default: create one with spec.default: true, or name one in the ServiceLevelObjective';
  return defaults.length === 1
    ? only
    : `MetricSources ${defaults.join(', ')} all claim to be the default: keep spec.default: true on one`;
}

/** The slowest scrape among the sources that the gates use. */
export function scrapeOf(gates: Gate[], stores: Stores): Millis {
  const asking = gates.filter(({ slo }) => slo.sli.kind !== 'probe');
  const sources = asking.map((gate) => findSource(stores, gate.slo.source));
  return Math.max(0, ...sources.map((source) => (typeof source === 'string' ? 0 : source.scrapeIntervalMs)));
}

function suiteProblems({ probes }: RolloutWish, { namespace, stores }: Planning): Problem[] {
  return probes.flatMap((name, index): Problem[] => {
    const field = `spec.probes[${index}].suite`;
    const object = stores.suites.get({ namespace, name });
    if (object === undefined)
      return [
        {
          field,
          message: `ProbeSuite ${name} does not exist in namespace ${namespace}: create it, or take the probe out`,
        },
      ];
    const read = readProbeSuite(object);
    return read.ok
      ? []
      : read.problems.map(({ field: at, message }) => ({ field, message: `ProbeSuite ${name}: ${at} ${message}` }));
  });
}
