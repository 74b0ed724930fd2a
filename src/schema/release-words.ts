import { choice, text } from './vocabulary.ts';

/** Words that several status schemas share. */

/** A sentence for people. Writers cut it to `PROSE_MAX` with `clip`, so that no status write is refused for it. */
export const PROSE_MAX = 1024;

/** In the state, where the API server's own words about a bad template may be told. */
export const LONG_PROSE_MAX = 8192;

export function prose(max = PROSE_MAX) {
  return text({ max });
}

/** Shortens a sentence to what `prose` takes, without cutting a character in half. */
export function clip(sentence: string, max = PROSE_MAX): string {
  if (sentence.length <= max) return sentence;
  return `${sentence.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Most bad pods that a release may be allowed to replace. */
export const REPLACE_MAX = 5;

export const phases = ['Healthy', 'Progressing', 'Paused', 'Degraded'] as const;
export const stages = ['Preparing', 'Probing', 'Shifting', 'Holding', 'Baking', 'Promoting'] as const;
export const outcomes = ['Promoted', 'Retreated', 'Aborted', 'Superseded', 'Returned'] as const;
export const verdicts = ['Pass', 'Fail', 'Inconclusive', 'NoData', 'Error'] as const;
export const roles = ['Guardrail', 'Signal', 'Advisory'] as const;
export const silences = ['Hold', 'Pause', 'Retreat'] as const;
export const breaches = ['Pause', 'Retreat', 'Abort'] as const;
export const verbs = [
  'promote',
  'skip-step',
  'pause',
  'resume',
  'retreat',
  'abort',
  'retry',
  'expedite',
  'approve',
  'undo',
] as const;
export const reasons = [
  'Step',
  'User',
  'GateBreached',
  'NoData',
  'BudgetLow',
  'RouteChanged',
  'Approval',
  'Aborted',
  'InvalidSpec',
  'DeadlineExceeded',
] as const;

/** Revision: the hash of a pod template. */
export function revision() {
  return text({ max: 63 });
}

export function phase() {
  return choice(phases);
}
