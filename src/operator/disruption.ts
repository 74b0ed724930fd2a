import { CANARY_LABEL, ROLLOUT_LABEL, STABLE_LABEL } from '#core/labels.ts';
import type { Notice } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/** PodDisruptionBudgets that protect the sum of both arms, and so neither of them. Pure. */

interface Expression {
  key: string;
  operator: string;
  values?: string[];
}

interface BudgetSpec {
  minAvailable?: number | string;
  selector?: { matchLabels?: Record<string, string>; matchExpressions?: Expression[] };
}

export interface DisruptionInput {
  rollout: KubeObject;
  /** All PodDisruptionBudgets of the namespace. */
  budgets: readonly KubeObject[];
  /** Labels that a pod of the template carries, without ours. */
  podLabels: Record<string, string>;
  replicas: number;
}

/**
 * An integer `minAvailable` counts pods of both arms together: while a release doubles them, a drain may take a whole
 * arm. `maxUnavailable` holds for any number of them.
 */
export function sharedBudgets({ rollout, budgets, podLabels, replicas }: DisruptionInput): Notice[] {
  const labels = { ...podLabels, [ROLLOUT_LABEL]: rollout.metadata.name };
  const found = budgets.filter((budget) => {
    const { minAvailable } = specOf(budget);
    return (
      typeof minAvailable === 'number' &&
      minAvailable > 0 &&
      [STABLE_LABEL, CANARY_LABEL].every((arm) => protects(budget, { ...labels, [arm]: 'true' }))
    );
  });
  if (found.length === 0) return [];
  found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const message = found.map((budget) => adviceFor(budget, replicas)).join('\n');
  return [{ type: 'SharedDisruptionBudget', reason: 'MinAvailableOfBothArms', message }];
}

function specOf(budget: KubeObject): BudgetSpec {
  return (budget['spec'] ?? {}) as BudgetSpec;
}

function adviceFor(budget: KubeObject, replicas: number): string {
  const { name, namespace = 'default' } = budget.metadata;
  const min = Number(specOf(budget).minAvailable);
  const patch = JSON.stringify({ spec: { minAvailable: null, maxUnavailable: Math.max(1, replicas - min) } });
  return `PodDisruptionBudget ${name} keeps ${min} pods of both arms together, so during a release a drain may take all of one arm: kubectl patch pdb ${name} -n ${namespace} --type merge -p '${patch}'`;
}

/** No selector selects nothing; an empty one everything, as policy/v1 has it. */
function protects(budget: KubeObject, labels: Record<string, string>): boolean {
  const { selector } = specOf(budget);
  if (selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => holds(expression, labels[expression.key]))
  );
}

function holds({ operator, values = [] }: Expression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}
