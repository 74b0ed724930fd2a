import type { Mutant } from './mutant.ts';

const file = 'src/cli/uninstall.ts';
const uninstallTest = 'test/cli/uninstall.test.ts';

/** Mutants of leaving a cluster: what was taken is given back before the means to do it are gone. */
export const leaving: readonly Mutant[] = [
  {
    name: 'kinds are removed under Rollouts that hang',
    breaks: 14,
    file,
    find: 'removed: waiting.length > 0 ? [] : await remove(leave)',
    replace: 'removed: await remove(leave)',
    killedBy: { file: uninstallTest, test: '$name: $because' },
    because: 'traffic and Deployments would never be given back',
  },
  {
    name: 'an uninstall needs no operator',
    breaks: 14,
    file,
    find: 'if (!runs && flags.force !== true)',
    replace: 'if (!runs && flags.yes !== true)',
    killedBy: { file: uninstallTest, test: '$name: $because' },
    because: 'Rollouts would be let go with their Deployments at 0',
  },
  {
    name: 'by force the pods go too',
    breaks: 7,
    file,
    find: "runs && pods !== 'Stay'",
    replace: "pods !== 'Stay'",
    killedBy: { file: uninstallTest, test: 'by force pods stay, and only our own finalizer is taken off' },
    because: 'the pods of an adopted Deployment serve alone',
  },
  {
    name: 'a release plants its fence on routes of the one before',
    breaks: 14,
    file: 'src/core/diff.ts',
    find: 'return routes?.includes(name) ?? true;',
    replace: 'return routes === undefined || name.length > 0;',
    killedBy: {
      file: 'test/core/left-routes.test.ts',
      test: 'a release that begins plants no fence on a route that the one before it split alone',
    },
    because: 'nothing that it looks at any more would have to be clean before it goes',
  },
  {
    name: 'a route that the spec alone names keeps its fence',
    breaks: 14,
    file: 'src/operator/observe.ts',
    find: 'const named = new Set(routes.map(({ name }) => name));',
    replace: 'const named = new Set([...routes.map(({ name }) => name), ...spec.routes]);',
    killedBy: {
      file: 'test/sim/left-route.test.ts',
      test: 'the whole operator forgets no fence on a route that its release does not split',
    },
    because: 'the Rollout would be gone and its fence there, which no other Rollout may touch',
  },
  {
    name: 'any refusal is the end of the namespace',
    breaks: 24,
    file: 'src/operator/ending-namespace.ts',
    find: "return causes.some(({ reason }) => reason === 'NamespaceTerminating');",
    replace: 'return causes.length >= 0;',
    killedBy: { file: 'test/operator/ending-namespace.test.ts', test: '%s says nothing' },
    because: 'our pods would leave before the Deployment serves',
  },
  {
    name: 'what was said to a Rollout stays behind it',
    breaks: 14,
    file: 'src/operator/apply.ts',
    find: 'await forget(api, stores.actions.byIndex(BY_ROLLOUT, keyOf(rollout)));',
    replace: '',
    killedBy: {
      file: 'test/operator/apply.test.ts',
      test: 'what was said to a Rollout goes with it, before its finalizer does',
    },
    because: 'actions are pruned by the next release, and a Rollout that is gone has none',
  },
];
