import type { Millis } from '#lib/units.ts';
import { adoptEdges } from './adopt.ts';
import { leaveDelay } from './desired.ts';
import { rungAt } from './ladder.ts';
import type { ReleaseState, State } from './model.ts';
import { growthEdges } from './pace.ts';
import { BLAME_WINDOW_MS } from './recover.ts';
import type { Seen } from './seen.ts';
import { shrinkEdges } from './shrink.ts';

/** Even a release that waits for events only is looked at this often. */
const LOOK_AGAIN_MS: Millis = 60_000;

/** When to decide again if nothing happens: the nearest moment at which time alone changes the answer. Always ahead. */
export function deadline(next: State, seen: Seen, now: Millis): Millis | undefined {
  const release = next.release;
  if (release === undefined && next.phase === 'Healthy') return undefined;
  const moving = release === undefined ? [] : edgesOf(release, next, seen);
  const edges = [now + LOOK_AGAIN_MS, ...adoptEdges(next, seen), ...moving];
  return Math.min(...edges.filter((edge) => edge > now));
}

function edgesOf(release: ReleaseState, next: State, seen: Seen): Millis[] {
  const spec = seen.spec;
  const plan = seen.release?.plan;
  const edges = [...shrinkEdges(release, seen), ...growthEdges(release, spec)];
  if (release.restoredAt !== undefined) edges.push(release.restoredAt + leaveDelay(seen));
  if (spec !== undefined) {
    edges.push(next.since + spec.progressDeadlineMs + 1, next.since + spec.settleMs);
    if (release.acceptedAt !== undefined) edges.push(release.acceptedAt + spec.settleMs);
    if (release.restoredAt !== undefined) edges.push(release.restoredAt + spec.settleMs);
  }
  if (release.raisedAt !== undefined) edges.push(release.raisedAt + BLAME_WINDOW_MS);
  const step = plan === undefined ? undefined : rungAt(plan, release.step);
  if (step !== undefined && release.arrivedAt !== undefined) {
    edges.push(release.arrivedAt + step.holdMs, release.arrivedAt + step.holdMs + (step.pause?.forMs ?? 0));
  }
  if (release.joinedAt !== undefined) for (const each of plan?.steps ?? []) edges.push(release.joinedAt + each.holdMs);
  return edges;
}
