import { type Millis, parsePercent, type Weight, WHOLE } from '#lib/units.ts';
import { type ArmEvidence, type Exposure, proofOf } from './breach.ts';
import type { Change } from './change.ts';
import type { Outcome, Stage } from './model.ts';
import { figure, instant, percent, present, type Raw, record, records, share, span, text, texts } from './raw.ts';
import { readReach, shortReach } from './reach.ts';
import { type GateView, gatesOf } from './view-gates.ts';

/** One Release as people see it, while it runs and in the history. */
export interface ReleaseView {
  name: string;
  uid?: string;
  revision: string;
  from: string;
  /** Counted from 1. */
  attempt: number;
  /** Undefined while it runs. */
  outcome?: Outcome;
  reason?: string;
  message?: string;
  ladder: Rung[];
  probes: string[];
  spend?: number;
  /** What the canary served over the whole release, and how many bad requests it served above stable's rate. */
  exposure?: Exposure;
  /** From the raise to the breach, and from there to weight 0 at every gateway. */
  timeToDetectMs?: Millis;
  timeToRemedyMs?: Millis;
  /** Who did it, and what users had met when it was found. */
  breach?: BreachView;
  /** When it last held for another release of its group, and whose own arms differed. */
  held?: HeldView;
  startedAt?: Millis;
  endedAt?: Millis;
  /** What an earlier attempt failed on. */
  earlierBreach?: string;
  /** Last readings, which outlive the Rollout's own. */
  gates: GateView[];
  /** What the change is and whose, as annotations said when it began. */
  change?: Change;
  /** The release fails once it burnt this share of the budget. */
  maxSpend?: number;
  /** Oldest first. */
  timeline: Moment[];
}

export interface BreachView {
  at?: Millis;
  cause: string;
  gate?: string;
  message?: string;
  exposure?: Exposure;
  /** Rollouts of the same group whose canaries had traffic at that moment. */
  beside: string[];
}

export interface HeldView {
  since?: Millis;
  until?: Millis;
  /** `checkout, bad by its own arms: …`; undefined: no release of the group showed it. */
  culprit?: string;
}

/** One step of the ladder. The last rung, 100 %, is the promotion. */
export interface Rung {
  weight: Weight;
  /** Whom it sends to the canary instead of a share of everybody, in few letters. */
  reach?: string;
  /** The rung after the last step: all but a control. */
  bake?: true;
  holdMs: Millis;
  pause?: { forMs?: Millis };
  /** Groups of which an approval is asked for before it is left; empty: of anybody. Undefined: none is asked for. */
  approval?: { minimum: number; groups: string[] };
  /** Foreseen when the release began: excess error ratio that the hold shows, and time that the evidence takes. */
  sees?: number;
  needsMs?: Millis;
  /** `stopped`: the release ended while it stood here. */
  state: 'done' | 'current' | 'ahead' | 'stopped';
}

export interface Moment {
  at: Millis;
  kind: string;
  message: string;
  /** Canary's share from this moment on, when it changed. */
  weight?: Weight;
}

/** `active` is the state's own record of the release, which is ahead of the object while it runs. */
export function releaseOf(release: unknown, active: Raw = {}): ReleaseView {
  const spec = record(release, 'spec');
  const status = record(release, 'status');
  const outcome = text(status['outcome']) as Outcome | undefined;
  const plan = record(spec, 'plan');
  return present<ReleaseView>({
    name: text(record(release, 'metadata')['name']) ?? text(active['name']) ?? '',
    uid: text(record(release, 'metadata')['uid']),
    revision: text(spec['revision']) ?? text(active['revision']) ?? '',
    from: text(spec['from']) ?? text(active['from']) ?? '',
    attempt: figure(active['attempt']) ?? figure(status['attempts']) ?? figure(spec['attempt']) ?? 1,
    outcome,
    reason: text(status['reason']),
    message: text(status['message']),
    ladder: ladderOf(plan, placeOf(active, status, { outcome, steps: records(plan['steps']).length })),
    probes: suitesOf(plan['probes']),
    spend: share(status['spend']),
    exposure: exposureOf(record(status, 'exposure')),
    timeToDetectMs: span(status['timeToDetect']),
    timeToRemedyMs: span(status['timeToRemedy']),
    breach: breachOf(record(status, 'breach')),
    held: heldOf(record(status, 'held')),
    startedAt:
      instant(active['startedAt']) ??
      instant(status['startedAt']) ??
      instant(record(release, 'metadata')['creationTimestamp']),
    endedAt: instant(status['endedAt']),
    earlierBreach: text(active['earlierBreach']) ?? text(status['earlierBreach']),
    gates: gatesOf(status['gates']),
    change: changeOf(record(spec, 'change')),
    maxSpend: share(record(spec, 'budget')['maxSpend']),
    timeline: records(status['timeline']).flatMap(momentOf),
  });
}

/** Where on the ladder a release stands, or stood when it ended. */
interface Place {
  /** Rungs below are done. */
  index: number;
  here: Rung['state'];
}

function placeOf(active: Raw, status: Raw, { outcome, steps }: { outcome: Outcome | undefined; steps: number }): Place {
  if (outcome === 'Promoted') return { index: Number.POSITIVE_INFINITY, here: 'done' };
  const match = /^(\d{1,4})\//.exec(text(status['step']) ?? '');
  const baked = status['step'] === 'bake' ? steps : undefined;
  const recorded = match === null ? baked : Number(match[1]) - 1;
  const index = figure(active['step']) ?? recorded ?? 0;
  if (outcome !== undefined || Object.keys(record(active, 'ending')).length > 0) return { index, here: 'stopped' };
  const stage = text(active['stage']) as Stage | undefined;
  if (stage === 'Promoting') return { index: Number.POSITIVE_INFINITY, here: 'current' };
  // Before the first raise nobody stands on the first step yet.
  return { index, here: stage === 'Preparing' || stage === 'Probing' ? 'ahead' : 'current' };
}

function ladderOf(plan: Raw, { index, here }: Place): Rung[] {
  const steps = records(plan['steps']);
  const rungs = steps.map((step, i): Rung => {
    const pause = step['pause'] === undefined ? undefined : record(step, 'pause');
    const forMs = pause === undefined ? undefined : span(pause['forMs'] ?? pause['for']);
    return present<Rung>({
      weight: stepWeight(step),
      reach: reachOf(step),
      holdMs: span(step['holdMs'] ?? step['hold']) ?? 0,
      pause: pause === undefined ? undefined : present<NonNullable<Rung['pause']>>({ forMs }),
      approval: approvalOf(step['approval']),
      sees: share(step['sees']),
      needsMs: span(step['needsMs'] ?? step['needs']),
      state: i < index ? 'done' : i === index ? here : 'ahead',
    });
  });
  if (steps.length === 0) return [];
  const state = (i: number): Rung['state'] => (i < index ? 'done' : i === index ? here : 'ahead');
  const bake = bakeOf(record(plan, 'bake'), { below: rungs.at(-1)?.weight ?? 0, state: state(steps.length) });
  const last = index === Number.POSITIVE_INFINITY ? here : 'ahead';
  const approval = approvalOf(plan['promotion']);
  const whole: Rung = { weight: WHOLE, holdMs: 0, state: last, ...(approval === undefined ? {} : { approval }) };
  return [...rungs, ...bake, whole];
}

function bakeOf(bake: Raw, { below, state }: { below: Weight; state: Rung['state'] }): Rung[] {
  const holdMs = span(bake['forMs'] ?? bake['for']);
  const control = bake['forMs'] === undefined ? percent(bake['control']) : figure(bake['control']);
  if (holdMs === undefined || control === undefined) return [];
  return [{ weight: Math.max(WHOLE - control, below), holdMs, state, bake: true }];
}

/** Of the last rung, the promotion, it is asked for before that begins. */
function approvalOf(value: unknown): Rung['approval'] {
  const asked = record(value);
  const minimum = figure(asked['minimum']);
  return minimum === undefined ? undefined : { minimum, groups: texts(asked['groups']) };
}

/** A step of the core has its reach in a member of its own, one of a record among the others. */
function reachOf(step: Raw): string | undefined {
  const reach = readReach(step['reach'] === undefined ? step : record(step, 'reach'));
  return reach === undefined ? undefined : shortReach(reach);
}

/** A step of the core carries its hold in milliseconds and its weight in 1/100,000; a step of the spec, percent. */
function stepWeight(step: Raw): Weight {
  const written = step['holdMs'] === undefined ? percent(step['weight']) : figure(step['weight']);
  return written ?? percent(step['weight']) ?? 0;
}

function suitesOf(value: unknown): string[] {
  return [...texts(value), ...records(value).flatMap(({ suite, name }) => text(suite ?? name) ?? [])];
}

function breachOf(breach: Raw): BreachView | undefined {
  const cause = text(breach['cause']);
  if (cause === undefined) return undefined;
  return present<BreachView>({
    at: instant(breach['at']),
    cause,
    gate: text(breach['gate']),
    message: text(breach['message']),
    exposure: exposureOf(record(breach, 'exposure')),
    beside: texts(breach['beside']),
  });
}

function heldOf(held: Raw): HeldView | undefined {
  const since = instant(held['since']);
  if (since === undefined) return undefined;
  const culprit = record(held, 'culprit');
  const rollout = text(culprit['rollout']);
  const arms = armCounts(record(culprit, 'arms'));
  return present<HeldView>({
    since,
    until: instant(held['until']),
    culprit: rollout && `${rollout}, bad by its own arms: ${proofOf(present({ gate: text(culprit['gate']), arms }))}`,
  });
}

function armCounts(arms: Raw): ArmEvidence | undefined {
  const of = (arm: string) => {
    const counts = record(arms, arm);
    return { total: figure(counts['total']) ?? 0, bad: figure(counts['bad']) ?? 0 };
  };
  return Object.keys(arms).length === 0 ? undefined : { canary: of('canary'), stable: of('stable') };
}

function exposureOf(exposure: Raw): Exposure | undefined {
  const requests = figure(exposure['canaryRequests']);
  if (requests === undefined) return undefined;
  return { requests, bad: figure(exposure['canaryBad']) ?? 0, excess: figure(Number(exposure['excess'])) ?? 0 };
}

function momentOf(entry: Raw): Moment[] {
  const at = instant(entry['at']);
  if (at === undefined) return [];
  const message = text(entry['message']) ?? '';
  const kind = text(entry['kind']) ?? '';
  return [present<Moment>({ at, kind, message, weight: weightIn(kind, message) })];
}

const weighty = new Set(['Weight', 'Raised', 'Lowered']);

/** A change of weight is an entry of such a kind with the new weight as its first percent, or says `weight 20%`. */
function weightIn(kind: string, message: string): Weight | undefined {
  const pattern = weighty.has(kind) ? /(\d{1,3}(?:\.\d{1,3})?%)/ : /\bweight (?:to )?(\d{1,3}(?:\.\d{1,3})?%)/i;
  const found = pattern.exec(message)?.[1];
  return found === undefined ? undefined : parsePercent(found);
}

function changeOf(change: Raw): Change | undefined {
  const named = present<Change>({
    commit: text(change['commit']),
    author: text(change['author']),
    kind: text(change['kind']),
    url: text(change['url']),
    cause: text(change['cause']),
  });
  return Object.keys(named).length === 0 ? undefined : named;
}
