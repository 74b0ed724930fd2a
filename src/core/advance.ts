import { formatDuration, type Millis } from '#lib/units.ts';
import { approvalLacks } from './approval.ts';
import { whatReplaces } from './bad-pod.ts';
import { availableOf, isByPods, servingOf, setOf } from './capacity.ts';
import { isBake, rungAt, rungWords, stayWords } from './ladder.ts';
import type { Plan, ReleaseState, Spec, State, Step } from './model.ts';
import { capacity } from './pace.ts';
import { queue } from './places.ts';
import { shareWords } from './reach.ts';
import { excessWords, routesCarry } from './routes.ts';
import type { Seen } from './seen.ts';
import { returnWords } from './shrink.ts';
import { amend, end, grant, restart, show, without } from './state.ts';
import { budgetHolds } from './turn.ts';
import { type Judgement, probesOf, shareArrived, type Waiting } from './verdict.ts';
import { narrowingWords } from './widened.ts';

/** What a stage looks at. */
export interface Moment {
  plan: Plan;
  judgement: Judgement;
  seen: Seen;
  spec: Spec;
  now: Millis;
  /** Why another release of its group keeps it where it is; undefined: none does. */
  held: string | undefined;
}

/** Moves a release by at most one stage. Pure: the same answer on any replica, after any crash. */
export function advance(state: State, release: ReleaseState, at: Moment): State {
  switch (release.stage) {
    case 'Preparing':
      return preparing(state, release, at);
    case 'Probing':
      return probing(state, release, at);
    case 'Shifting':
      return shifting(state, release, at);
    case 'Holding':
    case 'Baking':
      return holding(state, release, at);
    case 'Promoting':
      return state;
  }
}

function preparing(state: State, release: ReleaseState, at: Moment): State {
  const { seen, now } = at;
  const problem = seen.problems[0];
  if (problem !== undefined) {
    return show(
      state,
      { phase: 'Degraded', reason: 'InvalidSpec', message: `${problem.field}: ${problem.message}` },
      now,
    );
  }
  const { wanted, available, words } = capacity(state, release, at);
  const planted = seen.routes.every((route) => route.fence?.release === release.name);
  const housed = seen.service?.narrowed === true && seen.canaryService?.current === true;
  if (available >= wanted && planted && housed)
    return enter(state, release, 'Probing', 'Probing the canary before any user meets it', now);
  const message = narrowingWords(state, seen) ?? `Preparing: ${words}`;
  return tooLate(state, release, at, message) ?? show(state, { phase: 'Progressing', message }, now);
}

/** Pods that do not come in time end the release; no user has met them, or stable carries everybody again. */
function tooLate(state: State, release: ReleaseState, { seen, spec, now }: Moment, message: string): State | undefined {
  const set = setOf(seen, release.revision);
  // Pods that nobody has asked for yet are not late, as where the operator was away before it could.
  const asked = set === undefined || set.replicas === 0 ? now : set.createdAt;
  // Where they come by and by each portion has the whole time: one that came has made room for the next.
  const begun = state.phase === 'Progressing' ? Math.max(state.since, asked, release.grownAt ?? 0) : now;
  if (now - begun <= spec.progressDeadlineMs) return undefined;
  const why = `progressDeadline ${formatDuration(spec.progressDeadlineMs)} passed: ${message}`;
  return end(state, release, { kind: 'Abort', at: now, why, cause: 'DeadlineExceeded', deadline: true }, seen);
}

function enter(state: State, release: ReleaseState, stage: ReleaseState['stage'], message: string, now: Millis): State {
  return amend(show(state, { phase: 'Progressing', message }, now), release, { stage }, now);
}

/** No user request reaches a canary that has not passed its probes, and none returns from 0 past a bad stable. */
function probing(state: State, release: ReleaseState, at: Moment): State {
  const { plan, judgement, seen, now } = at;
  const problem = seen.problems[0];
  if (problem !== undefined) {
    // Nobody of the group waits for what a person has to mend first.
    const message = `Waiting before the first raise: ${problem.field}: ${problem.message}`;
    return say(without(state, 'queuedAt', 'inQueueSince'), message);
  }
  const returns = returnWords(release, seen);
  if (returns !== undefined) return say(state, `Waiting before the first raise: ${returns}`);
  const { wanted, available, words } = capacity(state, release, at);
  if (available < wanted) {
    const message = `Probing: ${words}`;
    return tooLate(state, release, at, message) ?? say(state, message);
  }
  const probes = probesOf(seen, release);
  if (plan.probes.length > 0 && probes.result !== 'Passed') {
    const message = probes.message || 'Probing the canary before any user meets it';
    return patience(state, at, { since: state.since, message });
  }
  // What is expedited mends stable: asking stable to be well first, or to serve at all, would keep the outage.
  if (!judgement.ready && release.expedited === undefined)
    return patience(state, at, {
      since: state.since,
      message: `Waiting before the first raise: ${judgement.notReady}`,
    });
  if (judgement.unread !== undefined)
    return patience(state, at, { since: state.since, message: `Waiting before the first raise: ${judgement.unread}` });
  // A gateway that has the weight before the pods answers 503: ready is what the kubelet says, and they hear it later.
  if (now - state.since < at.spec.settleMs)
    return say(state, 'Waiting before the first raise: the data plane learns of the canary pods');
  if (plan.steps.length === 0)
    return enter(state, release, 'Promoting', 'Promoting: this revision served before, its steps are skipped', now);
  return notYet(state, release, at) ?? grantRung(state, release, 0, at);
}

/** Every raise from 0 asks for budget and waits its turn: since the release began both may have changed. */
function notYet(state: State, release: ReleaseState, { seen, held, now }: Moment): State | undefined {
  if (held !== undefined) return say(state, `Waiting before the first raise: ${held}`);
  const low = budgetHolds(seen, state);
  if (low !== undefined)
    return say(without(state, 'queuedAt', 'inQueueSince'), `Waiting before the first raise: ${low}`);
  // Its place is that of its beginning, or one that came later could be first for a moment.
  const queued = queue(state, seen, { now, since: release.startedAt });
  return queued && say(queued.state, `Waiting before the first raise for ${queued.waits}`);
}

function grantRung(state: State, release: ReleaseState, step: number, { plan, seen, now }: Moment): State {
  const excess = excessWords(seen, release);
  if (excess !== undefined) return say(state, excess);
  const message = `Shifting to ${rungWords(plan, step)}: ${shareWords(rungAt(plan, step) ?? { weight: 0 })}`;
  return grant(show(state, { phase: 'Progressing', message }, now), release, plan, { step, seen, now });
}

function shifting(state: State, release: ReleaseState, at: Moment): State {
  const { plan, seen, spec, now } = at;
  const place = rungWords(plan, release.step);
  if (!routesCarry(seen, release) || !podsCarry(seen, release)) {
    const { wanted, available, words } = capacity(state, release, at);
    const pods = available < wanted ? `, ${words}` : '';
    const message = `Shifting to ${place}: ${shareWords(release)}${pods}`;
    return tooLate(state, release, at, message) ?? say(state, message);
  }
  if (release.acceptedAt === undefined) return amend(state, release, { acceptedAt: now }, now);
  // A clock that lags behind the one that wrote acceptedAt waits a little longer; it is never asserted.
  if (now - release.acceptedAt < spec.settleMs) return state;
  return enter(
    amend(state, release, { arrivedAt: now }, now),
    { ...release, arrivedAt: now },
    isBake(plan, release.step) ? 'Baking' : 'Holding',
    stayWords(plan, release.step),
    now,
  );
}

/** Without routes the pods that were granted are behind the Service. */
function podsCarry(seen: Seen, release: ReleaseState): boolean {
  return !isByPods(release) || servingOf(seen, release.revision).length >= (release.joined ?? 0);
}

function holding(state: State, release: ReleaseState, at: Moment): State {
  const { plan, seen, now } = at;
  const rung = rungAt(plan, release.step);
  // The Release was deleted by hand, and the plan made in its place is shorter: nothing of it has been passed yet.
  if (rung === undefined)
    return {
      ...say(state, 'Its plan is new, it begins again'),
      release: restart(release, seen, { stage: 'Preparing', now }),
      since: now,
    };
  if (release.arrivedAt === undefined) return amend(state, release, { stage: 'Shifting' }, now);
  const place = stayWords(plan, release.step);
  const waits = whatHolds(state, release, rung, at);
  if (waits !== undefined) {
    const message = `${place}: ${waits.message}`;
    if (waits.patient) return say(state, message);
    return patience(state, at, { since: dueAt(release, rung, now), message, longestMs: waits.longestMs });
  }
  if (waitsForPerson(release, rung, now)) {
    if (rung.pause?.forMs !== undefined) return say(state, `${place}: a pause of ${formatDuration(rung.pause.forMs)}`);
    const message = `Paused at ${place.replace(/^Holding /, '')} by its plan: promote goes on`;
    return show(state, { phase: 'Paused', reason: 'Step', message }, now);
  }
  const unapproved = awaitApproval(state, release, { plan, seen, now });
  if (unapproved !== undefined) return unapproved;
  if (rungAt(plan, release.step + 1) !== undefined) return grantRung(state, release, release.step + 1, at);
  const ready = availableOf(seen, release.revision).length;
  return enter(state, release, 'Promoting', `Promoting: ${ready} pods of the canary are available`, now);
}

/** Why a stay goes on. `patient` waits end by themselves; the others end in a pause, after `longestMs` if it is given. */
interface Wait {
  message: string;
  patient: boolean;
  longestMs?: Millis | undefined;
}

/** When the hold was over; not before it was free to go, where another release of its group had kept it. */
function dueAt({ arrivedAt, held }: ReleaseState, { holdMs }: Step, now: Millis): Millis {
  return Math.max((arrivedAt ?? now) + holdMs, held?.until ?? 0);
}

function whatHolds(state: State, release: ReleaseState, rung: Step, at: Moment): Wait | undefined {
  const { plan, seen, now } = at;
  const word = release.word?.step === release.step ? release.word.verb : undefined;
  // A person who sees the culprit may know better. Without one it is an outage like any other: patience has its end.
  if (word === undefined && at.held !== undefined)
    return { message: at.held, patient: release.held?.culprit !== undefined };
  const due = dueAt(release, rung, now);
  // The hold is all that a bake asks for: any word ends it.
  const given = word === 'skip-step' || (word !== undefined && isBake(plan, release.step));
  if (due > now && !given) return { message: `at least ${formatDuration(rung.holdMs)}`, patient: true };
  const replacing = whatReplaces(state, seen);
  if (replacing !== undefined) return { message: replacing, patient: false };
  const { wanted, available } = capacity(state, release, at);
  if (available < wanted) return { message: `${available} of ${wanted} canary pods are available`, patient: false };
  const probes = probesOf(seen, release);
  if (plan.probes.length > 0 && probes.result !== 'Passed') return { message: probes.message, patient: false };
  // The users that a header names prove little: the first share of everybody asks of stable what every return from 0 asks.
  if (rung.reach !== undefined && !at.judgement.ready && word === undefined && release.expedited === undefined)
    return { message: at.judgement.notReady, patient: false };
  if (word !== undefined) return undefined; // a person's recorded word stands in for the evidence, never for the stop gates
  if (!shareArrived(seen, release))
    return { message: "the canary's share of requests has not arrived", patient: false };
  return gateThatHolds(release, at, due);
}

/** A gate without a pass; where all pass, one whose budget the next weight may overspend. */
function gateThatHolds(release: ReleaseState, at: Moment, due: Millis): Wait | undefined {
  const waiting = lacking(release, at);
  const dear = release.expedited === undefined ? at.judgement.dear : [];
  const all = waiting.length > 0 ? waiting : dear;
  // The gate that has waited longer than it may is the one to name.
  const gate = all.find(({ maxWaitMs }) => at.now - due > maxWaitMs) ?? all[0];
  return gate === undefined ? undefined : { message: gate.message, patient: false, longestMs: gate.maxWaitMs };
}

/**
 * Gates that keep the release where it is. A step asks each of them for a pass. What a bake could prove was proved
 * before it: here gates must only see, not see both arms fail, and not see more of what they have let through by luck.
 * So it is where a step matches users or copies requests: nobody knows how many there are, its hold or a person ends it.
 */
function lacking(release: ReleaseState, { plan, judgement: { waiting, shared } }: Moment): Waiting[] {
  // No pass is to be had while stable fails. Not seeing, and being worse than that, hold all the same.
  if (release.expedited !== undefined) return waiting.filter(({ silent, doubtful }) => silent || doubtful);
  if (!isBake(plan, release.step) && release.reach === undefined) return waiting;
  return waiting.filter(({ silent, doubtful, gate }) => silent || doubtful || gate === shared?.gate);
}

function waitsForPerson(release: ReleaseState, step: Step, now: Millis): boolean {
  if (step.pause === undefined || release.word?.step === release.step) return false;
  if (step.pause.forMs === undefined) return true;
  return now - (release.arrivedAt ?? now) - step.holdMs < step.pause.forMs;
}

/** The pause for people who have not approved yet; undefined when nobody is missing. */
export function awaitApproval(
  state: State,
  release: ReleaseState,
  { plan, seen, now }: Pick<Moment, 'plan' | 'seen' | 'now'>,
): State | undefined {
  const lacks = approvalLacks(plan, release, seen);
  if (lacks === undefined) return undefined;
  const message = `Approval after ${rungWords(plan, release.step)}: ${lacks}`;
  return show(state, { phase: 'Paused', reason: 'Approval', message }, now);
}

/** Waits with a bound: a gate that cannot tell pauses the release instead of holding it for ever. */
export function patience(
  state: State,
  { plan, spec, now }: Pick<Moment, 'plan' | 'now'> & { spec: Spec | undefined },
  { since, message, longestMs }: { since: Millis; message: string; longestMs?: Millis | undefined },
): State {
  // Without gates there are pods and probes to wait for all the same.
  const longest =
    longestMs ?? (Math.max(0, ...plan.gates.map((gate) => gate.maxWaitMs)) || spec?.progressDeadlineMs || 0);
  if (now - since > longest) {
    return show(
      state,
      { phase: 'Paused', reason: 'NoData', message: `${message}; waited ${formatDuration(longest)}` },
      now,
    );
  }
  return say(state, message);
}

function say(state: State, message: string): State {
  return state.message === message ? state : { ...state, message };
}
