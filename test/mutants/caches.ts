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
  {
    name: 'a write that is repeated has just been written',
    breaks: 15,
    file: 'src/runtime/write-guard.ts',
    find: 'const { at = clock.monotonic(), missed = false } = pending.get(key) ?? {};',
    replace: 'const { at, missed } = { at: clock.monotonic(), missed: false };',
    killedBy: {
      file: 'test/runtime/cache.test.ts',
      test: 'a write that is repeated because it does not show is told by the first of them',
    },
    because: 'a dead watch would be believed for as long as each pass writes the same again',
  },
  {
    name: 'nobody asks whether a size has shown',
    breaks: 7,
    file: 'src/operator/reconcile.ts',
    find: '    askForWrites(deps.stores, rollout, key);\n',
    replace: '',
    killedBy: {
      file: 'test/operator/reconcile.test.ts',
      test: 'each pass asks whether the sizes that were written show, and the selector',
    },
    because: 'a canary would be made smaller than it is, by what a dead watch of ReplicaSets remembers',
  },
  {
    name: 'a Rollout is let go by a Service that does not show our write',
    breaks: 14,
    file: 'src/operator/apply.ts',
    find: '!stores.services.fresh({ namespace, name: service })',
    replace: 'false',
    killedBy: {
      file: 'test/operator/apply.test.ts',
      test: 'what was said to a Rollout goes with it, before its finalizer does',
    },
    because: 'the Service would select the stable pods of a Rollout that is gone',
  },
];
