import type { Cause, Counts, Evidence, GateContext, SpendForecast } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { advanceIncrement, advanceLimit, boundExcess, excessToExclude, plugInRate } from './advance.ts';
import {
  ALPHA,
  DARK_DUE,
  DARK_DUE_LATER,
  NEWEST_BUCKETS,
  PAST_ROUTE_SURE,
  RATE_REQUESTS_PER_EXCESS,
} from './bounds.ts';
import { addArm, addCounts, burnLogE, burnRate, foldRecent, noCounts, sumRecent } from './burn.ts';
import { type CountSight, isExposed, scrapeOf, silentSince } from './count.ts';
import { armNoise, foldDispersion, temperOf } from './dispersion.ts';
import { clearStopTest, foldStopTest, logEvidence, matters, reaches, type StopTest, stopLimit } from './eprocess.ts';
import { type ErrorGate, freshAttempt, freshStep, type Silence } from './error-state.ts';
import { forecastSpend } from './forecast.ts';
import { foldInfluence, type MainSource, mainSource, noInfluence } from './influence.ts';
import { foldLedger, type Ledger, overspent, spendOf } from './ledger.ts';
import type { Arm, ArmCounts, PodInfo, TickSamples } from './samples.ts';

/** Starts afresh what a new attempt or a new step starts afresh. */
export function renew(state: ErrorGate, { epoch, stepEpoch }: GateContext): ErrorGate {
  if (state.epoch !== epoch) {
    const { fired: _, ...rest } = state;
    return { ...rest, ...freshAttempt(), epoch, stepEpoch, startedAt: state.at };
  }
  return state.stepEpoch === stepEpoch ? state : { ...state, ...freshStep(), stepEpoch };
}

/** One whole tick as requests: what is total and bad is for the kind of gate to say. */
export interface Counted {
  at: Millis;
  counts: ArmCounts;
  canaryUnknown: boolean;
  /** The same by pod, for dispersion and influence. */
  byPod?: ByPod;
  /** What the stop test makes of the tick, where it looks at more than its bad requests. `temper` is φ of the tick. */
  foldStop?(stop: StopTest, elapsedMs: Millis, temper: number): StopTest;
}

export type ByPod = Record<Arm, ReadonlyMap<string, Counts>>;

const noPods: ByPod = { canary: new Map(), stable: new Map() };

/** What the pods of each arm counted, `read` as requests. */
export function podCounts({ reading: { byPod }, tick }: CountSight, read: (sums: readonly number[]) => Counts): ByPod {
  const counted = { canary: new Map<string, Counts>(), stable: new Map<string, Counts>() };
  for (const [pod, { arm, sums }] of byPod) {
    // A gateway's process serves many pods of the canary: none of them can be blamed for what it counts.
    if (arm === 'stable' || tick.pods === undefined) counted[arm].set(pod, read(sums));
  }
  return counted;
}

/** What probes ask of a canary is no users' experience. */
export function ofUsers(counts: ArmCounts, context: GateContext): ArmCounts {
  return isExposed(context) ? counts : { ...counts, canary: noCounts.canary };
}

export function countTick(state: ErrorGate, counted: Counted, context: GateContext): ErrorGate {
  const { at, canaryUnknown, byPod = noPods } = counted;
  const tick = ofUsers(counted.counts, context);
  const foldStop = counted.foldStop ?? ((stop, elapsedMs, temper) => foldStopTest(stop, tick, elapsedMs, { temper }));
  const control = sumRecent(state.recent, NEWEST_BUCKETS).stable;
  const temper = temperOf(state.dispersion) * armNoise(tick, at - state.at, control);
  // Waiting for scrapes can join ticks of two weights into one, and those must not be pooled.
  const mixed = state.weight !== context.weight && at - state.at > 2 * scrapeOf(context);
  const elapsedMs = state.at - state.startedAt;
  const recent = foldRecent(state.recent, tick, at);
  const controlled = sumRecent(recent).stable.total > 0;
  const users = context.copied === true ? { ...tick, canary: noCounts.canary } : tick;
  const next: ErrorGate = {
    ...state,
    ticks: state.ticks + 1,
    weight: context.weight,
    rps: (users.canary.total + users.stable.total) / ((at - state.at) / 1000),
    all: addCounts(state.all, tick),
    stop: mixed || state.fired !== undefined ? state.stop : foldStop(state.stop, elapsedMs, temper),
    alone: controlled ? state.alone : addArm(state.alone, tick.canary),
    ledger: chargeUsers(foldLedger(state.ledger, tick, state.all.stable), state.ledger, context),
    copied: context.copied === true ? addArm(state.copied, tick.canary) : state.copied,
    recent,
    dispersion: foldDispersion(state.dispersion, byPod.stable, at),
    influence: context.weight > 0 ? foldInfluence(state.influence, tick, byPod.canary) : state.influence,
  };
  const arrived = context.arrived && state.at >= (context.raisedAt ?? 0);
  return arrived ? countStep(next, { tick, ms: at - state.at, canaryUnknown }, context) : next;
}

/** What a canary makes of copies is evidence against it, and costs nobody anything. */
function chargeUsers(ledger: Ledger, { charged }: Ledger, { copied }: GateContext): Ledger {
  return copied === true ? { ...ledger, charged } : ledger;
}

/** What only whole ticks since the step arrived may count for. */
function countStep(
  state: ErrorGate,
  { tick, ms, canaryUnknown }: { tick: ArmCounts; ms: Millis; canaryUnknown: boolean },
  context: GateContext,
): ErrorGate {
  const excess = excessOf(context);
  const control = controlOf(state, excess);
  const rate = plugInRate(control);
  const sure = control.total * excess >= RATE_REQUESTS_PER_EXCESS;
  const gain = sure ? advanceIncrement(tick.canary, { rate, excess: boundExcess(excess, rate) }) : 0;
  // After a restart a canary may be older than the first look: what it finished before its first scrape is not known,
  // so its silence begins there.
  const due = canaryUnknown ? 0 : state.silence.due + dueOn(state, context, { stable: tick.stable.total, ms });
  const { stable, ms: before } = state.silence;
  const silence: Silence =
    tick.canary.total > 0
      ? { due: 0, answered: true, stable: stable + tick.stable.total, ms: before + ms }
      : { ...state.silence, due };
  return {
    ...state,
    step: addCounts(state.step, tick),
    advance: state.advance + gain / temperOf(state.dispersion),
    silence,
  };
}

/** Stable's counts of the last minutes, because its rate moves; of the whole attempt where those are too few. */
function controlOf(state: ErrorGate, excess: number) {
  const newest = sumRecent(state.recent).stable;
  return newest.total * excess >= RATE_REQUESTS_PER_EXCESS ? newest : state.all.stable;
}

function excessOf({ gate: { slo, tolerate }, targetSpend, reactionMs, nextWeight }: GateContext): number {
  const { objective, windowMs } = slo;
  const next = nextWeight === undefined ? {} : { nextWeight };
  return excessToExclude({ tolerate, objective, windowMs, targetSpend, reactionMs, ...next });
}

/**
 * Requests that the route owed the canary while stable finished some in so much time. Clients of the Service reach stable
 * past the route: what they usually bring, known from the time when the canary answered, is owed to nobody. So a gateway
 * that stalls does not make the canary dark while they go on.
 */
function dueOn(
  { step, silence }: ErrorGate,
  { weight, unrouted = false, sticky = false }: GateContext,
  { stable, ms }: { stable: number; ms: Millis },
): number {
  if (unrouted || sticky) return usualFor({ step, silence }, stable);
  if (weight <= 0 || weight >= WHOLE) return 0;
  const routed = (step.canary.total * (WHOLE - weight)) / weight;
  const known = step.canary.total >= PAST_ROUTE_SURE && silence.ms > 0;
  const past = known ? (Math.max(0, silence.stable - routed) * ms) / silence.ms : 0;
  return (Math.max(0, stable - past) * weight) / (WHOLE - weight);
}

/**
 * Without a route clients keep their connections to old pods for as long as they like, and sticky sessions their arm, so
 * nothing is owed to a canary that nobody has called yet. One that has answered a while is owed its usual share.
 */
function usualFor({ step, silence }: Pick<ErrorGate, 'step' | 'silence'>, stable: number): number {
  if (step.canary.total < PAST_ROUTE_SURE || silence.stable <= 0) return 0;
  return (stable * step.canary.total) / silence.stable;
}

/**
 * Silence is the canary's own only while user traffic has had the time to arrive, and while Prometheus means to scrape
 * all of its pods: a frozen pod still is a target, a pod that nobody selected is a gap in the configuration.
 */
export function isDarkable({ at, targets }: TickSamples, pods: readonly PodInfo[], context: GateContext): boolean {
  const { arrived, weight, raisedAt = 0, reactionMs } = context;
  if (!arrived || weight <= 0 || at < raisedAt + reactionMs) return false;
  const targeted = new Set(targets.map(({ pod }) => pod));
  return pods.every(({ pod, arm, available }) => arm === 'stable' || !available || targeted.has(pod));
}

/**
 * The tick waits for the canary's scrapes, while stable's counters tell what was due meanwhile. One late scrape is no
 * silence, and neither is a source that comes back and has not been to the canary yet: its scrapes must have failed, and
 * only what was due since it came back counts.
 */
export function pendingSilence(
  state: ErrorGate,
  { counts, reading: { unscraped, overdue }, tick: { at, targets } }: CountSight & { counts: ArmCounts },
  context: GateContext,
): ErrorGate {
  const failing = new Set(targets.filter(({ up }) => up === 0).map(({ pod }) => pod));
  const failed = unscraped.length === overdue.length && overdue.every((pod) => failing.has(pod));
  if (!failed || counts.canary.total > 0) return state;
  const since = silentSince(state, at, context);
  if (since === undefined) return state;
  const silent = Math.min(1, (at - Math.max(since, context.raisedAt ?? 0)) / (at - state.at));
  const due = state.silence.due + silent * dueOn(state, context, { stable: counts.stable.total, ms: at - state.at });
  return due >= darkLimit(state.silence) ? stopWith(state, 'DarkCanary', at) : state;
}

function darkLimit({ answered }: Silence): number {
  return answered ? DARK_DUE_LATER : DARK_DUE;
}

export interface StopQuestion {
  at: Millis;
  /** Silence may be blamed on the canary. */
  dark: boolean;
  /** Excess that the stop test has seen, where it looks at more than the bad requests. */
  excess?: number;
}

/** Looks at every stop rule; the first that holds stands until the attempt ends. */
export function fire(state: ErrorGate, { at, dark, excess = 0 }: StopQuestion, context: GateContext): ErrorGate {
  const { slo } = context.gate;
  const limit = stopLimit(context.alpha ?? ALPHA);
  const seen = Math.max(excess, excessSeen(state));
  if (reaches(state.stop, limit) && matters(seen) && mainSource(state.influence) === undefined)
    return stopWith(state, 'Worse', at);
  const alone = state.alone.total > 0 && sumRecent(state.recent).stable.total === 0;
  if (alone && burnLogE(state.alone, burnRate(slo.objective)) >= limit) return stopWith(state, 'ObjectiveMissed', at);
  if (overspent(state.ledger, spendSoFar(state, context, at), context.maxSpend))
    return stopWith(state, 'BudgetSpent', at);
  return dark && state.silence.due >= darkLimit(state.silence) ? stopWith(state, 'DarkCanary', at) : state;
}

/** The one pod, or tick, for whose sake alone the stop test has not stopped the release. */
export function suspectOf(state: ErrorGate, context: GateContext): MainSource | undefined {
  const due = state.fired === undefined && reaches(state.stop, stopLimit(context.alpha ?? ALPHA));
  return due ? mainSource(state.influence) : undefined;
}

/** A pod that was under suspicion and has gone took its failures along: what they proved is forgotten, once for each. */
export function withoutGone<S extends ErrorGate>(state: S, pods: readonly PodInfo[], context: GateContext): S {
  const pod = suspectOf(state, context)?.pod;
  if (pod === undefined || pods.some((one) => one.pod === pod)) return state;
  return { ...state, ...freshStep(), stop: clearStopTest(state.stop), influence: noInfluence };
}

function stopWith(state: ErrorGate, cause: Cause, at: Millis): ErrorGate {
  return state.fired === undefined ? { ...state, fired: { cause, at } } : state;
}

/** The larger of the attempt's excess, tick by tick, and that of the last minutes, which a late defect shows in first. */
function excessSeen({ ledger, all, recent }: ErrorGate): number {
  const { canary, stable } = sumRecent(recent);
  const newest = canary.bad / Math.max(1, canary.total) - stable.bad / Math.max(1, stable.total);
  return Math.max(newest, ledger.net / Math.max(1, all.canary.total));
}

function spendSoFar(state: ErrorGate, context: GateContext, at: Millis): number {
  const { objective, windowMs } = context.gate.slo;
  const requests = state.all.canary.total - state.copied.total + state.all.stable.total;
  return spendOf(state.ledger, { objective, windowMs, requests, elapsedMs: at - state.startedAt });
}

/** Everything behind a verdict, for people and for recomputing it. */
export function evidenceOf(state: ErrorGate, context: GateContext): Evidence {
  const { at, ticks, all, step, rps } = state;
  const finished = step.canary.total + step.stable.total;
  const excess = excessOf(context);
  const control = controlOf(state, excess);
  const rate = plugInRate(control);
  const temper = temperOf(state.dispersion);
  const spend = spendSoFar(state, context, at);
  const evidence: Evidence = {
    at,
    ticks,
    canary: all.canary,
    stable: all.stable,
    stopLogE: logEvidence(state.stop),
    stopLimit: stopLimit(context.alpha ?? ALPHA),
    advanceLogE: state.advance,
    advanceLimit: advanceLimit(context.attempt),
    advanceExcess: boundExcess(excess, rate),
    step,
    rps,
    spend,
  };
  if (temper > 1) evidence.dispersion = temper;
  if (state.copied.total > 0) evidence.copied = state.copied;
  if (finished > 0) evidence.share = step.canary.total / finished;
  const forecast = spendAhead(state, context, { rate, rateRequests: control.total, temper, spend });
  if (forecast !== undefined) evidence.forecast = forecast;
  return evidence;
}

/** What the next weight is going to burn, once there is a stay to judge by. */
function spendAhead(
  { step, rps, ledger }: ErrorGate,
  context: GateContext,
  { rate, rateRequests, temper, spend }: { rate: number; rateRequests: number; temper: number; spend: number },
): SpendForecast | undefined {
  const { next, reactionMs, arrived, alpha = ALPHA, maxSpend, gate } = context;
  if (next === undefined || !arrived || step.canary.total <= 0) return undefined;
  const limit = advanceLimit(context.attempt);
  const { objective, windowMs } = gate.slo;
  return forecastSpend(
    { canary: step.canary, rate, rateRequests, limit, temper },
    { next, rps, base: rate, objective, windowMs, reactionMs, alpha, temper },
    { charged: ledger.charged, spend, maxSpend },
  );
}
