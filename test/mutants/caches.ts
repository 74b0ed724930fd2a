import type { Mutant } from './mutant.ts';

/** Mutants of caches that are older than the API server and do not know it. */
export const caches: readonly Mutant[] = [
  {
    name: 'a refused record tells the store nothing',
    breaks: 15,
    file: 'src/operator/status.ts',
    find: '.catch(conflictOn(store, rollout))',
    replace: '',
    killedBy: { file: 'test/operator/status.test.ts', test: '$name: the store hears of $told: $because' },
    because: 'a new leader whose watch fell silent could record nothing for a minute and a half',
  },
  {
    name: 'conflicts that go on are everyday',
    breaks: 15,
    file: 'src/runtime/write-guard.ts',
    find: 'else if (now - refusal.at >= staleMs / 2) {',
    replace: 'else if (now < refusal.at) {',
    killedBy: {
      file: 'test/runtime/cache.test.ts',
      test: 'a version that is refused for long and still shows is told, and a conflict alone is not',
    },
    because: 'a watch that lost an event would be believed until the next one comes',
  },
];
