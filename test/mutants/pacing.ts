import type { Mutant } from './mutant.ts';

const paceTest = 'test/core/pace.test.ts';
const law = 'law: no more canary pods come up at once than may, none is taken away, and all of them come';
const pace = 'src/core/pace.ts';

/** Mutants of invariant 28: a canary whose pods come by and by. */
export const pacing: readonly Mutant[] = [
  {
    name: 'worlds: all pods of a step come at once',
    breaks: 28,
    file: pace,
    find: 'if (surge === undefined) return wanted;',
    replace: 'return wanted;',
    killedBy: { file: 'test/sim/pure.test.ts', test: 'law: telling pure worlds are safe and come to rest' },
    because: 'hundreds of pods would pull their image and connect to the database in the same moment',
  },
  {
    name: 'pods that were asked for count as available',
    breaks: 28,
    file: pace,
    find: 'const may = settled + surge;',
    replace: 'const may = have + surge;',
    killedBy: { file: paceTest, test: law },
    because: 'each pass would ask for another portion, whatever became of the last one',
  },
  {
    name: 'the size follows the available pods down',
    breaks: 28,
    file: pace,
    find: 'Math.max(may, have, podsReached(release, plan, full))',
    replace: 'Math.max(may, podsReached(release, plan, full))',
    killedBy: { file: paceTest, test: law },
    because: 'a pod that is not ready for a moment would cost another one',
  },
  {
    name: 'what an autoscaler adds for the load comes by and by',
    breaks: 28,
    file: pace,
    find: 'Math.max(may, have, podsReached(release, plan, full))',
    replace: 'Math.max(may, have)',
    killedBy: { file: paceTest, test: 'that asks for more where the canary has its share gets it at once' },
    because: 'a canary with half of the traffic would be too small while the load rises',
  },
  {
    name: 'what served recently returns by and by',
    breaks: 28,
    file: pace,
    find: 'if (plan.rollback) return undefined;',
    replace: '',
    killedBy: { file: paceTest, test: '$name: $because' },
    because: 'the remedy of an outage would wait for its pods, portion by portion',
  },
  {
    name: 'a portion is late by the first one',
    breaks: 28,
    file: 'src/core/advance.ts',
    find: 'Math.max(state.since, asked, release.grownAt ?? 0)',
    replace: 'Math.max(state.since, asked)',
    killedBy: { file: paceTest, test: 'counts from the newest portion' },
    because: 'a large canary would end by the deadline for nothing but its size',
  },
  {
    name: 'every look is progress',
    breaks: 28,
    file: pace,
    find: 'pods <= (release.grownTo ?? 0)) return release;',
    replace: 'pods < (release.grownTo ?? 0)) return release;',
    killedBy: { file: paceTest, test: 'ends a release whose next portion does not come' },
    because: 'a release whose pods do not start would wait for them for ever',
  },
  {
    name: 'an autoscaler is shown pods that wait for their load',
    breaks: 28,
    file: 'src/operator/status.ts',
    find: 'const weight = plan === undefined ? release.weight : weightReached(release, plan);',
    replace: 'const { weight } = release;',
    killedBy: {
      file: 'test/operator/status.test.ts',
      test: 'scale shows $arm at $weight, ending: $ending: $because',
    },
    because: 'a canary that comes by and by would be measured as idle, and fewer pods be wished than stable needs',
  },
];
