import type { Millis } from '#lib/units.ts';
import { deadline } from './deadline.ts';
import { desired } from './desired.ts';
import { diff } from './diff.ts';
import type { Decision } from './effect.ts';
import { notAhead } from './instants.ts';
import type { State } from './model.ts';
import { numbered, obeyed } from './routes.ts';
import type { Seen } from './seen.ts';
import { transition } from './transition.ts';
import { asPinned } from './undo.ts';

/** The whole operator in one expression: what we knew, what we see and the time, in; what to do, out. */
export function decide(known: State, sight: Seen, now: Millis): Decision {
  const state = notAhead(known, now);
  const seen = obeyed(sight, state, now);
  const next = numbered(transition(state, seen, now), seen);
  const wished = asPinned(next, seen);
  // Effects come from the gap between wish and world, never from the transition itself,
  // so a reconcile that is lost, repeated or resumed by another replica repairs itself.
  const effects = diff(desired(next, wished, now), next, wished);
  const requeueAt = deadline(next, wished, now);
  return requeueAt === undefined ? { next, effects } : { next, effects, requeueAt };
}
