import type { Mutant } from './mutant.ts';

const file = 'test/core/attribution.test.ts';
const law = {
  file,
  test: 'law: nobody is raised while another one is known to be bad, and all but the culprits are promoted',
};

/** Mutants of releases of a group that move at once: who holds, for whom, and for how long. */
export const together: readonly Mutant[] = [
  {
    name: 'a step is left beside an open breach',
    breaks: 20,
    file: 'src/core/advance.ts',
    find: 'if (word === undefined && at.held !== undefined)',
    replace: 'if (at.held === null)',
    killedBy: law,
    because: 'more users would meet a path that is known to be broken',
  },
  {
    name: 'in-cluster clients join beside an open breach',
    breaks: 20,
    file: 'src/core/promote.ts',
    find: 'if (held !== undefined && !plan.rollback)',
    replace: 'if (held === null)',
    killedBy: law,
    because: 'clients inside are users too',
  },
  {
    name: 'a first raise beside an open breach',
    breaks: 20,
    file: 'src/core/advance.ts',
    find: 'if (held !== undefined) return say(',
    replace: 'if (held === null) return say(',
    killedBy: { file, test: 'no first raise beside an open breach' },
    because: 'one more suspect would join in the middle of an outage',
  },
  {
    name: "another one's failures are its own",
    breaks: 20,
    file: 'src/core/recover.ts',
    find: 'if (blame !== undefined && blame.late !== true) return undefined;',
    replace: '',
    killedBy: { file, test: 'the culprit is named with its counts, the other holds and is promoted after it' },
    because: 'seven good releases would go back for one bad one',
  },
  {
    name: 'a hold without an end',
    breaks: 20,
    file: 'src/core/attribution.ts',
    find: 'return common && now - held.since >= COMMON_MS ? { late: true } : {};',
    replace: 'return {};',
    killedBy: {
      file,
      test: 'both arms of all bad and no contrast: all hold, nobody is blamed, and later each is as if alone',
    },
    because: 'a canary that breaks what both arms share would keep its users',
  },
];
