import { formatDuration, type Millis } from '#lib/units.ts';
import { awaitApproval, patience } from './advance.ts';
import { isBarred } from './barred.ts';
import { joinLadder, living, replicasDuring, servingOf, setOf } from './capacity.ts';
import { weightedSteps } from './ladder.ts';
import type { Plan, ReleaseState, State } from './model.ts';
import { capacity } from './pace.ts';
import { routesGivenBack, topFence } from './routes.ts';
import type { Seen } from './seen.ts';
import { amend, commit, leave, noteRest, show } from './state.ts';
import { judge } from './verdict.ts';

/**
 * The last stage: in-cluster clients move share by share, then the new revision becomes stable (the commit
 * point), then the old pods leave, the route returns to the user's text and the old pods go.
 */
export function promote(state: State, release: ReleaseState, seen: Seen, now: Millis, held?: string): State {
  if (release.committed) return leaving(state, release, seen, now);
  const plan = seen.release?.plan;
  // What runs now may be another image than the one that was approved.
  const unapproved = plan && awaitApproval(state, release, { plan, seen, now });
  return unapproved ?? joining(state, release, seen, { now, held });
}

interface Joining {
  now: Millis;
  /** Why another release of its group keeps it where it is. */
  held: string | undefined;
}

function joining(state: State, release: ReleaseState, seen: Seen, { now, held }: Joining): State {
  const plan = seen.release?.plan;
  if (plan === undefined || seen.spec === undefined) return state;
  const replicas = replicasDuring(seen, state, seen.spec.replicas);
  const ladder = joinLadder(weightedSteps(plan), replicas);
  const joined = release.joined ?? 0;
  const holdMs = shareHold(plan, ladder.indexOf(joined));
  const due = Math.max(movedAt(state, release), (release.joinedAt ?? 0) + holdMs);
  const wait = (message: string) => patience(state, { plan, spec: seen.spec, now }, { since: due, message });
  const { wanted, available, words } = capacity(state, release, { plan, seen, spec: seen.spec });
  if (available < wanted) return wait(`Promoting: ${words}`);
  const place = `Promoting: ${joined} of ${replicas} new pods serve in-cluster clients`;
  // The way back to what served recently is the remedy: it waits for nobody.
  if (held !== undefined && !plan.rollback) return say(state, `${place}: ${held}`, now);
  if (joined === 0) return join(state, release, ladder[0] ?? replicas, now);
  if (servingOf(seen, release.revision).length < joined) return wait(place);
  if (release.joinedAt === undefined) return amend(say(state, place, now), release, { joinedAt: now }, now);
  if (now - release.joinedAt < holdMs) return say(state, `${place}, for at least ${formatDuration(holdMs)}`, now);
  const silent = judge(seen, plan, release).waiting.find(({ silent: is }) => is);
  if (silent !== undefined) return wait(`${place}: ${silent.message}`);
  const next = ladder.find((count) => count > joined);
  if (next !== undefined) return join(state, release, next, now);
  const message = 'Promoting: the new revision is stable now, the old pods leave';
  return commit(show(state, { phase: 'Progressing', message }, now), release, now);
}

/** When something last went on by itself: waiting counts from then. */
function movedAt({ since }: State, { raisedAt = 0, grownAt = 0 }: ReleaseState): Millis {
  return Math.max(since, raisedAt, grownAt);
}

function join(state: State, release: ReleaseState, joined: number, now: Millis): State {
  const { joinedAt: _, ...rest } = release;
  // Letting in-cluster clients in is a raise: both arms bad right after it takes the canary back too.
  return { ...state, release: { ...rest, joined, raisedAt: now } };
}

/** Each share is held as long as the step it mirrors; the whole as long as the last step. */
function shareHold(plan: Plan, index: number): Millis {
  const steps = weightedSteps(plan);
  const step = steps[index] ?? steps[steps.length - 1];
  return step?.holdMs ?? 0;
}

/** Past the commit point everything falls to the new revision; what is left cannot fail, only take time. */
function leaving(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  const old = living(setOf(seen, release.from));
  // A gateway answers what is barred with errors: that waits for no pod.
  const hasty = release.weight > 0 && isBarred(seen);
  if (!hasty && old.some((pod) => pod.arms.stable)) return say(state, 'Promoting: the old pods leave the Service', now);
  if (release.weight > 0) {
    const n = topFence(seen, release) + 1;
    return amend(say(state, 'Promoting: the route returns to its own text', now), release, { weight: 0, n }, now);
  }
  const noted = noteRest(state, release, seen, now);
  if (noted.release?.restoredAt === undefined || !routesGivenBack(seen, release))
    return say(noted, 'Promoting: the route returns to its own text', now);
  const canaries = living(setOf(seen, release.revision)).some((pod) => pod.arms.canary);
  if (old.length > 0 || canaries || !seen.endedRecorded) return say(noted, 'Promoting: the old pods go', now);
  const ended = leave(state, release, now);
  return show(ended, { phase: 'Healthy', message: 'stable serves all traffic' }, now);
}

function say(state: State, message: string, now: Millis): State {
  return show(state, { phase: 'Progressing', message }, now);
}
