import type { Sli } from '#core/gate.ts';
import type { Plan } from '#core/model.ts';
import { figure, instant, record, records, share, text } from '#core/raw.ts';
import type { BudgetLeft, BudgetSight } from '#core/sights.ts';
import { MIN_SPENT_EVENTS } from '#gates/bounds.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';
import type { BudgetFigure } from './budget-look.ts';

/** What one recorded release burnt of one objective's budget. */
interface Burn {
  endedAt: Millis;
  spend: number;
  excess: number;
}

/** What the recorded releases of a Rollout say of one gate, oldest first. Those that were pruned are not known. */
function burnsOf(releases: readonly KubeObject[], gate: string): Burn[] {
  const burns = releases.flatMap((release): Burn[] => {
    const status = record(release, 'status');
    const said = records(status['gates']).find((entry) => text(entry['gate']) === gate);
    const endedAt = instant(status['endedAt']) ?? instant(status['startedAt']);
    const spend = share(said?.['spend']);
    if (endedAt === undefined || spend === undefined || spend === 0) return [];
    return [{ endedAt, spend, excess: figure(record(status, 'exposure')['excess']) ?? 0 }];
  });
  return burns.sort((a, b) => a.endedAt - b.endedAt);
}

interface Carried {
  carried: number;
  /** When less than `most` is carried. */
  carriedUntil?: Millis;
}

/** Spend of the releases that ended within the window, and when it falls below `most` as they leave it. */
export function carriedBy(
  releases: readonly KubeObject[],
  gate: string,
  { windowMs, most, now }: { windowMs: Millis; most: number; now: Millis },
): Carried {
  const burns = burnsOf(releases, gate).filter(({ endedAt }) => endedAt > now - windowMs);
  const excess = burns.reduce((sum, burn) => sum + burn.excess, 0);
  // As in the gates: where there is little traffic one request would be the whole.
  if (excess < MIN_SPENT_EVENTS) return { carried: 0 };
  const carried = burns.reduce((sum, { spend }) => sum + spend, 0);
  let left = carried;
  for (const { endedAt, spend } of burns) {
    if (left < most) break;
    left -= spend;
    if (left < most) return { carried, carriedUntil: endedAt + windowMs };
  }
  return { carried };
}

/** What a release that begins now has to count against its maxSpend: the most that any of its gates' budgets lost. */
export function mostCarried(releases: readonly KubeObject[], plan: Plan, now: Millis): number {
  const at = (windowMs: Millis) => ({ windowMs, most: Number.POSITIVE_INFINITY, now });
  return Math.max(0, ...plan.gates.map(({ name, slo }) => carriedBy(releases, name, at(slo.windowMs)).carried));
}

const WITHOUT_BUDGET: ReadonlySet<Sli['kind']> = new Set(['business', 'query', 'probe']);

/** The budgets of the gates that have one. Advisory gates only speak: theirs hold nobody. */
export function budgetsOf(
  { budget, preflight }: Pick<RolloutWish, 'budget' | 'preflight'>,
  plan: Plan,
  { releases, figures, now }: { releases: readonly KubeObject[]; figures: readonly BudgetFigure[]; now: Millis },
): BudgetSight {
  const gates = plan.gates.filter(({ role, slo }) => role !== 'Advisory' && !WITHOUT_BUDGET.has(slo.sli.kind));
  const budgets = gates.map(({ name, slo }): BudgetLeft => {
    const seen = figures.find((entry) => entry.slo === name);
    const { left, unknown, backAt } = seen ?? {};
    return {
      slo: name,
      ...(left === undefined ? {} : { left }),
      ...(unknown === undefined ? {} : { unknown }),
      ...(backAt === undefined ? {} : { backAt }),
      ...carriedBy(releases, name, { windowMs: slo.windowMs, most: budget.maxSpend, now }),
    };
  });
  return { budgets, least: preflight.least, most: budget.maxSpend, onUnknown: preflight.onUnknown };
}
