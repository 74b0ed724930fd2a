import type { Mutant } from './mutant.ts';

const laws = 'test/routers/laws.ts';

/** Mutants of the routers whose shares are coarse or whose weights mean something else: invariants 1 and 6. */
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
];
