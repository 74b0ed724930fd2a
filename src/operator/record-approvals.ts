import { rungName } from '#core/ladder.ts';
import type { ReleaseState } from '#core/model.ts';
import { present } from '#core/raw.ts';
import { APPROVED_MAX, type ReleaseStatus } from '#schema/release.ts';
import type { Sight } from './observe.ts';

/** Each word once, with what it was about: a retreat makes it void and does not unsay it. */
export function approvalsOf(
  sight: Sight | undefined,
  before: ReleaseStatus,
  release: ReleaseState | undefined,
): Pick<ReleaseStatus, 'approvals' | 'approvedDigests'> {
  const { approvals: given } = release ?? {};
  const plan = sight?.seen.release?.plan;
  const kept = before.approvals ?? [];
  if (given === undefined || plan === undefined)
    return present({ approvals: before.approvals, approvedDigests: before.approvedDigests });
  const step = rungName(plan, given.step) ?? '';
  const said = given.people.map(({ by, at, groups }) => ({ by, at: new Date(at).toISOString(), step, groups }));
  const fresh = said.filter((one) => !kept.some(({ by, at }) => by === one.by && at === one.at));
  return { approvals: [...kept, ...fresh].slice(-APPROVED_MAX), approvedDigests: given.digests };
}
