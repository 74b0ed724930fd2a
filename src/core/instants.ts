import type { Millis } from '#lib/units.ts';
import type { ReleaseState, State } from './model.ts';

/** Moments of a release from which something is counted or waited for. */
const MOMENTS = ['acceptedAt', 'arrivedAt', 'raisedAt', 'joinedAt', 'restoredAt'] as const;

/**
 * The record with nothing in it that is still to come. A leader whose clock ran ahead, or ours that was set back, leaves
 * moments in the future, and a release would wait for them to pass: what is said to come is taken for now.
 */
export function notAhead(state: State, now: Millis): State {
  const { release } = state;
  const moved = release === undefined ? undefined : releaseNotAhead(release, now);
  if (state.since <= now && moved === release && (state.queuedAt ?? now) <= now && (state.inQueueSince ?? now) <= now)
    return state;
  const queued = state.queuedAt === undefined ? {} : { queuedAt: Math.min(state.queuedAt, now) };
  const inQueue = state.inQueueSince === undefined ? {} : { inQueueSince: Math.min(state.inQueueSince, now) };
  const face = { ...state, since: Math.min(state.since, now), ...queued, ...inQueue };
  return moved === undefined ? face : { ...face, release: moved };
}

function releaseNotAhead(release: ReleaseState, now: Millis): ReleaseState {
  const { ending } = release;
  const ahead = MOMENTS.filter((moment) => (release[moment] ?? now) > now);
  const endsAhead = ending !== undefined && ending.at > now;
  if (ahead.length === 0 && !endsAhead) return release;
  const moved = Object.fromEntries(ahead.map((moment) => [moment, now]));
  return { ...release, ...moved, ...(endsAhead ? { ending: { ...ending, at: now } } : {}) };
}
