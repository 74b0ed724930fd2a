import type { Mutant } from './mutant.ts';

const killedBy = {
  file: 'test/sim/pure.test.ts',
  test: 'law: telling pure worlds are safe and come to rest',
};

/** Mutants that no table has to foresee: worlds in which everything breaks meet them by themselves. */
export const pureWorlds: readonly Mutant[] = [
  {
    name: 'worlds: a raise does not wait for pods',
    breaks: 1,
    file: 'src/core/diff.ts',
    find: 'if (!canCarry(next, release, seen)) return [];',
    replace: '',
    killedBy,
    because: 'one pod would carry what four were asked for',
  },
  {
    name: 'worlds: a pass of the stay before counts for this one',
    breaks: 2,
    file: 'src/core/verdict.ts',
    find: "if (reading?.verdict !== 'Pass' || reading.stepEpoch !== stay)",
    replace: "if (reading?.verdict !== 'Pass')",
    killedBy,
    because: 'gates that hear late of a raise would let the next one through',
  },
  {
    name: 'worlds: probes of the stay before count for this one',
    breaks: 2,
    file: 'src/core/verdict.ts',
    find: 'if (probes.epoch === undefined || probes.epoch === stepEpochOf(release)) return probes;',
    replace: 'return probes;',
    killedBy,
    because: 'a return from 0 would lean on an answer from before the failure',
  },
  {
    name: 'worlds: a fix is raised unseen',
    breaks: 2,
    file: 'src/core/advance.ts',
    find: 'if (judgement.unread !== undefined)',
    replace: 'if (judgement.unread === null)',
    killedBy,
    because: 'users would meet a canary of which nobody could tell whether it is any better',
  },
  {
    name: 'worlds: probes that fail take nothing back',
    breaks: 5,
    file: 'src/core/recover.ts',
    find: "if (probing && probes.result === 'CanaryFailed')",
    replace: "if (!probing && probes.result === 'CanaryFailed')",
    killedBy,
    because: 'users would go on meeting what the probes know to fail',
  },
  {
    name: 'worlds: a retreat ends by itself',
    breaks: 12,
    file: 'src/core/transition.ts',
    find: "if ((ending.kind === 'Retreat' || ending.kind === 'Abort') && !left)",
    replace: "if (ending.kind === 'Abort' && !left)",
    killedBy,
    because: 'the bad revision would be tried again as a release of its own',
  },
];
