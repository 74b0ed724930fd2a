import { printShare } from './figures.ts';
import type { State } from './model.ts';
import type { Seen } from './seen.ts';
import type { BudgetLeft, GroupMember, GroupSight } from './sights.ts';

/** What a first raise waits for beside the release itself: its turn in the group, and error budget to spend. */

/**
 * Whose turn it is. A canary with traffic goes before everybody; after it those that wait or prepare, oldest first. One
 * that stands at weight 0 and wants nothing, paused or ended, is waited for by nobody: so there is no deadlock.
 */
export function whoIsFirst(state: State, { group, rollout, proposal, release }: Seen): string | undefined {
  // Going back to what served recently is the remedy: it stands in no queue.
  const plan = state.release === undefined ? proposal : release?.plan;
  if (group === undefined || plan?.rollback === true) return undefined;
  const since = state.queuedAt ?? state.release?.startedAt ?? Number.POSITIVE_INFINITY;
  const ahead = group.members.filter((member) => !beside(group, member) && goesBefore(member, { rollout, since }));
  const [first] = [...ahead].sort(inOrder);
  if (first === undefined) return undefined;
  const what = first.carries ? 'moves' : 'is first';
  return `its turn in group ${group.name}: Rollout ${first.rollout} ${what}, this one has place ${ahead.length + 1}`;
}

/** Both tell their failures apart by their own arms: they may move at once. */
function beside(group: GroupSight, member: GroupMember): boolean {
  return group.mode === 'Attribute' && member.mode === 'Attribute';
}

function goesBefore(member: GroupMember, self: { rollout: string; since: number }): boolean {
  if (member.carries) return true;
  const { wantsSince } = member;
  if (wantsSince === undefined) return false;
  return wantsSince === self.since ? member.rollout < self.rollout : wantsSince < self.since;
}

function inOrder(a: GroupMember, b: GroupMember): number {
  if (a.carries !== b.carries) return a.carries ? -1 : 1;
  return (a.wantsSince ?? 0) - (b.wantsSince ?? 0) || (a.rollout < b.rollout ? -1 : 1);
}

/** Why no release may begin with what is left of the error budgets; undefined when one may. */
export function budgetHolds({ budget, proposal, release }: Seen, state: State): string | undefined {
  const plan = state.release === undefined ? proposal : release?.plan;
  // A fix costs less than waiting for it.
  if (budget === undefined || plan?.rollback === true || state.release?.expedited !== undefined) return undefined;
  const { budgets, least, most, onUnknown } = budget;
  for (const one of budgets) {
    // Whoever asks for none goes on with an overspent budget too.
    if (least > 0 && one.left !== undefined && one.left < least) return tooLittle(one, one.left, least);
    if (one.carried >= most) return tooMuch(one, most);
    if (one.left === undefined && onUnknown === 'Hold')
      return `${one.slo}: the remaining error budget is not known and budget.unknown is Hold: ${one.unknown ?? 'no answer'}`;
  }
  return undefined;
}

function tooLittle({ slo, backAt }: BudgetLeft, left: number, least: number): string {
  const back =
    backAt === undefined ? 'when it is back cannot be told' : `back about ${hourOf(backAt)} if nothing fails`;
  return `${slo}: ${percentOf(left)} of the error budget is left, a release needs ${percentOf(least)}; ${back}`;
}

function tooMuch({ slo, carried, carriedUntil }: BudgetLeft, most: number): string {
  const until = carriedUntil === undefined ? '' : `; less than that from ${hourOf(carriedUntil)} on`;
  return `${slo}: releases burnt ${percentOf(carried)} of the error budget within its window, budget.maxSpend is ${percentOf(most)}${until}`;
}

function percentOf(share: number): string {
  return share < 0 ? `-${printShare(-share)}` : printShare(share);
}

/** To the hour: the same look gives the same bytes for long, and more would be made up. */
function hourOf(at: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: printing an instant reads no clock
  return new Date(Math.ceil(at / 3_600_000) * 3_600_000).toISOString().replace(':00:00.000Z', ':00Z');
}
