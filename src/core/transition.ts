import type { Millis } from '#lib/units.ts';
import { takeActions } from './actions.ts';
import { givingBack, noteReplicas, noteServing, notYetTaken, takenOver, takingOver } from './adopt.ts';
import { advance, awaitApproval } from './advance.ts';
import { waitsForApproval } from './approval.ts';
import { type Blame, blameOf, heldWords, noteHold } from './attribution.ts';
import { noteSuspect, replaceBadPod } from './bad-pod.ts';
import { onBarred } from './barred.ts';
import { availableOf, podTrouble, setOf } from './capacity.ts';
import type { Ending, Plan, ReleaseState, Revision, Spec, State } from './model.ts';
import { noteGrowth } from './pace.ts';
import { queue } from './places.ts';
import { promote } from './promote.ts';
import { onBothArmsBad, onBreach, onDrift, onNoPods, onSilence } from './recover.ts';
import { routesAtRest, routesGivenBack, topFence } from './routes.ts';
import type { Seen } from './seen.ts';
import { noteCarried, noteFull, returnFurther, returnWords } from './shrink.ts';
import { begin, end, faceOf, faceOfReturn, leave, noteRest, show, stageMessage, without } from './state.ts';
import { budgetHolds } from './turn.ts';
import { asPinned, pinnedWords, unpinned } from './undo.ts';
import { type Judgement, judge } from './verdict.ts';
import { noteNarrowed, onWidened } from './widened.ts';

/** One move of the state machine. Total: any state, any sight, any time gives a state. */
export function transition(state: State, sight: Seen, now: Millis): State {
  const acted = noteReplicas(takeActions(unpinned(state, sight), sight, now), sight, now);
  const sized = noteCarried(noteFull(acted, sight), sight, now);
  const told = noteNarrowed(returnFurther(sized, sight, now), sight);
  const seen = asPinned(told, sight);
  if (seen.deleting) return giveBack(told, seen, now);
  if (told.release?.committed) return promote(told, told.release, seen, now);
  if (told.release !== undefined) return moving(told, told.release, seen, now);
  if (seen.spec === undefined) return withoutSpec(without(told, 'queuedAt', 'inQueueSince'), seen, now);
  return atRest(told, seen, seen.spec, now);
}

/** Before deletion the traffic goes back and the canary leaves, so that `--cascade=orphan` orphans stable alone. */
function giveBack(before: State, seen: Seen, now: Millis): State {
  const state = noteServing(before, seen, now);
  const release = state.release;
  const face = faceOfGiveBack(state, seen, now);
  const shown = show(state, face, now);
  if (release === undefined) return shown;
  if (release.committed)
    return release.weight === 0
      ? shown
      : { ...shown, release: { ...release, weight: 0, n: topFence(seen, release) + 1 } };
  if (release.ending !== undefined) return noteRest(shown, release, seen, now);
  return show(end(shown, release, { kind: 'Returned', at: now, why: 'the Rollout is being deleted' }, seen), face, now);
}

function faceOfGiveBack(state: State, seen: Seen, now: Millis): Pick<State, 'phase' | 'message'> & Partial<State> {
  const back = givingBack(state, seen, now);
  if (back?.held) return { phase: 'Degraded', reason: 'InvalidSpec', message: back.message };
  const returns = state.release && returnWords(state.release, seen);
  const going = `Giving the traffic back before deletion${returns === undefined ? '' : `: ${returns}`}`;
  return { phase: 'Progressing', message: back?.message ?? going };
}

/** A spec that cannot be read replaces nothing: weights and pods stay as they are. */
function withoutSpec(state: State, seen: Seen, now: Millis): State {
  return show(state, { phase: 'Degraded', reason: 'InvalidSpec', message: firstProblem(seen) }, now);
}

function firstProblem(seen: Seen): string {
  const problem = seen.problems[0];
  return problem === undefined ? 'the spec cannot be read' : `${problem.field}: ${problem.message}`;
}

function atRest(before: State, seen: Seen, spec: Spec, now: Millis): State {
  // A place in the queue is kept by waiting alone.
  const state = without(before, 'queuedAt', 'inQueueSince');
  if (state.stable === undefined) return bringUp(state, seen, spec, now);
  if (seen.problems.length > 0) return withoutSpec(state, seen, now);
  const taking = takingOver(state, seen);
  if (taking !== undefined) return show(state, { phase: 'Progressing', message: taking }, now);
  if (spec.revision !== state.stable) {
    const asleep = withoutPods(state, seen, spec, now);
    if (asleep !== undefined) return asleep;
    if (seen.proposal === undefined) return show(state, { phase: 'Progressing', message: 'Planning the release' }, now);
    return notYet(before, seen, now) ?? begin(state, { seen, revision: spec.revision, from: state.stable, now });
  }
  return show(state, { phase: 'Healthy', message: restWords(state, state.stable, seen, spec) }, now);
}

function restWords({ pinned }: State, stable: Revision, seen: Seen, { replicas }: Spec): string {
  const available = availableOf(seen, stable).length;
  const until = pinned === undefined ? undefined : pinnedWords(pinned);
  if (available >= replicas) return until ?? 'stable serves all traffic';
  const short = `${available} of ${replicas} stable pods are available${podTrouble(seen, stable)}`;
  return until === undefined ? short : `${short}; ${until}`;
}

/** Scaled to nothing there is nobody to compare with, nor anybody to meet the canary: a release waits for pods. */
function withoutPods(state: State, seen: Seen, spec: Spec, now: Millis): State | undefined {
  const set = setOf(seen, state.stable);
  if (spec.replicas > 0 || (set?.replicas ?? 0) > 0) return undefined;
  // One that never had a pod has proved nothing that a newer one would have to be measured by.
  if (set === undefined) return { ...state, stable: spec.revision };
  return show(state, { phase: 'Progressing', message: 'Waiting to begin: spec.replicas is 0' }, now);
}

/** A release that would spend what is not there, or whose group moves, has not begun. */
function notYet(state: State, seen: Seen, now: Millis): State | undefined {
  const low = budgetHolds(seen, state);
  if (low !== undefined)
    return show(
      without(state, 'queuedAt', 'inQueueSince'),
      { phase: 'Paused', reason: 'BudgetLow', message: low },
      now,
    );
  const queued = queue(state, seen, { now, since: now });
  return queued && show(queued.state, { phase: 'Progressing', message: `Waiting for ${queued.waits}` }, now);
}

/** The very first revision has nothing to be compared with: it serves as soon as it is available. */
function bringUp(state: State, seen: Seen, spec: Spec, now: Millis): State {
  const blocked = seen.problems.find(({ barsPods }) => barsPods);
  if (blocked !== undefined) return withoutSpec(state, { ...seen, problems: [blocked] }, now);
  const waits = notYetTaken(seen);
  if (waits !== undefined && seen.problems.length > 0) return withoutSpec(state, seen, now);
  if (waits !== undefined) return show(state, { phase: 'Progressing', message: waits }, now);
  const available = availableOf(seen, spec.revision).length;
  if (available >= spec.replicas) {
    const serving = { ...state, stable: spec.revision, ...takenOver(seen, now) };
    const message = takingOver(serving, seen);
    if (message !== undefined) return show(serving, { phase: 'Progressing', message }, now);
    return show(serving, { phase: 'Healthy', message: 'stable serves all traffic' }, now);
  }
  if (state.phase === 'Degraded' && state.reason === 'DeadlineExceeded' && setOf(seen, spec.revision) !== undefined)
    return state;
  const waiting = `${available} of ${spec.replicas} pods of the first revision are available`;
  const trouble = podTrouble(seen, spec.revision);
  if (state.phase === 'Progressing' && now - state.since > spec.progressDeadlineMs) {
    return show(state, { phase: 'Degraded', reason: 'DeadlineExceeded', message: `${waiting}${trouble}` }, now);
  }
  return show(state, { phase: 'Progressing', message: `${waiting}${trouble}` }, now);
}

/** A release that is recorded, and what its gates say of it. */
interface Judged {
  plan: Plan;
  judgement: Judgement;
  /** What another release of its group has to do with it. */
  blame: Blame | undefined;
  seen: Seen;
  now: Millis;
}

function moving(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  if (release.ending !== undefined) return afterEnding(state, release, release.ending, seen, now);
  const turned = onNewTemplate(state, release, seen, now);
  if (turned !== undefined) return turned;
  const plan = seen.release?.name === release.name ? seen.release.plan : undefined;
  if (plan === undefined)
    return state.phase === 'Paused'
      ? state
      : show(state, { phase: 'Progressing', message: 'Recording the release' }, now);
  const judgement = judge(seen, plan, release);
  const at = { plan, judgement, blame: blameOf(seen, release, judgement, now), seen, now };
  const noted = noteHold(state, noteSuspect(noteGrowth(release, at), at), at.blame, now);
  return judged({ ...state, release: noted }, noted, at);
}

/** What stops comes first; a bad pod is replaced whatever else is waited for. */
function judged(state: State, release: ReleaseState, at: Judged): State {
  const stopped =
    onBarred(state, release, at) ??
    onBreach(state, release, at) ??
    onBothArmsBad(state, release, at) ??
    onNoPods(state, release, at) ??
    onSilence(state, release, at) ??
    onWidened(state, release, at) ??
    onDrift(state, release, at);
  if (stopped !== undefined) return stopped;
  const next = replaceBadPod(state, release, at);
  return goOn(next, next.release ?? release, at);
}

function goOn(state: State, release: ReleaseState, at: Judged): State {
  const { seen, now } = at;
  if (waitsForApproval(state)) return askedAgain(state, release, at);
  // Whatever else is wrong by now, a pause is lifted by those alone who may lift it.
  if (state.phase === 'Paused') return state;
  const { spec } = seen;
  if (spec === undefined) return withoutSpec(state, seen, now);
  const current = readAgain(state, release, now);
  const held = heldWords(at.blame, seen);
  if (release.stage === 'Promoting') return promote(current, release, seen, now, held);
  return advance(current, release, { ...at, spec, held });
}

/** A pause for approval says who is missing, and ends when nobody is: the words themselves are the record. */
function askedAgain(state: State, release: ReleaseState, at: Judged): State {
  const going = show(state, { phase: 'Progressing', message: stageMessage(release.stage) }, at.now);
  return awaitApproval(state, release, at) ?? goOn(going, release, at);
}

/** A spec that could not be read for a while has changed nothing but the face, and with that face nothing is raised. */
function readAgain(state: State, { stage }: ReleaseState, now: Millis): State {
  // Before its pods are there a release shows by itself what is wrong with its spec.
  if (state.phase !== 'Degraded' || stage === 'Preparing') return state;
  return show(state, { phase: 'Progressing', message: stageMessage(stage) }, now);
}

/** A template other than the canary's ends the release at once: stable's own returns, a third one waits its turn. */
function onNewTemplate(state: State, release: ReleaseState, seen: Seen, now: Millis): State | undefined {
  const revision = seen.spec?.revision;
  if (revision === undefined || revision === release.revision) return undefined;
  const returned = revision === state.stable;
  const came = returned ? 'the template of stable came back' : `a newer revision ${revision} took its place`;
  const why = state.pinned === undefined ? came : `it was undone: ${pinnedWords(state.pinned)}`;
  return end(state, release, { kind: returned ? 'Returned' : 'Superseded', at: now, why }, seen);
}

/** All traffic is on its way back, or back. A retreat and an abort then wait for a person or for another template. */
function afterEnding(state: State, release: ReleaseState, ending: Ending, seen: Seen, now: Millis): State {
  const { spec } = seen;
  const noted = noteRest(state, release, seen, now);
  const left = spec !== undefined && spec.revision !== release.revision;
  const returns = returnWords(release, seen);
  if ((ending.kind === 'Retreat' || ending.kind === 'Abort') && !left) return show(noted, faceOf(ending, returns), now);
  // The outcome of the release before this one must stand in its record before this one takes its place.
  if (spec === undefined || !drained(seen, release) || !seen.endedRecorded)
    return show(noted, faceOfReturn(ending, returns), now);
  return atRest(leave(noted, release, now), seen, spec, now);
}

/** Every route is the user's own text again, and no pod of the canary is left, but for one in quarantine. */
export function drained(seen: Seen, release: ReleaseState): boolean {
  const set = setOf(seen, release.revision);
  const gone = set === undefined || (set.replicas === 0 && set.pods.length === 0);
  return routesAtRest(seen) && routesGivenBack(seen, release) && gone;
}
