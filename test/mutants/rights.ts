import type { Mutant } from './mutant.ts';

const reflector = 'src/runtime/reflector.ts';
const reflectorTest = 'test/runtime/reflector.test.ts';

/** Mutants of what happens when the operator lacks a right that an older ClusterRole did not have. */
export const rights: readonly Mutant[] = [
  {
    name: 'without one right nothing begins',
    breaks: 16,
    file: reflector,
    find: "hasCode(error, 'KUBE_FORBIDDEN')",
    replace: "hasCode(error, 'KUBE_EXPIRED')",
    killedBy: { file: reflectorTest, test: '$name: $because' },
    because: 'an upgrade of the operator before its roles would stop every release',
  },
  {
    name: 'a right that is taken away empties the store',
    breaks: 7,
    file: reflector,
    find: 'if (optional && !listed && ',
    replace: 'if (optional && ',
    killedBy: { file: reflectorTest, test: '$name: $because' },
    because: 'routes that still send to the canary would be taken for gone',
  },
  {
    name: 'what nobody may see is taken for gone',
    breaks: 7,
    file: 'src/operator/readable.ts',
    find: 'store?.forbidden === true',
    replace: 'store === undefined',
    killedBy: { file: 'test/operator/readable.test.ts', test: 'closed are $name: $because' },
    because: 'the pods behind an unseen route would be scaled down, an unseen Deployment never given back',
  },
  {
    name: 'a right that is missing stands before a lowering',
    breaks: 1,
    file: 'src/operator/reconcile.ts',
    find: 'desired(state, seen, deps.clock.now()), state, seen).filter(isUrgent)',
    replace: 'desired(state, seen, deps.clock.now()), state, seen).filter(() => false)',
    killedBy: {
      file: 'test/operator/reconcile.test.ts',
      test: 'what is on record is taken down, whatever may not be read',
    },
    because: 'one role that lacks one kind would leave a rotten canary with the users of all other routes',
  },
];
