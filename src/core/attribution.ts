import type { Millis } from '#lib/units.ts';
import { type Culprit, proofOf } from './breach.ts';
import type { ReleaseState, State } from './model.ts';
import type { Seen } from './seen.ts';
import type { GroupMember, MemberBreach } from './sights.ts';
import { without } from './state.ts';
import type { Judgement } from './verdict.ts';

/**
 * Who is to blame where several of a group move at once. Each request is dealt to the arms of every Rollout on its way by
 * a chance of its own, so a bad canary differs from stable in its own split alone: in all others both arms have their
 * share of its failures. Whoever's split shows the excess breaches by its own gates. This decides what the others do.
 *
 * | own split | others                              | this release                                              |
 * | --------- | ----------------------------------- | --------------------------------------------------------- |
 * | excess    | anything                            | breaches: it is the culprit, or one of them                |
 * | none      | one has an open breach              | holds for it, however long that takes                      |
 * | both bad  | one's breach was remedied just now  | holds: what it broke is still in the last minutes          |
 * | both bad  | others have traffic, none a breach  | holds for a while: not a release of this group             |
 * | both bad  | none has traffic                    | as alone: to 0 without blame after a raise of its own      |
 */
export interface Blame {
  /** Undefined: no split of the group shows the excess. */
  culprit?: Culprit;
  /** Its traffic is back, and its failures are still in the last minutes. */
  past?: true;
  /** Nobody's split has shown it in all the time that a contrast takes: what is done alone is done now. */
  late?: true;
}

/** What a gate calls "now": an outage is out of it after that. */
export const AFTERMATH_MS: Millis = 5 * 60_000;

/** Both arms bad for longer than this, and no contrast in any split: then none will come. */
export const COMMON_MS: Millis = 5 * 60_000;

/** What this release holds for; undefined where nothing of the group keeps it. */
export function blameOf(
  { group }: Pick<Seen, 'group'>,
  { held }: Pick<ReleaseState, 'held'>,
  { breach, shared }: Pick<Judgement, 'breach' | 'shared'>,
  now: Millis,
): Blame | undefined {
  if (group?.mode !== 'Attribute' || breach !== undefined) return undefined;
  const guilty = group.members.flatMap(withBreach).sort(byTime);
  const [open] = guilty.filter(({ remediedAt }) => remediedAt === undefined);
  if (open !== undefined) return { culprit: culpritOf(open) };
  if (shared === undefined) return undefined;
  const past = guilty.filter(({ remediedAt = now }) => now - remediedAt < AFTERMATH_MS).at(-1);
  if (past !== undefined) return { culprit: culpritOf(past), past: true };
  if (!group.members.some(({ carries, mode }) => carries && mode === 'Attribute')) return undefined;
  const common = held !== undefined && held.until === undefined && held.culprit === undefined;
  return common && now - held.since >= COMMON_MS ? { late: true } : {};
}

type Guilty = MemberBreach & { rollout: string };

/** Both arms bad twice (`Correlated`) is a breach too, but no split showed it. */
function withBreach({ rollout, breach }: GroupMember): Guilty[] {
  return breach === undefined || breach.cause === 'Correlated' ? [] : [{ rollout, ...breach }];
}

function byTime(a: Guilty, b: Guilty): number {
  return a.at - b.at || (a.rollout < b.rollout ? -1 : 1);
}

function culpritOf({ remediedAt: _, cause: __, ...culprit }: Guilty): Culprit {
  return culprit;
}

/** Remembers for whom it holds since when, and until when it did: its patience with its own gates begins after that. */
export function noteHold(state: State, release: ReleaseState, blame: Blame | undefined, now: Millis): ReleaseState {
  const { held } = release;
  const holds = held !== undefined && held.until === undefined;
  if (blame === undefined) return holds ? { ...release, held: { ...held, until: now } } : release;
  const { culprit } = blame;
  const same = holds && held.culprit?.rollout === culprit?.rollout && held.culprit?.at === culprit?.at;
  if (same || (state.phase === 'Paused' && !holds)) return release;
  const bare = without(release, 'held');
  return { ...bare, held: { since: now, ...(culprit === undefined ? {} : { culprit }) } };
}

/** One sentence for people; undefined while nothing of the group keeps it. */
export function heldWords(blame: Blame | undefined, { group }: Pick<Seen, 'group'>): string | undefined {
  if (blame === undefined || group === undefined) return undefined;
  const { culprit, past } = blame;
  if (culprit === undefined)
    return `both arms are bad and no split of group ${group.name} shows it: not a release of this group, all hold`;
  const who = `Rollout ${culprit.rollout}, bad by its own arms: ${proofOf(culprit)}`;
  return past === true ? `until stable has recovered from ${who}` : `waits for ${who}`;
}
