import type { Millis } from '#lib/units.ts';
import type { Blame } from './attribution.ts';
import { badAgain } from './bad-pod.ts';
import type { BreachRecord } from './breach.ts';
import { readyOf } from './capacity.ts';
import { exposureOf } from './exposure.ts';
import type { Counts, OnNoData } from './gate.ts';
import type { Plan, ReleaseState, State } from './model.ts';
import { driftOf, topFence } from './routes.ts';
import type { Seen } from './seen.ts';
import { amend, end, restart, show, without } from './state.ts';
import { type Judgement, probesOf } from './verdict.ts';

/** Both arms bad this soon after a raise: the canary may be the cause, so it goes to 0, though without blame. */
export const BLAME_WINDOW_MS: Millis = 10 * 60_000;

/** Most other Rollouts that a breach names. */
export const BESIDE_MAX = 16;

/** A raise that was lost is written again at most this often a step. */
export const MAX_REWRITES = 3;

interface Moment {
  judgement: Judgement;
  seen: Seen;
  now: Millis;
}

interface Breach {
  cause: string;
  why: string;
  gate?: string;
}

/** A breach does at once what the plan says; nothing stands before it. */
export function onBreach(state: State, release: ReleaseState, at: Moment & { plan: Plan }): State | undefined {
  const breach = breachOf(release, at);
  if (breach === undefined) return undefined;
  // A pause that a breach made is lifted by a person alone; a canary that went dark meanwhile still goes to 0.
  const already = state.phase === 'Paused' && state.reason === 'GateBreached';
  if (already && breach.cause !== 'DarkCanary') return onNoPods(state, release, at) ?? state;
  return breached(state, release, breach, at);
}

function breachOf(release: ReleaseState, { plan, judgement, seen }: Moment & { plan: Plan }): Breach | undefined {
  if (judgement.breach !== undefined) {
    const { gate, cause, message } = judgement.breach;
    return { cause: cause ?? 'Worse', why: `${gate}: ${message}`, gate };
  }
  const probes = probesOf(seen, release);
  const probing = release.stage !== 'Preparing';
  if (probing && probes.result === 'CanaryFailed') return { cause: 'ProbeFailed', why: probes.message };
  return badAgain(release, { plan, judgement });
}

function breached(state: State, release: ReleaseState, breach: Breach, at: Moment & { plan: Plan }): State {
  const { plan, seen, now } = at;
  const { cause, why } = breach;
  const found = { ...release, breach: recordOf(release, breach, at) };
  const keep = plan.onBreach === 'Pause' && cause !== 'DarkCanary' && cause !== 'Correlated';
  if (keep) {
    const paused = show(state, { phase: 'Paused', reason: 'GateBreached', message: why }, now);
    return { ...paused, release: { ...found, earlierBreach: why } };
  }
  return end(state, found, { kind: plan.onBreach === 'Abort' ? 'Abort' : 'Retreat', at: now, why, cause }, seen);
}

/** The culprit is the one whose own arms differ; who else moved at that moment is named, for people to compare. */
function recordOf(
  release: ReleaseState,
  { cause, gate }: Breach,
  { plan, seen, now }: Moment & { plan: Plan },
): BreachRecord {
  const moved = (seen.group?.members ?? []).filter(({ carries }) => carries).map(({ rollout }) => rollout);
  const beside = [...moved, ...(seen.group?.elsewhere ?? [])].slice(0, BESIDE_MAX);
  return {
    at: now,
    cause,
    ...(gate === undefined ? {} : { gate }),
    ...(carriesTraffic(release) && release.raisedAt !== undefined ? { raisedAt: release.raisedAt } : {}),
    exposure: exposureOf(seen.gates, plan) ?? { requests: 0, bad: 0, excess: 0 },
    ...(beside.length === 0 ? {} : { beside }),
    ...armsOf(seen, gate),
  };
}

function armsOf({ gates }: Seen, name: string | undefined): Pick<BreachRecord, 'arms'> {
  const evidence = gates.find(({ gate }) => gate === name)?.evidence;
  if (evidence === undefined) return {};
  const whole = ({ total, bad }: Counts) => ({ total: Math.round(total), bad: Math.round(bad) });
  return { arms: { canary: whole(evidence.canary), stable: whole(evidence.stable) } };
}

/** Users meet the canary: through the routes, or as clients of the Service. */
function carriesTraffic({ weight, reach, joined = 0 }: ReleaseState): boolean {
  return weight > 0 || reach !== undefined || joined > 0;
}

/**
 * Both arms bad soon after a raise: canary to 0 without blame, and one return from 0 by itself per release.
 * A second time is no coincidence.
 */
export function onBothArmsBad(
  state: State,
  release: ReleaseState,
  at: Moment & { plan: Plan; blame: Blame | undefined },
): State | undefined {
  const { judgement, blame, now } = at;
  if (release.expedited !== undefined || release.returningSince !== undefined) return undefined;
  // Where others of the group move, the contrast of somebody's own arms is waited for first.
  if (blame !== undefined && blame.late !== true) return undefined;
  const since = blame === undefined ? now : (release.held?.since ?? now);
  const recent = release.raisedAt !== undefined && since - release.raisedAt < BLAME_WINDOW_MS;
  if (judgement.shared === undefined || !carriesTraffic(release) || !recent) return undefined;
  if (release.autoResumed) {
    const { gate } = judgement.shared;
    return breached(
      state,
      release,
      { cause: 'Correlated', why: `${gate}: both arms went bad again after a raise`, gate },
      at,
    );
  }
  return takeBack(
    state,
    release,
    at,
    `${judgement.shared.gate}: both arms are bad, nobody is blamed; waiting for stable to recover`,
  );
}

/**
 * A weight without a ready pod behind it is nothing but failed requests, and no gate sees them that counts in pods.
 * Pods go for many reasons, so the first time nobody is blamed.
 */
export function onNoPods(state: State, release: ReleaseState, at: Moment & { plan: Plan }): State | undefined {
  const { seen } = at;
  const sent = seen.routes.some(
    ({ weight, reach, spread }) => reach !== undefined || (weight ?? spread?.most ?? 0) > 0,
  );
  const granted = release.weight > 0 || release.reach !== undefined;
  if (!sent || !granted || readyOf(seen, release.revision).length > 0) return undefined;
  if (!release.autoResumed)
    return takeBack(state, release, at, 'no pod of the canary is ready, its traffic went back until one is');
  return breached(state, release, { cause: 'DarkCanary', why: 'no pod of the canary is ready, once more' }, at);
}

/**
 * A gate that sees nothing while users meet the canary, where the plan does not want to hold. Nothing is proved, so this
 * is no breach. A person's word for this stay stands in for the evidence that is missing.
 */
export function onSilence(state: State, release: ReleaseState, { judgement, seen, now }: Moment): State | undefined {
  if (!carriesTraffic(release) || release.word?.step === release.step || release.returningSince !== undefined)
    return undefined;
  const blind = (policy: OnNoData) => judgement.waiting.find((wait) => wait.blind && wait.onNoData === policy);
  const leaves = blind('Retreat');
  if (leaves !== undefined) {
    const why = `${leaves.message}; its onNoData is Retreat`;
    return end(state, release, { kind: 'Retreat', at: now, why, cause: 'NoData' }, seen);
  }
  const stops = blind('Pause');
  if (stops === undefined || state.phase === 'Paused') return undefined;
  return show(state, { phase: 'Paused', reason: 'NoData', message: `${stops.message}; its onNoData is Pause` }, now);
}

/** To 0 and back to the first step, the one time that needs no person. */
function takeBack(state: State, release: ReleaseState, { seen, now }: Moment, message: string): State {
  // A pause of the plan belongs to the step that has just been left; any other waits for whoever may lift it.
  const held = state.phase === 'Paused' && state.reason !== 'Step';
  // Somebody who took the traffic back in the same moment is no less waited for: it would return by itself.
  const drift = driftOf(seen, release);
  const face = drift.kind === 'Changed' ? routeChanged(state, drift.message, now) : undefined;
  const shown = held ? state : (face ?? show(state, { phase: 'Progressing', message }, now));
  return { ...shown, release: { ...restart(release, seen, { stage: 'Probing', now }), autoResumed: true }, since: now };
}

/** Never corrected upward: whoever took the traffic back is named, and a person decides. */
export function onDrift(state: State, release: ReleaseState, at: Moment): State | undefined {
  const { judgement, seen, now } = at;
  if (release.stage === 'Preparing' || (state.phase === 'Paused' && state.reason === 'RouteChanged')) return undefined;
  const drift = driftOf(seen, release);
  if (drift.kind === 'None') return undefined;
  if (drift.kind === 'Changed') return routeChanged(state, drift.message, now);
  if (drift.kind === 'Lowered') {
    // Our own hand lowered it and the record was lost: the gates, once they have caught up, say why again.
    if (judgement.waiting.some((wait) => wait.silent)) return state;
    return routeChanged(state, 'the canary was taken to a lower weight by a decision whose record was lost', now);
  }
  // Nothing is written upward while somebody is waited for.
  if (state.phase === 'Paused') return undefined;
  if (release.rewrites >= MAX_REWRITES) return routeChanged(state, 'the raised weight was lost three times', now);
  return rewrite(state, release, at);
}

function routeChanged(state: State, message: string, now: Millis): State {
  return show(state, { phase: 'Paused', reason: 'RouteChanged', message }, now);
}

function rewrite(state: State, release: ReleaseState, { seen, now }: Moment): State {
  const n = topFence(seen, release) + 1;
  const again = {
    ...without(release, 'acceptedAt', 'arrivedAt'),
    stage: 'Shifting' as const,
    n,
    rewrites: release.rewrites + 1,
  };
  return amend({ ...state, message: 'Writing a lost raise again' }, release, again, now);
}
