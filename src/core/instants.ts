import type { Millis } from '#lib/units.ts';
import type { Adopted, ReleaseState, State } from './model.ts';

/** Moments of a release from which something is counted or waited for. */
const MOMENTS = [
  'acceptedAt',
  'arrivedAt',
  'raisedAt',
  'resumedAt',
  'joinedAt',
  'restoredAt',
  'returningSince',
  'carriedSince',
  'grownAt',
] as const;

/**
 * The record with nothing in it that is still to come. A leader whose clock ran ahead, or ours that was set back, leaves
 * moments in the future, and a release would wait for them to pass: what is said to come is taken for now.
 */
export function notAhead(state: State, now: Millis): State {
  const { release } = state;
  const moved = release === undefined ? undefined : releaseNotAhead(release, now);
  const adopted = state.adopted && adoptedNotAhead(state.adopted, now);
  const still = moved === release && adopted === state.adopted;
  if (state.since <= now && still && (state.queuedAt ?? now) <= now && (state.inQueueSince ?? now) <= now) return state;
  const queued = state.queuedAt === undefined ? {} : { queuedAt: Math.min(state.queuedAt, now) };
  const inQueue = state.inQueueSince === undefined ? {} : { inQueueSince: Math.min(state.inQueueSince, now) };
  const taken = adopted === undefined ? {} : { adopted };
  const face = { ...state, since: Math.min(state.since, now), ...queued, ...inQueue, ...taken };
  return moved === undefined ? face : { ...face, release: moved };
}

function adoptedNotAhead(adopted: Adopted, now: Millis): Adopted {
  const { at, servesSince = now, resets = [] } = adopted;
  if (at <= now && servesSince <= now && resets.every((reset) => reset.at <= now)) return adopted;
  return {
    ...adopted,
    at: Math.min(at, now),
    ...(adopted.servesSince === undefined ? {} : { servesSince: Math.min(servesSince, now) }),
    ...(resets.length === 0 ? {} : { resets: resets.map((reset) => ({ ...reset, at: Math.min(reset.at, now) })) }),
  };
}

function releaseNotAhead(release: ReleaseState, now: Millis): ReleaseState {
  const { ending } = release;
  const ahead = MOMENTS.filter((moment) => (release[moment] ?? now) > now);
  const endsAhead = ending !== undefined && ending.at > now;
  if (ahead.length === 0 && !endsAhead) return release;
  const moved = Object.fromEntries(ahead.map((moment) => [moment, now]));
  return { ...release, ...moved, ...(endsAhead ? { ending: { ...ending, at: now } } : {}) };
}
