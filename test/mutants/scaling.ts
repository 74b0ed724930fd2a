import type { Mutant } from './mutant.ts';

const scalingTest = 'test/core/scaling.test.ts';
const law = 'law: during a release no arm shrinks with the wish, and a higher wish reaches both';

/** Mutants of invariant 21: sizes while somebody scales. */
export const scaling: readonly Mutant[] = [
  {
    name: 'a lower wish takes pods away during a release',
    breaks: 21,
    file: 'src/core/capacity.ts',
    find: 'return Math.max(wanted, release?.full ?? 0, setOf(seen, stable)?.replicas ?? 0);',
    replace: 'return wanted;',
    killedBy: { file: scalingTest, test: law },
    because: 'an autoscaler that sees half of the traffic would take half of the pods before the rest comes back',
  },
  {
    name: 'a higher wish reaches the canary once stable has followed',
    breaks: 21,
    file: 'src/core/desired.ts',
    find: 'const full = replicasDuring(seen, next, spec.replicas);',
    replace: 'const full = setOf(seen, next.stable)?.replicas ?? 0;',
    killedBy: { file: scalingTest, test: law },
    because: 'the canary would meet a rising load with too few pods and be judged for it',
  },
  {
    name: 'who waits for a person keeps its old size',
    breaks: 21,
    file: 'src/core/desired.ts',
    find: 'const kept = spec !== undefined && isGone(release, seen, now) ?',
    replace: 'const kept = spec !== undefined && release.ending === undefined && release.committed ?',
    killedBy: {
      file: scalingTest,
      test: 'a lower wish is followed when a release that went back has let its canary go',
    },
    because: 'after a retreat no autoscaler could give pods back for days',
  },
  {
    name: 'old pods wait for room that they have themselves',
    breaks: 21,
    file: 'src/core/desired.ts',
    find: 'const needed = cramped ? Math.min(full, release.full ?? old?.replicas ?? 0) : full;',
    replace: 'const needed = full;',
    killedBy: { file: scalingTest, test: 'after the commit point $name does not stop the promotion' },
    because: 'replicas that were raised into a full quota would hold the promotion for ever',
  },
  {
    name: 'a release begins without pods',
    breaks: 21,
    file: 'src/core/transition.ts',
    find: 'if (asleep !== undefined) return asleep;',
    replace: '',
    killedBy: {
      file: scalingTest,
      test: 'a Rollout that is scaled to nothing begins no release until it has pods again',
    },
    because: 'it would wait for a canary of no pods and be given up',
  },
  {
    name: 'what a quota has given away counts as free',
    breaks: 21,
    file: 'src/operator/quota.ts',
    find: 'const free = Math.max(0, most - (parseQuantity(used[name]) ?? 0));',
    replace: 'const free = most;',
    killedBy: { file: 'test/operator/quota.test.ts', test: '$name: $because' },
    because: 'half a canary would be found with users on it',
  },
  {
    name: 'the pods of a release stand in its own way',
    breaks: 21,
    file: 'src/operator/surroundings.ts',
    find: 'if ((setOf(seen, spec.revision)?.replicas ?? 0) > 0) return [];',
    replace: '',
    killedBy: { file: 'test/operator/surroundings.test.ts', test: 'what bars a release: $name' },
    because: 'a quota that the canary itself has filled would stop it for ever',
  },
];
