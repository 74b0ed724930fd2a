import type { Mutant } from './mutant.ts';

const rateTest = 'test/gates/probe-rate.test.ts';
const gateTest = 'test/gates/probe.test.ts';
const engineTest = 'test/operator/gate-probe.test.ts';
const samplerTest = 'test/operator/probe-sampler.test.ts';

/** Mutants of the gate that counts answers to probes. */
export const probes: readonly Mutant[] = [
  {
    name: 'a tail that underflows has no logarithm',
    breaks: 'false passes',
    file: 'src/gates/special.ts',
    find: 'return share > 0 ? Math.log(share) : logFarTail(a, b, x);',
    replace: 'return Math.log(share);',
    killedBy: { file: rateTest, test: 'tails far below the smallest number keep their logarithm' },
    because: 'minus infinity is the least product and clears every canary',
  },
  {
    name: 'samples of one prompt count one by one',
    breaks: 'false stops',
    file: 'src/gates/probe-count.ts',
    find: '{ total: 1, bad: Math.min(1, Math.max(0, bad / total)) }',
    replace: '{ total, bad }',
    killedBy: { file: gateTest, test: 'all samples of a round are one answer, their mean' },
    because: 'one unlucky prompt would be ten failures',
  },
  {
    name: 'stable fails the same probes, and the canary is blamed',
    breaks: 'false stops',
    file: 'src/gates/probe.ts',
    find: "return !failsNow(state, 'stable', sli);",
    replace: 'return true;',
    killedBy: { file: gateTest, test: '$name: $want' },
    because: 'an outage of a dependency would stop every release',
  },
  {
    name: 'a first raise before a check was ever passed',
    breaks: 'false passes',
    file: 'src/gates/probe-verdict.ts',
    find: "return missing(state, sli).length > 0 ? 'Unknown' : 'Meets';",
    replace: "return 'Meets';",
    killedBy: { file: gateTest, test: 'a first raise waits until the canary has passed every check once' },
    because: 'users would meet a canary that cannot answer while evidence gathers',
  },
  {
    name: 'a restart of the operator is silence of the canary',
    breaks: 'silence',
    file: 'src/gates/probe-state.ts',
    find: '    loaded: true,\n',
    replace: '',
    killedBy: {
      file: engineTest,
      test: 'after a restart the gate goes on where it was, and waits for a new answer first',
    },
    because: 'onNoData would take back a release for an upgrade of the operator',
  },
  {
    name: 'a pod that left while it was asked is blamed',
    breaks: 'evidence',
    file: 'src/operator/probe-sampler.ts',
    find: 'arm.some(({ pod, ip }) => pod === target.pod && ip === target.ip)',
    replace: "arm.length >= 0 || target.pod === ''",
    killedBy: { file: samplerTest, test: '$name while it was asked' },
    because: 'every scale-down would look like failures',
  },
];
