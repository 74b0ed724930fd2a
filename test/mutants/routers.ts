import type { Mutant } from './mutant.ts';

const laws = 'test/routers/laws.ts';

/** Mutants of the routers whose shares are coarse or whose weights mean something else, and of routes elsewhere: invariants 1, 6 and 26. */
export const routers: readonly Mutant[] = [
  {
    name: 'a fence says more than its route carries',
    breaks: 6,
    file: 'src/routers/backend-rules.ts',
    find: 'weight: floorTo(fence.weight, granularity)',
    replace: 'weight: fence.weight',
    killedBy: {
      file: 'test/routers/apisix-route.test.ts',
      test: '1: read says what write put',
      writtenIn: laws,
    },
    because: 'our own write would look like traffic that a person took back, and pause the release',
  },
  {
    name: 'a step below the finest share is none',
    breaks: 1,
    file: 'src/lib/units.ts',
    find: 'Math.max(grid, Math.round(weight / grid) * grid)',
    replace: 'Math.round(weight / grid) * grid',
    killedBy: {
      file: 'test/core/by-pods.test.ts',
      test: 'it rises, on marks that all can carry, and without a grid nothing changes',
    },
    because: 'a step would be held without any traffic on the canary',
  },
  {
    name: 'a lone destination without weight counts as closed',
    breaks: 1,
    file: 'src/routers/virtual-service.ts',
    find: 'backends.length === 1 ? [1] : ',
    replace: '',
    killedBy: {
      file: 'test/routers/virtual-service.test.ts',
      test: 'one destination gets everything, whatever its weight',
    },
    because: 'the usual VirtualService, which has no weights, would be refused',
  },
  {
    name: 'a condition of an older generation counts as acceptance',
    breaks: 7,
    file: 'src/routers/conditions.ts',
    find: "status === 'True' && observedGeneration === route.metadata.generation",
    replace: "status === 'True'",
    killedBy: { file: 'test/routers/http-proxy.test.ts', test: 'accepted: $name, because $because' },
    because: 'pods would go while the gateway still sends to them',
  },
  {
    name: 'a route elsewhere needs no word of its owner',
    breaks: 26,
    file: 'src/operator/allowed.ts',
    find: 'if (allowed === undefined)\n',
    replace: 'if (ref.namespace === undefined)\n',
    killedBy: { file: 'test/operator/allowed.test.ts', test: '$name: $because' },
    because: 'whoever may write a Rollout would write the routes of every other team',
  },
  {
    name: 'a grant for one Service is taken for both',
    breaks: 26,
    file: 'src/operator/allowed.ts',
    find: 'const services = [asking.service, canaryServiceName(asking.service)];',
    replace: 'const services = [asking.service, asking.service];',
    killedBy: { file: 'test/operator/allowed.test.ts', test: '$name: $because' },
    because: 'the gateway would answer every request to the canary with an error',
  },
  {
    name: 'what is barred waits for a breach that keeps its weight',
    breaks: 26,
    file: 'src/core/transition.ts',
    find: '    onBarred(state, release, at) ??\n    onBreach(state, release, at) ??',
    replace: '    onBreach(state, release, at) ??\n    onBarred(state, release, at) ??',
    killedBy: { file: 'test/core/barred.test.ts', test: 'a breach that keeps its weight keeps none of what is barred' },
    because: 'users would get errors until somebody looks at the pause',
  },
  {
    name: 'a fence that does not say of which namespace it is',
    breaks: 26,
    file: 'src/routers/abroad.ts',
    find: '`?/',
    replace: '`',
    killedBy: { file: 'test/routers/abroad.test.ts', test: 'the fence $fence: $because' },
    because: 'two Rollouts of one name would each take the traffic of the other for their own',
  },
  {
    name: 'a namespace that goes leaves its fences elsewhere',
    breaks: 26,
    file: 'src/core/diff.ts',
    find: 'return isFencedAbroad(seen) ? [] : ',
    replace: 'return ',
    killedBy: {
      file: 'test/core/barred.test.ts',
      test: 'in a namespace that is being deleted only routes of other namespaces are waited for',
    },
    because: "another team's route would keep our text for ever",
  },
];
