import { formatDuration, type Millis } from '#lib/units.ts';
import { availableOf, joinLadder, living, replicasDuring, servingOf, setOf } from './capacity.ts';
import type { Plan, ReleaseState, Seen, State } from './model.ts';
import { routesAtRest } from './routes.ts';
import { amend, commit, leave, show } from './state.ts';
import { judge } from './verdict.ts';

/**
 * The last stage: in-cluster clients move share by share, then the new revision becomes stable (the commit
 * point), then the old pods leave, the route returns to the user's text and the old pods go.
 */
export function promote(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  return release.committed ? leaving(state, release, seen, now) : joining(state, release, seen, now);
}

function joining(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  const plan = seen.release?.plan;
  if (plan === undefined) return state;
  const replicas = replicasDuring(seen, state.stable, seen.spec?.replicas ?? 0);
  const available = availableOf(seen, release.revision).length;
  if (available < replicas) return say(state, `Promoting: ${available} of ${replicas} canary pods are available`, now);
  const ladder = joinLadder(plan.steps, replicas);
  const joined = release.joined ?? 0;
  const place = `Promoting: ${joined} of ${replicas} new pods serve in-cluster clients`;
  if (joined === 0) return join(state, release, ladder[0] ?? replicas, now);
  if (servingOf(seen, release.revision).length < joined) return say(state, place, now);
  if (release.joinedAt === undefined) return amend(say(state, place, now), release, { joinedAt: now }, now);
  const holdMs = shareHold(plan, ladder.indexOf(joined));
  if (now - release.joinedAt < holdMs) return say(state, `${place}, for at least ${formatDuration(holdMs)}`, now);
  const silent = judge(seen, plan, release).waiting.find((wait) => wait.silent);
  if (silent !== undefined) return say(state, `${place}: ${silent.message}`, now);
  const next = ladder.find((count) => count > joined);
  if (next !== undefined) return join(state, release, next, now);
  const message = 'Promoting: the new revision is stable now, the old pods leave';
  return commit(show(state, { phase: 'Progressing', message }, now), release, now);
}

function join(state: State, release: ReleaseState, joined: number, now: Millis): State {
  const { joinedAt: _, ...rest } = release;
  // Letting in-cluster clients in is a raise: both arms bad right after it takes the canary back too.
  return { ...state, release: { ...rest, joined, raisedAt: now } };
}

/** Each share is held as long as the step it mirrors; the whole as long as the last step. */
function shareHold(plan: Plan, index: number): Millis {
  const step = plan.steps[index] ?? plan.steps[plan.steps.length - 1];
  return step?.holdMs ?? 0;
}

/** Past the commit point everything falls to the new revision; what is left cannot fail, only take time. */
function leaving(state: State, release: ReleaseState, seen: Seen, now: Millis): State {
  const old = living(setOf(seen, release.from));
  if (old.some((pod) => pod.arms.stable)) return say(state, 'Promoting: the old pods leave the Service', now);
  if (release.weight > 0) {
    const n = Math.max(release.n, ...seen.routes.map((route) => route.fence?.n ?? 0)) + 1;
    return amend(say(state, 'Promoting: the route returns to its own text', now), release, { weight: 0, n }, now);
  }
  if (!routesAtRest(seen)) return say(state, 'Promoting: the route returns to its own text', now);
  if (release.restoredAt === undefined) return amend(state, release, { restoredAt: now }, now);
  const canaries = living(setOf(seen, release.revision)).some((pod) => pod.arms.canary);
  if (old.length > 0 || canaries) return say(state, 'Promoting: the old pods go', now);
  const ended = leave(state, release, now);
  return show(ended, { phase: 'Healthy', message: 'stable serves all traffic' }, now);
}

function say(state: State, message: string, now: Millis): State {
  return show(state, { phase: 'Progressing', message }, now);
}
