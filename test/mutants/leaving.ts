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
    name: 'a release is over before its routes have their own text',
    breaks: 14,
    file: 'src/core/transition.ts',
    find: 'return routesAtRest(seen) && routesGivenBack(seen, release) && gone;',
    replace: 'return routesAtRest(seen) && gone;',
    killedBy: {
      file: 'test/core/left-routes.test.ts',
      test: 'a release that ends with nothing left to take away still gives every route its own text',
    },
    because: "the canary's Service would stay in the route, be taken for the user's, and bar every release after it",
  },
  {
    name: 'a promotion is over before its routes have their own text',
    breaks: 14,
    file: 'src/core/promote.ts',
    find: ' || !routesGivenBack(seen, release)',
    replace: '',
    killedBy: {
      file: 'test/core/left-routes.test.ts',
      test: 'promoted: a weight that a hand set to 0 meanwhile is no text of the user',
    },
    because: 'the same for whoever has promoted',
  },
  {
    name: 'a deletion takes the fence off before the text is back',
    breaks: 14,
    file: 'src/core/diff.ts',
    find: 'if (next.release !== undefined && awaitsText(route, next.release)) return [];',
    replace: '',
    killedBy: { file: 'test/core/left-routes.test.ts', test: 'deleted: the fence stays until the text has come back' },
    because: 'where that write is lost nobody would know any more that it is due',
  },
  {
    name: 'a retry takes a route over as it is',
    breaks: 14,
    file: 'src/core/actions.ts',
    find: 'if (written !== undefined) return',
    replace: 'if (written?.name === undefined && written !== undefined) return',
    killedBy: { file: 'test/core/left-routes.test.ts', test: 'a retry waits for the text of every route' },
    because: "the original weights of the user's backends would be lost",
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
