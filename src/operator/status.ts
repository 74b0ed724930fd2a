import { availableOf, setOf } from '#core/capacity.ts';
import { conditionsOf } from '#core/conditions.ts';
import type { SpendForecast } from '#core/gate.ts';
import { REVISION_LABEL, ROLLOUT_LABEL } from '#core/labels.ts';
import { rungName } from '#core/ladder.ts';
import type { Plan, State } from '#core/model.ts';
import { weightReached } from '#core/pace.ts';
import { present } from '#core/raw.ts';
import type { Seen } from '#core/seen.ts';
import { ROLLOUT } from '#kube/resources.ts';
import { sameJson } from '#lib/json.ts';
import { formatPercent, type Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { conflictOn, type Store } from '#runtime/cache.ts';
import { clip } from '#schema/release-words.ts';
import type { ArmStatus, Condition, ForecastStatus, GateStatus, RolloutStatus } from '#schema/rollout-status.ts';
import { storable } from '#schema/translate.ts';
import { percentText } from '#schema/translate-release.ts';
import { keyOf, type Sight } from './observe.ts';

/** Figures and sentences for people alone are written at most this often: the state itself never waits. */
const FIGURES_EVERY_MS: Millis = 5000;

/** All Rollouts together write them this far apart: a thousand moving releases change theirs every second. */
const FIGURES_APART_MS: Millis = 20;

/** Conditions whose message is the state's own sentence again, figures and all. */
const SAY_AGAIN = new Set(['Ready', 'Reconciling', 'Stalled', 'Paused']);

export interface StatusWriter {
  /**
   * One versioned write of everything. Without a change of state only when the figures are old enough; else the answer
   * is in how many milliseconds they will be.
   */
  write(rollout: KubeObject, what: { next: State; sight: Sight; changed: boolean }): Promise<Millis | undefined>;
  forget(key: string): void;
}

/** The single writer of Rollout.status. */
export function createStatusWriter({
  api,
  store,
  clock,
  figuresEveryMs = FIGURES_EVERY_MS,
}: {
  api: KubeApi;
  store: Store;
  clock: Clock;
  figuresEveryMs?: Millis;
}): StatusWriter {
  const writtenAt = new Map<string, Millis>();
  // Whose figures wait for their turn among all Rollouts, and when that is.
  const turns = new Map<string, Millis>();
  let freeAt = Number.NEGATIVE_INFINITY;
  const waitOf = (key: string): Millis => {
    const now = clock.monotonic();
    const ripe = (writtenAt.get(key) ?? Number.NEGATIVE_INFINITY) + figuresEveryMs;
    if (now < ripe) return ripe - now;
    const turn = turns.get(key) ?? Math.max(now, freeAt);
    if (!turns.has(key)) freeAt = turn + FIGURES_APART_MS;
    turns.set(key, turn);
    return turn - now;
  };
  return {
    async write(rollout, { next, sight, changed }) {
      const key = keyOf(rollout);
      const before = (rollout['status'] ?? {}) as RolloutStatus;
      const status = statusOf(rollout, before, { next, sight, now: clock.now() });
      if (sameJson(before, status)) return undefined;
      const waitMs = changed || urgentFigures(before, status) ? 0 : waitOf(key);
      if (waitMs > 0) return waitMs;
      const options = { subresource: 'status', fieldManager: 'headgate', urgent: changed } as const;
      store.noteWrite(await api.replace(ROLLOUT, { ...rollout, status }, options).catch(conflictOn(store, rollout)));
      writtenAt.set(key, clock.monotonic());
      turns.delete(key);
      return undefined;
    },
    forget(key) {
      writtenAt.delete(key);
      turns.delete(key);
    },
  };
}

/** Autoscalers act on these, and conditions are what people wait for: they are never held back. */
function urgentFigures(before: RolloutStatus, after: RolloutStatus): boolean {
  const told = ({ observedGeneration, replicas, selector, conditions = [] }: RolloutStatus) => ({
    observedGeneration,
    replicas,
    selector,
    conditions: conditions.map((condition) =>
      SAY_AGAIN.has(condition.type) ? { ...condition, message: '' } : condition,
    ),
  });
  return !sameJson(told(before), told(after));
}

/** The whole status as it is stored. Pure. */
export function statusOf(
  rollout: KubeObject,
  before: RolloutStatus,
  { next, sight, now }: { next: State; sight: Sight; now: Millis },
): RolloutStatus {
  const { seen } = sight;
  const { release } = next;
  const plan = seen.release?.plan;
  const canary = release === undefined || release.committed ? undefined : release.revision;
  const main = mainArm(next, plan);
  return present<RolloutStatus>({
    observedGeneration: rollout.metadata.generation,
    phase: next.phase,
    reason: next.reason,
    message: clip(next.message),
    stable: next.stable === undefined ? undefined : armStatus(next.stable, sight),
    canary: canary === undefined ? undefined : armStatus(canary, sight),
    step: release === undefined || plan === undefined ? undefined : rungName(plan, release.step),
    weight: release === undefined ? undefined : formatPercent(release.weight),
    replicas: main === undefined ? 0 : (setOf(seen, main)?.pods.filter((pod) => !pod.terminating).length ?? 0),
    readyReplicas: main === undefined ? 0 : availableOf(seen, main).length,
    selector: main === undefined ? undefined : `${ROLLOUT_LABEL}=${rollout.metadata.name},${REVISION_LABEL}=${main}`,
    budgetSpent:
      release === undefined ? undefined : percentText(Math.max(0, ...seen.gates.map(({ evidence }) => evidence.spend))),
    budgetForecast: release === undefined ? undefined : dearest(seen.gates),
    gates: release === undefined ? undefined : seen.gates.map(gateStatusOf),
    conditions: conditions(before.conditions ?? [], next, seen, { generation: rollout.metadata.generation, now }),
    state: storable(next),
  });
}

/**
 * What an autoscaler acts on: stable below 50 %, the canary from 50 %. A share that is granted and not there yet does not
 * count: pods that wait for it have no load, and fewer of them would be asked for.
 */
function mainArm({ stable, release }: State, plan: Plan | undefined): string | undefined {
  if (release === undefined || release.ending !== undefined) return stable;
  const weight = plan === undefined ? release.weight : weightReached(release, plan);
  return weight >= 50_000 ? release.revision : stable;
}

function armStatus(revision: string, sight: Sight): ArmStatus {
  const { seen } = sight;
  const set = setOf(seen, revision);
  const pods = set?.pods.filter((pod) => !pod.terminating).length ?? 0;
  // The Rollout's own template is only the newest wish; what runs is what its ReplicaSet says.
  const image = set?.image ?? (revision === seen.spec?.revision ? imageOf(sight) : undefined);
  const digests = set?.digests;
  return present<ArmStatus>({ revision, image, digests, replicas: pods, ready: availableOf(seen, revision).length });
}

function imageOf({ wish }: Sight): string | undefined {
  const spec = wish?.source.template.spec as { containers?: { image?: string }[] } | undefined;
  return spec?.containers?.[0]?.image;
}

export function gateStatusOf(reading: Seen['gates'][number]): GateStatus {
  const { gate, role, verdict, cause, message, evidence } = reading;
  return present<GateStatus>({
    gate,
    role,
    verdict,
    cause,
    message: clip(message),
    canary: evidence.canary,
    stable: evidence.stable,
    stop: { logE: figureText(evidence.stopLogE), limit: figureText(evidence.stopLimit) },
    advance: { logE: figureText(evidence.advanceLogE), limit: figureText(evidence.advanceLimit) },
    spend: percentText(evidence.spend),
    forecast: evidence.forecast && forecastText(evidence.forecast),
  });
}

/** The forecast that is worst at the pessimistic end. */
function dearest(gates: Seen['gates']): ForecastStatus | undefined {
  const all = gates.flatMap(({ evidence: { forecast } }) => forecast ?? []);
  const [worst] = all.sort((a, b) => b.pessimistic - a.pessimistic);
  return worst && forecastText(worst);
}

function forecastText({ weight, expected, pessimistic }: SpendForecast): ForecastStatus {
  return {
    weight: formatPercent(weight),
    expected: percentText(tidy(expected)),
    pessimistic: percentText(tidy(pessimistic)),
  };
}

/** Three digits are more than it knows. */
function tidy(share: number): number {
  return Number(share.toPrecision(3));
}

function figureText(figure: number): string {
  return figure.toFixed(3);
}

/** `lastTransitionTime` moves with the status word alone, as every Kubernetes API has it. */
function conditions(
  before: readonly Condition[],
  next: State,
  seen: Seen,
  { generation, now }: { generation: number | undefined; now: Millis },
): Condition[] {
  return conditionsOf(next, seen).map((wish) => {
    const old = before.find((condition) => condition.type === wish.type);
    const lastTransitionTime =
      old?.status === wish.status ? old.lastTransitionTime : new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
    return present<Condition>({
      ...wish,
      message: clip(wish.message, 32_768),
      observedGeneration: generation,
      lastTransitionTime,
    });
  });
}
