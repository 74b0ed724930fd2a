import type { Plan, Spec, State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import type { Millis } from '#lib/units.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';
import type { BudgetFigure } from './budget-look.ts';
import { budgetsOf } from './budgets.ts';
import { observeGroup } from './groups.ts';
import { ours } from './ours.ts';
import { asksForPlace, isToBegin, type Places } from './places.ts';
import { BY_ROLLOUT, type Stores } from './stores.ts';
import { triedOf } from './tried.ts';

interface Asking {
  wish: RolloutWish | undefined;
  spec: Spec | undefined;
  proposal: Plan | undefined;
}

interface Looking {
  stores: Pick<Stores, 'rollouts' | 'releases'>;
  places: Pick<Places, 'sight'>;
  /** What was seen of its error budgets. */
  figures: BudgetFigure[];
  now: Millis;
}

/** What a first raise asks for beside the release itself: budget to spend, and its turn in the group. */
export function allowances(
  rollout: KubeObject,
  state: State,
  { wish, spec, proposal }: Asking,
  { stores, places, figures, now }: Looking,
): Pick<Seen, 'group' | 'budget' | 'tried' | 'places'> {
  const revision = spec?.revision;
  const group = observeGroup(stores, rollout, now);
  const room = asksForPlace(state, revision) ? places.sight(rollout, now) : undefined;
  const begins = isToBegin(state, revision) && wish !== undefined && proposal !== undefined;
  const { metadata } = rollout;
  const recorded = begins ? stores.releases.byIndex(BY_ROLLOUT, `${metadata.namespace ?? ''}/${metadata.name}`) : [];
  // One that is under way is no earlier one. One that has ended is, for the one that takes its place in this very pass.
  const own = state.release?.ending === undefined ? state.release?.name : undefined;
  const releases = ours(recorded, rollout).filter((release) => release.metadata.name !== own);
  return {
    ...(group === undefined ? {} : { group }),
    ...(room === undefined ? {} : { places: room }),
    ...triedOf(releases, revision ?? ''),
    ...(begins ? { budget: budgetsOf(wish, proposal, { releases, figures, now }) } : {}),
  };
}
