import type { Mutant } from './mutant.ts';

const shrinkTest = 'test/core/shrink.test.ts';
const law = 'law: a stable that shrinks carries what it is sent, and is whole in the end';
const shrink = 'src/core/shrink.ts';

/** Mutants of invariant 27: a stable that shrinks with the weight. */
export const shrinking: readonly Mutant[] = [
  {
    name: 'stable shrinks with the record, before the gateway has obeyed',
    breaks: 27,
    file: shrink,
    find: 'const needed = stableBeside({ replicas: full, weight: takenOff(release, seen) });',
    replace: 'return stableBeside({ replicas: full, weight: release.weight });',
    killedBy: { file: shrinkTest, test: law },
    because: 'too few pods would get the traffic that is still on its way to the canary',
  },
  {
    name: 'stable shrinks as soon as the route is accepted',
    breaks: 27,
    file: shrink,
    find: 'const obeyed = release.arrivedAt !== undefined && routesCarry(seen, release);',
    replace: 'const obeyed = true;',
    killedBy: {
      file: shrinkTest,
      test: 'stable shrinks at each step once the gateway has the weight, and everything ends whole',
    },
    because: 'a gateway accepts a weight before its last worker has it',
  },
  {
    name: 'no pod is kept for the way back',
    breaks: 27,
    file: 'src/core/capacity.ts',
    find: 'return Math.ceil((replicas * (2 * WHOLE - weight)) / (2 * WHOLE));',
    replace: 'return Math.ceil((replicas * (WHOLE - weight)) / WHOLE);',
    killedBy: {
      file: shrinkTest,
      test: 'of ten pods beside a canary of $weight stable keeps $stable: $because',
    },
    because: 'a bad canary would keep all of its traffic until the first pod has started',
  },
  {
    name: 'the way back asks nobody who carries it',
    breaks: 27,
    file: shrink,
    find: 'if (full === 0 || inVain ||',
    replace: 'if (full >= 0 || inVain ||',
    killedBy: { file: shrinkTest, test: law },
    because: 'half of the pods would get all of the traffic at once, and fail all of it',
  },
  {
    name: 'the way back stops where it began',
    breaks: 27,
    file: shrink,
    find: 'if (weight >= release.weight) return state;',
    replace: 'if (weight >= 0) return state;',
    killedBy: { file: shrinkTest, test: law },
    because: 'a bad canary would keep what it was left with',
  },
  {
    name: 'the way back waits for pods without an end',
    breaks: 27,
    file: shrink,
    find: '|| now - returningSince >= RETURN_MS',
    replace: '',
    killedBy: { file: shrinkTest, test: 'after a minute everything goes back, whatever is ready' },
    because: 'pods that never start would leave the traffic on a bad canary for ever',
  },
  {
    name: 'the way back waits for pods that are refused',
    breaks: 27,
    file: shrink,
    find: 'setOf(seen, from)?.refused !== undefined ||',
    replace: '',
    killedBy: { file: shrinkTest, test: '$name: $because' },
    because: 'the canary itself may have the room that they wait for',
  },
  {
    name: 'a canary without pods keeps traffic on the way back',
    breaks: 27,
    file: shrink,
    find: 'share(readyOf(seen, revision).length), ',
    replace: '',
    killedBy: { file: shrinkTest, test: '$name: $because' },
    because: 'users would get 503 until stable has all of its pods',
  },
  {
    name: 'a shrunk stable is taken for its size',
    breaks: 27,
    file: 'src/core/shrink.ts',
    find: 'spec.replicas <= release.full)',
    replace: 'spec.replicas > 0)',
    killedBy: { file: shrinkTest, test: 'an autoscaler is followed up in proportion, and down at the end alone' },
    because: 'what an autoscaler added in the middle would be gone at its next word',
  },
  {
    name: 'a way back is blamed like a second time',
    breaks: 27,
    file: 'src/core/recover.ts',
    find: 'if (release.expedited !== undefined || release.returningSince !== undefined) return undefined;',
    replace: 'if (release.expedited !== undefined) return undefined;',
    killedBy: {
      file: shrinkTest,
      test: 'both arms bad: the traffic goes back in steps, nobody is blamed for that, and it begins again from 0',
    },
    because: 'an outage of both arms would end every release whose stable shrinks',
  },
  {
    name: 'a release begins again before its traffic is back',
    breaks: 27,
    file: 'src/core/advance.ts',
    find: 'if (returns !== undefined) return',
    replace: 'if (false) return',
    killedBy: {
      file: shrinkTest,
      test: 'both arms bad: the traffic goes back in steps, nobody is blamed for that, and it begins again from 0',
    },
    because: 'its first step would be reached from above, without its gates',
  },
];
