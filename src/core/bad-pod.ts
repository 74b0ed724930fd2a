import type { Millis } from '#lib/units.ts';
import { availableOf, living, podsFor, podTrouble, replicasDuring, setOf } from './capacity.ts';
import type { Plan, ReleaseState, State } from './model.ts';
import type { Seen, SeenPod } from './seen.ts';
import { without } from './state.ts';
import type { Judgement } from './verdict.ts';
import type { Replaced, Suspect } from './words.ts';

/**
 * One canary pod of several that has nearly all failures is a bad node, or a bad start, rather than a bad release: it is
 * replaced, and the release goes on with its successor. Once, because a second one is no coincidence.
 */

/**
 * A pod must be named at so many ticks that brought failures. When it is named first the stop test is past its line with
 * as few as four of them, and those of a release that is bad on every pod then lie on one of three by chance: of 400 such
 * releases of the decision benchmark 14 lost a pod for it, with a second tick 1 in 100, with a third no fewer to speak of.
 * A tick more costs two and a half failed requests at 100 rps.
 */
export const CONFIRM_TICKS = 2;

/** Of two pods nobody can tell which one is the odd one. */
const LEAST_PODS = 3;

interface Moment {
  plan: Plan;
  judgement: Judgement;
  seen: Seen;
  now: Millis;
}

/** Counts the ticks at which a gate named the same pod. Silence changes nothing; a tick that names nobody clears it. */
export function noteSuspect(release: ReleaseState, { plan, judgement, seen }: Moment): ReleaseState {
  const { suspect } = release;
  const reading = limitOf(plan) > 0 ? judgement.blamed : undefined;
  const pod = named(release, reading?.pod, seen);
  if (reading === undefined || pod === undefined)
    return suspect === undefined || isSilent(suspect, seen) ? release : without(release, 'suspect');
  const { gate, evidence } = reading;
  const same = suspect?.uid === pod.uid && suspect.gate === gate ? suspect : undefined;
  const { at, canary } = evidence;
  // A tick without a failure is no second opinion.
  if (same !== undefined && (same.ticks >= CONFIRM_TICKS || canary.bad <= same.bad)) return release;
  const ticks = (same?.ticks ?? 0) + 1;
  return { ...release, suspect: { pod: pod.name, uid: pod.uid, gate, at, bad: canary.bad, ticks } };
}

/** The gate that blames it has counted nothing since: its source is away, or the operator was. */
function isSilent({ gate, at }: Suspect, { gates }: Seen): boolean {
  const reading = gates.find((each) => each.gate === gate);
  return reading === undefined || reading.evidence.at <= at;
}

function limitOf({ replaceBadPods = 1 }: Plan): number {
  return replaceBadPods;
}

/** The living pod of that name, unless it is on its way out already, or one of too few. */
function named({ revision, replaced = [] }: ReleaseState, name: string | undefined, seen: Seen): SeenPod | undefined {
  const pods = living(setOf(seen, revision));
  const pod = pods.find((candidate) => candidate.name === name);
  if (pod === undefined || pods.length < LEAST_PODS) return undefined;
  return replaced.some(({ uid }) => uid === pod.uid) ? undefined : pod;
}

/** The pod that has been named long enough, with the reading that still names it. */
function confirmed({ suspect }: ReleaseState, { judgement: { blamed } }: Pick<Moment, 'judgement'>) {
  if (suspect === undefined || suspect.ticks < CONFIRM_TICKS || blamed?.pod !== suspect.pod) return undefined;
  return { suspect, reading: blamed };
}

/** Another pod is bad although as many as may be were replaced: it is not the node. */
export function badAgain(release: ReleaseState, at: Pick<Moment, 'plan' | 'judgement'>) {
  const found = confirmed(release, at);
  const { replaced = [] } = release;
  if (found === undefined || replaced.length < limitOf(at.plan)) return undefined;
  const { gate, message } = found.reading;
  const before = replaced.map(({ pod }) => pod).join(', ');
  return {
    cause: 'BadPodAgain',
    why: `${gate}: ${message}; ${before} was replaced before it, so the release is to blame`,
    gate,
  };
}

/** Records that the blamed pod is to be replaced; its deletion follows from the record. */
export function replaceBadPod(state: State, release: ReleaseState, at: Moment): State {
  const found = confirmed(release, at);
  // Behind the user's Service no pod is ours to delete, and none is taken away from a person who is looking.
  const hands = state.phase === 'Paused' && state.reason !== 'Step' && state.reason !== 'NoData';
  if (found === undefined || hands || release.stage === 'Promoting') return state;
  const { suspect, reading } = found;
  const pod = named(release, suspect.pod, at.seen);
  if (pod === undefined || pod.uid !== suspect.uid || pod.arms.stable) return state;
  const placed = pod.node === undefined ? {} : { node: pod.node };
  const entry: Replaced = {
    pod: pod.name,
    uid: pod.uid,
    ...placed,
    gate: reading.gate,
    at: at.now,
    why: reading.message,
  };
  return { ...state, release: { ...without(release, 'suspect'), replaced: [...(release.replaced ?? []), entry] } };
}

/** Pods that are to be replaced and are still there. */
function condemned(release: ReleaseState, seen: Seen): SeenPod[] {
  const { replaced = [], ending, committed, stage } = release;
  // What the release no longer stands on it no longer deletes; behind the user's Service it never does.
  if (ending !== undefined || committed || stage === 'Promoting') return [];
  const pods = living(setOf(seen, release.revision));
  return pods.filter(({ uid, arms }) => !arms.stable && replaced.some((entry) => entry.uid === uid));
}

/** Those of them that are not available: they keep their place in the size until their successors serve. */
export function failedOf(release: ReleaseState, seen: Seen): SeenPod[] {
  return condemned(release, seen).filter(({ available }) => !available);
}

/** Pods of the canary that the weight on record needs beside those that go. */
function needed({ weight, full: whole }: ReleaseState, full: number): number {
  return podsFor({ replicas: full, weight, shrinks: whole !== undefined });
}

/** Size of the canary while pods of it are to be replaced: their successors come first. 0: none are. */
export function sizeToReplace(release: ReleaseState, seen: Seen, full: number): number {
  const going = condemned(release, seen).length;
  return going === 0 ? 0 : needed(release, full) + going;
}

/** Those of them that may go now: the others carry the weight that is on record. */
export function dispensable(state: State, seen: Seen): SeenPod[] {
  const found = replacement(state, seen);
  return found !== undefined && found.rest >= found.least ? found.going : [];
}

/** What a replacement still waits for, for people; undefined when there is none. */
export function whatReplaces(state: State, seen: Seen): string | undefined {
  const found = replacement(state, seen);
  const [pod] = found?.going ?? [];
  if (found === undefined || pod === undefined) return undefined;
  const others = `${Math.min(found.rest, found.least)} of ${found.least} other canary pods are available`;
  return `${placeOf({ ...pod, pod: pod.name })} is being replaced: ${others}${podTrouble(seen, found.revision)}`;
}

/** Pods that go, the available ones beside them, and how many of these the weight on record needs. */
function replacement(state: State, seen: Seen) {
  const { release } = state;
  if (release === undefined || seen.spec === undefined) return undefined;
  const { revision } = release;
  const going = condemned(release, seen);
  const rest = availableOf(seen, revision).filter((pod) => !going.includes(pod)).length;
  return { revision, going, rest, least: needed(release, replicasDuring(seen, state, seen.spec.replicas)) };
}

/** The replacement that `next` has and `before` had not. */
export function newlyReplaced(before: ReleaseState | undefined, next: ReleaseState | undefined): Replaced | undefined {
  const known = before?.name === next?.name ? (before?.replaced ?? []) : [];
  return next?.replaced?.[known.length];
}

/** Which pod is replaced and why, for people. */
export function toldOf(replaced: Replaced): string {
  return `${placeOf(replaced)} is replaced: ${replaced.gate}: ${replaced.why}`;
}

/** `pod shop-1 on node a`, for sentences. */
export function placeOf({ pod, node }: Pick<Replaced, 'pod' | 'node'>): string {
  return node === undefined ? `pod ${pod}` : `pod ${pod} on node ${node}`;
}
