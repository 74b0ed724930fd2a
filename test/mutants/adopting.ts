import type { Mutant } from './mutant.ts';

const file = 'src/core/adopt.ts';
const killer = 'test/core/adopt.test.ts';
const law = {
  file: killer,
  test: 'law: from a Deployment to a Rollout and back, whatever is lost, everybody is served by proven pods',
};

/** Mutants of taking a Deployment over, and of giving it back. */
export const adopting: readonly Mutant[] = [
  {
    name: 'a Deployment goes to 0 by the record alone',
    breaks: 24,
    file,
    find: 'return settled && carries(next, adopted, seen) ? 0 : undefined;',
    replace: 'return settled ? 0 : undefined;',
    killedBy: { file: killer, test: 'our pods that die before the Deployment went to 0 keep it up' },
    because: 'nobody would serve until they are back',
  },
  {
    name: 'a Deployment goes to 0 before anybody learnt of our pods',
    breaks: 24,
    file,
    find: 'const settled = adopted.emptied === true || now - adopted.at >= settleOf(seen);',
    replace: 'const settled = true;',
    killedBy: law,
    because: 'gateways and nodes learn of a pod after it is available',
  },
  {
    name: 'the Service is narrowed while pods of the Deployment carry it',
    breaks: 24,
    file,
    find: 'return deployment.observed && deployment.replicas === 0 && deployment.pods === 0;',
    replace: 'return true;',
    killedBy: {
      file: killer,
      test: 'our pods serve beside those of the Deployment before it goes to 0, and narrowing waits for the last of them',
    },
    because: 'its pods would leave the Service in the middle of their requests',
  },
  {
    name: 'a release begins while the Service is wide',
    breaks: 24,
    file: 'src/core/transition.ts',
    find: "if (taking !== undefined) return show(state, { phase: 'Progressing', message: taking }, now);",
    replace: '',
    killedBy: { file: killer, test: 'a template that changes before the Service is narrowed makes no canary' },
    because: 'the wide Service selects canary pods too',
  },
  {
    name: 'our pods leave before those of the Deployment serve',
    breaks: 24,
    file,
    find: "return servesSince === undefined || now - servesSince < settleOf(seen) ? { kind: 'Wait' } : undefined;",
    replace: 'return undefined;',
    killedBy: law,
    because: 'the give-back would be an outage as long as a start of pods',
  },
  {
    name: 'a Deployment is brought up with a template that nobody proved',
    breaks: 24,
    file,
    find: "if (deployment.revision !== next.stable && (narrowed || deployment.replicas === 0)) return { kind: 'Hold' };",
    replace: '',
    killedBy: {
      file: killer,
      test: 'a template that no release has proven is not given to anybody: the give-back waits for its author',
    },
    because: 'whoever deletes a Rollout after a retreat would serve the bad revision to everybody',
  },
  {
    name: 'the Service is widened over pods of another template',
    breaks: 24,
    file,
    find: "if (narrowed && !isOfOneTemplate(deployment)) return { kind: 'Wait' };",
    replace: '',
    killedBy: {
      file: killer,
      test: 'pods that somebody brought up with an unproven template are gone before the Service is widened',
    },
    because: 'users would meet what somebody scaled up beside a release, for as long as its pods take to go',
  },
  {
    name: 'a Deployment is taken over in the middle of its own rollout',
    breaks: 24,
    file,
    find: 'if (isSettled(deployment)) return undefined;',
    replace: 'return undefined;',
    killedBy: { file: killer, test: 'nothing begins while the Deployment is in the middle of a rollout of its own' },
    because: 'its newest template may be the one that does not work',
  },
  {
    name: 'a fight for replicas goes on for ever',
    breaks: 24,
    file,
    find: 'noted.length >= CONTEST_RESETS',
    replace: 'noted.length > 1_000',
    killedBy: {
      file: killer,
      test: 'whoever sets the replicas up three times in ten minutes is named and let be, until it yields',
    },
    because: 'pods would start and end all day, and nobody would know why',
  },
  {
    name: 'a Service that is applied with our label is widened all the same',
    breaks: 24,
    file,
    find: "if (narrowed && !isDeclared(seen)) return { kind: 'Widen' };",
    replace: "if (narrowed) return { kind: 'Widen' };",
    killedBy: {
      file: killer,
      test: 'a Service that is applied with our label stays narrow, and finds the pods of the Deployment by it',
    },
    because: 'whoever applies it narrows it again, and the Deployment would serve nobody',
  },
  {
    name: 'our pods leave before the Service finds those of the Deployment',
    breaks: 24,
    file,
    find: 'return isDeclared(seen) && seen.workload?.deployment?.bare?.length === 0;',
    replace: 'return isDeclared(seen);',
    killedBy: {
      file: killer,
      test: 'law: whatever is lost while a Service keeps our label, its clients find pods that carry them',
    },
    because: 'the narrowed Service would find no pod at all',
  },
];
