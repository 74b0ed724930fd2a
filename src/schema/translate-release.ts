import type { Gate, Slo } from '#core/gate.ts';
import type { Plan, ReleaseState, Step } from '#core/model.ts';
import { present } from '#core/raw.ts';
import { formatDuration, formatPercent, parsePercent } from '#lib/units.ts';
import { type Parsed, readPart } from './parse.ts';
import { type ReleaseSpec, releaseSpec } from './release.ts';
import { clip } from './release-words.ts';
import { millis } from './rollout.ts';
import { ratioOfPercent } from './translate-inputs.ts';

/** Shares of the SLO's whole error budget, e.g. 0.001 is 0.1 %. */
export interface Budget {
  targetSpend: number;
  maxSpend: number;
}

/** What the change is, as the Rollout's annotations say. */
export interface Change {
  commit?: string;
  author?: string;
  kind?: string;
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
      gates: plan.gates.map(gateText),
      probes: plan.probes,
      onBreach: plan.onBreach,
      rollback: plan.rollback,
    },
    budget: { targetSpend: percentText(wish.budget.targetSpend), maxSpend: percentText(wish.budget.maxSpend) },
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
    plan: { ...plan, steps: plan.steps.map(stepOf), gates: plan.gates.map(gateOf) },
    budget: { targetSpend: ratioOf(budget.targetSpend), maxSpend: ratioOf(budget.maxSpend) },
  };
  return { ok: true, value };
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

function stepText({ weight, holdMs, canaryReplicas, pause }: Step): ReleaseSpec['plan']['steps'][number] {
  const stop = pause?.forMs === undefined ? pause && {} : { for: durationText(pause.forMs) };
  return present<ReleaseSpec['plan']['steps'][number]>({
    weight: formatPercent(weight),
    hold: durationText(holdMs),
    canaryReplicas,
    pause: stop,
  });
}

function stepOf({ weight, hold, canaryReplicas, pause }: ReleaseSpec['plan']['steps'][number]): Step {
  return present<Step>({
    weight: parsePercent(weight) ?? 0,
    holdMs: millis(hold),
    canaryReplicas,
    pause: pause === undefined ? undefined : pause.for === undefined ? {} : { forMs: millis(pause.for) },
  });
}

type GateRecord = ReleaseSpec['plan']['gates'][number];

function gateText({ name, role, slo, tolerate, maxWaitMs }: Gate): GateRecord {
  const { windowMs, objective, ...rest } = slo;
  const record = { ...rest, objective: percentText(objective).slice(0, -1), window: durationText(windowMs) };
  return { name, role, slo: record, tolerate: percentText(tolerate), maxWait: durationText(maxWaitMs) };
}

function gateOf({ name, role, slo, tolerate, maxWait }: GateRecord): Gate {
  const { window, objective, ...rest } = slo;
  const read: Slo = { ...rest, objective: ratioOfPercent(objective), windowMs: millis(window) };
  return { name, role, slo: read, tolerate: ratioOf(tolerate), maxWaitMs: millis(maxWait) };
}

/** Container names and images, as the template asks for them. */
export function imagesOf(podSpec: Record<string, unknown>): ReleaseSpec['images'] {
  const containers = Array.isArray(podSpec['containers']) ? (podSpec['containers'] as Record<string, unknown>[]) : [];
  return containers
    .slice(0, IMAGES_MAX)
    .map(({ name, image }) => ({ container: String(name).slice(0, 63), image: clip(String(image)) }));
}
