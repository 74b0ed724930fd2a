import { type Weight, WHOLE } from '#lib/units.ts';
import type { Plan, Step } from './model.ts';
import { shareWords } from './reach.ts';

type Ladder = Pick<Plan, 'steps' | 'bake'>;

/** True for the rung after the last step, where all but a small control meets the new revision for a while. */
export function isBake({ steps, bake }: Ladder, index: number): boolean {
  return bake !== undefined && steps.length > 0 && index === steps.length;
}

/** What a release stands on at this index: a step of its plan, or the bake after them; undefined past the last one. */
export function rungAt(plan: Ladder, index: number): Step | undefined {
  const { steps, bake } = plan;
  if (bake === undefined || !isBake(plan, index)) return steps[index];
  return { weight: bakeWeight(plan, bake.control), holdMs: bake.forMs };
}

/** All but the control. A last step that left stable even less stays as it is: a bake takes no traffic back. */
function bakeWeight({ steps }: Ladder, control: Weight): Weight {
  return Math.max(WHOLE - control, steps[steps.length - 1]?.weight ?? 0);
}

/** `2/3`, or `bake`; undefined for a plan without steps. */
export function rungName(plan: Ladder, index: number): string | undefined {
  const count = plan.steps.length;
  if (count === 0) return undefined;
  return isBake(plan, index) ? 'bake' : `${Math.min(index + 1, count)}/${count}`;
}

/** `step 2 of 3`, or `the bake`, for sentences. */
export function rungWords(plan: Ladder, index: number): string {
  return isBake(plan, index) ? 'the bake' : `step ${index + 1} of ${plan.steps.length}`;
}

/** What a release does while it stays there, for sentences. */
export function stayWords(plan: Ladder, index: number): string {
  const rung = rungAt(plan, index);
  const share = shareWords(rung ?? { weight: 0 });
  if (isBake(plan, index)) return `Baking at ${share}`;
  return `Holding ${rungWords(plan, index)} ${rung?.reach === undefined ? 'at' : 'for'} ${share}`;
}

/** The steps that send a share of everybody to the canary. */
export function weightedSteps({ steps }: Pick<Plan, 'steps'>): Step[] {
  return steps.filter(({ reach }) => reach === undefined);
}
