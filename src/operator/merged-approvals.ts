import { routeTitle } from '#core/routes.ts';
import type { Problem } from '#core/seen.ts';
import { climbable } from '#schema/traffic.ts';
import type { RolloutWish } from '#schema/translate.ts';

/**
 * Steps that come to the same share here become one step, and one step asks one set of groups. Two sets without a common
 * group would leave people unasked. Pure.
 */
export function mergedApprovalProblems({ steps = [], spec }: Pick<RolloutWish, 'steps' | 'spec'>): Problem[] {
  const merged = climbable({ steps }, spec).steps;
  const where = spec.routes.length === 0 ? `${spec.replicas} replicas` : spec.routes.map(routeTitle).join(', ');
  return steps.flatMap((step, index): Problem[] => {
    const groups = step.approval?.groups ?? [];
    const [own] = climbable({ steps: [step] }, spec).steps;
    const asked = merged.find(({ weight, reach }) => weight === own?.weight && reach === undefined)?.approval;
    if (step.reach !== undefined || groups.length === 0) return [];
    if (asked?.groups.some((group) => groups.includes(group))) return [];
    const message = `with ${where} this step is one with a step of other groups, and one step asks one set of them: name a common group, or take one of the steps out`;
    return [{ field: `spec.steps[${index}].approval.groups`, message }];
  });
}
