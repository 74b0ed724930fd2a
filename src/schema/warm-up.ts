import { parseDuration } from '#lib/units.ts';
import { duration, type Rule, ruled } from './vocabulary.ts';

/** Longer than that is no warm-up: the control would be out of sight of what gates call now. */
const MOST = '5m';
const MOST_MS = 300_000;

/** `gates[].warmUp` of a Rollout. */
export const warmUp = ruled(duration(), {
  cel: `duration(self) <= duration('${MOST}')`,
  message: `must be at most ${MOST}`,
  holds: (given) => (parseDuration(given) ?? 0) <= MOST_MS,
}).describe(
  'What a process counts within this time of its start is no evidence, of both arms; a restart begins it anew. At most 5m. Left out: 30s for a latency SLI that is counted by pod, else 0s.',
);

/** A query is told apart by no process. */
export const warmUpNeedsSlo: Rule<{ query?: unknown; warmUp?: string }> = {
  cel: '!has(self.query) || !has(self.warmUp)',
  message: 'a query counts by no process: warmUp is for an SLO',
  field: '.warmUp',
  holds: (given) => given.query === undefined || given.warmUp === undefined,
};
