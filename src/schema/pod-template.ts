import type { Problem } from '#core/seen.ts';

/**
 * What is cheap to see in a PodSpec before the API server has judged it. The whole check is a dry run of the
 * ReplicaSet; this one makes the commonest mistakes a sentence.
 */
export function podTemplateProblems(spec: Record<string, unknown>): Problem[] {
  const at = 'spec.template.spec';
  const { containers, restartPolicy } = spec;
  if (!Array.isArray(containers) || containers.length === 0) {
    return [{ field: `${at}.containers`, message: 'must have at least one container' }];
  }
  const problems = containers.flatMap((container: unknown, i) =>
    containerProblems(container, `${at}.containers[${i}]`),
  );
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    problems.push({
      field: `${at}.restartPolicy`,
      message: 'must be Always or left out: the pods serve until replaced',
    });
  }
  return problems;
}

function containerProblems(container: unknown, field: string): Problem[] {
  if (typeof container !== 'object' || container === null) return [{ field, message: 'must be an object' }];
  const members = container as Record<string, unknown>;
  return ['name', 'image'].flatMap((key) => {
    const value = members[key];
    return typeof value === 'string' && value !== '' ? [] : [{ field: `${field}.${key}`, message: 'is missing' }];
  });
}
