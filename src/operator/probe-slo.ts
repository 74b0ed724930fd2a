import type { ProbeSli } from '#core/gate.ts';
import type { ProbeSuite } from '#core/probe.ts';
import { present } from '#core/raw.ts';
import type { Problem } from '#core/seen.ts';
import type { GateWish } from '#schema/translate.ts';
import { type ProbeWish, readProbeSuite } from '#schema/translate-inputs.ts';
import type { Stores } from './stores.ts';

/** The suite of an objective as it is now; a sentence when it cannot be used. */
export function findSuite(
  name: string,
  { namespace, suites }: { namespace: string; suites: Stores['suites'] },
): ProbeSuite | string {
  const object = suites.get({ namespace, name });
  if (object === undefined) return `ProbeSuite ${name} does not exist in namespace ${namespace}: create it`;
  const read = readProbeSuite(object);
  if (read.ok) return read.value;
  const [problem] = read.problems;
  return `ProbeSuite ${name}: ${problem?.field ?? 'spec'} ${problem?.message ?? 'cannot be read'}`;
}

/** An objective of probes as a release goes by it: all its checks by name, and how often they are answered. */
export function resolveProbe(
  { checks, ...rest }: ProbeWish,
  at: { namespace: string; suites: Stores['suites'] },
): ProbeSli | { problem: string } {
  const suite = findSuite(rest.suite, at);
  if (typeof suite === 'string') return { problem: `spec.sli.probe.suite: ${suite}` };
  const names = suite.requests.map(({ name }) => name);
  const unknown = (checks ?? []).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return {
      problem: `spec.sli.probe.checks: ProbeSuite ${suite.name} has no request ${unknown}; it has ${names.join(', ')}`,
    };
  }
  const counted = suite.requests.filter(({ name }) => checks === undefined || checks.includes(name));
  const longest = Math.max(0, ...counted.map(({ timeoutMs }) => timeoutMs));
  return present<ProbeSli>({
    ...rest,
    checks: counted.map(({ name }) => name),
    everyMs: suite.everyMs + longest,
  });
}

/** A gate of probes tolerates what its objective says, and looks at new pods from their first answer on. */
export function probeProblems({ tolerate, warmUpMs = 0 }: GateWish, index: number, slo: string): Problem[] {
  const field = `spec.gates[${index}]`;
  return [
    ...(tolerate === undefined
      ? []
      : [
          {
            field: `${field}.tolerate`,
            message: `take it out: sli.probe.tolerate of ServiceLevelObjective ${slo} says it`,
          },
        ]),
    ...(warmUpMs === 0
      ? []
      : [
          {
            field: `${field}.warmUp`,
            message: `take it out: ServiceLevelObjective ${slo} counts answers to probes, not requests of users`,
          },
        ]),
  ];
}

/** The requests of a suite that an objective counts. One that was taken out of the suite is not sent any more. */
export function checksOf(suite: ProbeSuite, { checks }: ProbeSli): ProbeSuite {
  return { ...suite, requests: suite.requests.filter(({ name }) => checks.includes(name)) };
}
