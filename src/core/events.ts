import { formatPercent } from '#lib/units.ts';
import { newlyReplaced, toldOf } from './bad-pod.ts';
import type { State } from './model.ts';

/** A transition that people want to hear of. */
export interface Happened {
  type: 'Normal' | 'Warning';
  /** One word, as Kubernetes Events have it. */
  reason: string;
  message: string;
}

/** Which Event a transition earns; most earn none. */
export function eventOf(before: State, next: State): Happened | undefined {
  const { message } = next;
  if (next.phase !== before.phase || next.reason !== before.reason) {
    const bad =
      next.phase === 'Degraded' ||
      (next.phase === 'Paused' && !['Step', 'User', 'Approval'].includes(next.reason ?? ''));
    return { type: bad ? 'Warning' : 'Normal', reason: next.reason ?? next.phase, message };
  }
  const replaced = newlyReplaced(before.release, next.release);
  if (replaced !== undefined) return { type: 'Warning', reason: 'PodReplaced', message: toldOf(replaced) };
  return progressOf(before, next);
}

function progressOf(before: State, next: State): Happened | undefined {
  const { message } = next;
  const weight = next.release?.weight ?? 0;
  const was = before.release?.name === next.release?.name ? (before.release?.weight ?? 0) : 0;
  if (weight > was)
    return {
      type: 'Normal',
      reason: 'WeightGranted',
      message: `${message} (${formatPercent(was)} to ${formatPercent(weight)})`,
    };
  if (next.release?.committed && !before.release?.committed) return { type: 'Normal', reason: 'Promoted', message };
  if (next.ended !== undefined && next.ended.name !== before.ended?.name) {
    return { type: 'Normal', reason: next.ended.outcome, message: `Release ${next.ended.name}: ${next.ended.why}` };
  }
  return undefined;
}
