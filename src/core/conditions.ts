import type { Problem, State } from './model.ts';

/** A status condition without its times: the shell adds these when something changed. */
export interface ConditionWish {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

/**
 * Conditions as a fold over the state: same state, same bytes, so that they never flap. `Ready`, `Reconciling` and
 * `Stalled` are what Flux's kstatus and `kubectl wait` read; the rest name what a person can mend.
 */
export function conditionsOf(state: State, problems: readonly Problem[]): ConditionWish[] {
  const reason = state.reason ?? state.phase;
  const { message } = state;
  const healthy = state.phase === 'Healthy';
  const moving = state.phase === 'Progressing';
  const stalled = state.phase === 'Degraded';
  return [
    { type: 'Ready', status: healthy ? 'True' : 'False', reason, message },
    { type: 'Reconciling', status: moving ? 'True' : 'False', reason, message: moving ? message : '' },
    { type: 'Stalled', status: stalled ? 'True' : 'False', reason, message: stalled ? message : '' },
    {
      type: 'Paused',
      status: state.phase === 'Paused' ? 'True' : 'False',
      reason,
      message: state.phase === 'Paused' ? message : '',
    },
    valid(problems),
  ];
}

function valid(problems: readonly Problem[]): ConditionWish {
  if (problems.length === 0) return { type: 'Valid', status: 'True', reason: 'Checked', message: '' };
  const message = problems.map((problem) => `${problem.field}: ${problem.message}`).join('\n');
  return { type: 'Valid', status: 'False', reason: 'InvalidSpec', message };
}
