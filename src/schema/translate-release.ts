import type { Change } from '#core/change.ts';
import type { ArmSplit, Gate, LabelSplit, ProbeSli, Sli, Slo } from '#core/gate.ts';
import type { Bake, Plan, ReleaseState, Step } from '#core/model.ts';
import { present } from '#core/raw.ts';
import { formatDuration, formatPercent, parsePercent } from '#lib/units.ts';
import { type Parsed, readPart } from './parse.ts';
import { reachFields, reachOf } from './reach.ts';
import { type ReleaseSpec, releaseSpec } from './release.ts';
import { clip } from './release-words.ts';
import { millis } from './rollout.ts';
import { surgeOf, surgeText } from './surge.ts';
import { ratioOfPercent } from './translate-inputs.ts';

/** Shares of the SLO's whole error budget, e.g. 0.001 is 0.1 %. */
export interface Budget {
  targetSpend: number;
  maxSpend: number;
  /** What earlier releases burnt within the window; left out: nothing. */
  carried?: number;
}

/** What a Release says of its own beginning, in the words of the core. */
export interface ReleaseRecord {
  rollout: string;
  revision: string;
  from: string;
  attempt: number;
  plan: Plan;
  budget: Budget;
  change: Change;
}

const IMAGES_MAX = 32;

interface Wish {
  budget: Budget;
  change: Change;
  /** Rollout.spec: the images are those of its template. */
  source: { template: { spec: Record<string, unknown> } };
}

/** Release.spec of a release that begins now. */
export function releaseSpecOf(
  rollout: string,
  { release, plan, wish }: { release: ReleaseState; plan: Plan; wish: Wish },
): ReleaseSpec {
  return {
    rollout,
    revision: release.revision,
    from: release.from,
    attempt: release.attempt,
    plan: {
      steps: plan.steps.map(stepText),
      ...(plan.bake === undefined ? {} : { bake: bakeText(plan.bake) }),
      ...(plan.promotion === undefined ? {} : { promotion: plan.promotion }),
      gates: plan.gates.map(gateText),
      probes: plan.probes,
      onBreach: plan.onBreach,
      ...(plan.maxSurge === undefined ? {} : { maxSurge: surgeText(plan.maxSurge) }),
      ...(plan.replaceBadPods === undefined ? {} : { replaceBadPods: plan.replaceBadPods }),
      rollback: plan.rollback,
    },
    budget: budgetText(wish.budget),
    images: imagesOf(wish.source.template.spec),
    change: wish.change,
  };
}

/** Reads a Release back: the plan of a release is that of its record, whatever became of the Rollout. */
export function readRelease(object: unknown): Parsed<ReleaseRecord> {
  const read = readPart(object, 'spec', releaseSpec);
  if (!read.ok) return read;
  const { rollout, revision, from, attempt, plan, budget, change } = read.value;
  const value: ReleaseRecord = {
    ...{ rollout, revision, from, attempt, change },
    plan: planOf(plan),
    budget: present<Budget>({
      targetSpend: ratioOf(budget.targetSpend),
      maxSpend: ratioOf(budget.maxSpend),
      carried: budget.carried === undefined ? undefined : ratioOf(budget.carried),
    }),
  };
  return { ok: true, value };
}

function planOf({ bake, maxSurge, ...plan }: ReleaseSpec['plan']): Plan {
  const steps = plan.steps.map(stepOf);
  const pace = maxSurge === undefined ? {} : { maxSurge: surgeOf(maxSurge) };
  return {
    ...plan,
    ...pace,
    steps,
    gates: plan.gates.map(gateOf),
    ...(bake === undefined ? {} : { bake: bakeOf(bake) }),
  };
}

type BakeRecord = NonNullable<ReleaseSpec['plan']['bake']>;

function bakeText({ forMs, control }: Bake): BakeRecord {
  return { for: durationText(forMs), control: formatPercent(control) };
}

function bakeOf({ for: length, control }: BakeRecord): Bake {
  return { forMs: millis(length), control: parsePercent(control) ?? 0 };
}

function budgetText({ targetSpend, maxSpend, carried = 0 }: Budget): ReleaseSpec['budget'] {
  const shares = { targetSpend: percentText(targetSpend), maxSpend: percentText(maxSpend) };
  return carried > 0 ? { ...shares, carried: percentText(carried) } : shares;
}

/** A share of one as people read it: 0.005 → `0.5%`. Exact to nine decimals of a percent. */
export function percentText(ratio: number): string {
  const bounded = Math.min(999, Math.max(0, Number.isFinite(ratio) ? ratio * 100 : 0));
  return `${bounded.toFixed(9).replace(/[.]?0+$/, '')}%`;
}

function ratioOf(percent: string): number {
  return ratioOfPercent(percent.slice(0, -1));
}

/** Exact to the millisecond, which the shortest form is not. */
function durationText(ms: number): string {
  return ms % 1000 === 0 ? formatDuration(ms) : `${Math.round(ms)}ms`;
}

function stepText({
  weight,
  holdMs,
  canaryReplicas,
  maxSurge,
  pause,
  reach,
  approval,
  sees,
  needsMs,
}: Step): ReleaseSpec['plan']['steps'][number] {
  const stop = pause?.forMs === undefined ? pause && {} : { for: durationText(pause.forMs) };
  return present<ReleaseSpec['plan']['steps'][number]>({
    weight: formatPercent(weight),
    ...reachFields(reach),
    hold: durationText(holdMs),
    canaryReplicas,
    maxSurge: maxSurge && surgeText(maxSurge),
    pause: stop,
    approval,
    sees: sees === undefined ? undefined : percentText(sees),
    needs: needsMs === undefined ? undefined : durationText(needsMs),
  });
}

function stepOf(step: ReleaseSpec['plan']['steps'][number]): Step {
  const { weight, hold, canaryReplicas, maxSurge, pause, approval, sees, needs } = step;
  return present<Step>({
    weight: parsePercent(weight) ?? 0,
    reach: reachOf(step),
    holdMs: millis(hold),
    canaryReplicas,
    maxSurge: maxSurge === undefined ? undefined : surgeOf(maxSurge),
    pause: pause === undefined ? undefined : pause.for === undefined ? {} : { forMs: millis(pause.for) },
    approval,
    sees: sees === undefined ? undefined : ratioOf(sees),
    needsMs: needs === undefined ? undefined : millis(needs),
  });
}

type GateRecord = ReleaseSpec['plan']['gates'][number];
type SloRecord = GateRecord['slo'];

function gateText({ name, role, slo, tolerate, maxWaitMs, warmUpMs = 0, onNoData }: Gate): GateRecord {
  const record = { name, role, slo: sloText(slo), tolerate: percentText(tolerate), maxWait: durationText(maxWaitMs) };
  return present<GateRecord>({ ...record, warmUp: warmUpMs > 0 ? durationText(warmUpMs) : undefined, onNoData });
}

function sloText({ name, sli, arms, objective, windowMs, source }: Slo): SloRecord {
  const record = {
    name,
    objective: percentText(objective).slice(0, -1),
    window: durationText(windowMs),
    sli: sliText(sli),
    split: arms.by === 'Pod' ? undefined : splitText(arms),
    source,
  };
  return present<SloRecord>(record);
}

function splitText({ by: _, ...split }: LabelSplit): NonNullable<SloRecord['split']> {
  return split;
}

function sliText(sli: Sli): SloRecord['sli'] {
  if (sli.kind === 'latency') {
    const { histogram, threshold, form } = sli;
    return { latency: { histogram, threshold: String(threshold), form } };
  }
  if (sli.kind === 'business') {
    const { kind: _, tolerate, lagMs, ...rest } = sli;
    return { business: { ...rest, tolerate: percentText(tolerate), lag: durationText(lagMs) } };
  }
  if (sli.kind === 'query') {
    const { kind: _, value, ...rest } = sli;
    return { query: { ...rest, value: String(value) } };
  }
  if (sli.kind === 'probe') {
    const { kind: _, everyMs, tolerate, passRate, ...rest } = sli;
    const shares = passRate === undefined ? {} : { passRate: percentText(passRate) };
    return { probe: { ...rest, every: durationText(everyMs), tolerate: percentText(tolerate), ...shares } };
  }
  const { kind: _, ...events } = sli;
  return { events };
}

function gateOf({ name, role, slo, tolerate, maxWait, warmUp, onNoData }: GateRecord): Gate {
  const gate = { name, role, slo: sloOf(slo), tolerate: ratioOf(tolerate), maxWaitMs: millis(maxWait) };
  return present<Gate>({ ...gate, warmUpMs: warmUp === undefined ? undefined : millis(warmUp), onNoData });
}

function sloOf({ name, objective, window, sli, split, source }: SloRecord): Slo {
  const arms: ArmSplit = split === undefined ? { by: 'Pod' } : armsOf(split);
  return present<Slo>({
    name,
    sli: sliOf(sli),
    arms,
    objective: ratioOfPercent(objective),
    windowMs: millis(window),
    source,
  });
}

function armsOf({ exact, ...split }: NonNullable<SloRecord['split']>): LabelSplit {
  return { by: 'Label', ...split, ...(exact === true ? { exact } : {}) };
}

function probeOf({ every, tolerate, passRate, paired, ...rest }: NonNullable<SloRecord['sli']['probe']>): ProbeSli {
  return {
    kind: 'probe',
    ...rest,
    everyMs: millis(every),
    tolerate: ratioOf(tolerate),
    ...(passRate === undefined ? {} : { passRate: ratioOf(passRate) }),
    ...(paired === true ? { paired } : {}),
  };
}

/** A record without any SLI, which no operator writes, counts a metric that nobody has: no data, and no pass. */
function sliOf({ events, latency, business, query, probe }: SloRecord['sli']): Sli {
  if (probe !== undefined) return probeOf(probe);
  if (query !== undefined) return { kind: 'query', ...query, value: Number(query.value) };
  if (latency !== undefined) return { kind: 'latency', ...latency, threshold: Number(latency.threshold) };
  if (business !== undefined) {
    const { tolerate, lag, paired, ...counters } = business;
    const rest = { ...counters, ...(paired === true ? { paired } : {}) };
    return { kind: 'business', ...rest, tolerate: ratioOf(tolerate), lagMs: millis(lag) };
  }
  return events === undefined
    ? { kind: 'events', total: { metric: 'missing', matchers: [] } }
    : { kind: 'events', ...events };
}

/** Container names and images, as the template asks for them. */
export function imagesOf(podSpec: Record<string, unknown>): ReleaseSpec['images'] {
  const containers = Array.isArray(podSpec['containers']) ? (podSpec['containers'] as Record<string, unknown>[]) : [];
  return containers
    .slice(0, IMAGES_MAX)
    .map(({ name, image }) => ({ container: String(name).slice(0, 63), image: clip(String(image)) }));
}
