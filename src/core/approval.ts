import type { Millis } from '#lib/units.ts';
import { rungAt } from './ladder.ts';
import type { Plan, ReleaseState, State } from './model.ts';
import type { Seen, SeenAction } from './seen.ts';
import type { Approval, Approvals, Approver } from './words.ts';

/** Who must say `approve`, and how that is counted. An approval is for what was shown, and for nothing else. */

/** Both at once, where two steps become one. */
export function stricter(one: Approval | undefined, other: Approval | undefined): Approval | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const common = one.groups.filter((group) => other.groups.includes(group));
  const either = one.groups.length === 0 ? other.groups : one.groups;
  return {
    minimum: Math.max(one.minimum, other.minimum),
    groups: common.length === 0 ? either : common,
    notAuthor: one.notAuthor || other.notAuthor,
  };
}

/** Most people that one stay remembers. */
export const APPROVERS_MAX = 20;

/** What is asked for before the rung is left: by the step itself, and after the last one by the promotion. */
export function askedAt(plan: Plan, step: number): Approval[] {
  const own = plan.steps[step]?.approval;
  const last = rungAt(plan, step) !== undefined && rungAt(plan, step + 1) === undefined ? plan.promotion : undefined;
  return [own, last].filter((asked) => asked !== undefined);
}

/** Why the rung may not be left yet, in one sentence; undefined when nothing is asked for or everybody has spoken. */
export function approvalLacks(plan: Plan, release: ReleaseState, seen: Seen): string | undefined {
  const people = approvers(release, seen);
  for (const asked of askedAt(plan, release.step)) {
    const counted = people.filter((person) => refuses(asked, person, seen) === undefined);
    if (counted.length < asked.minimum) return lackWords(asked, counted, seen);
  }
  return undefined;
}

/** Those whose word still is about what stands there now. */
function approvers(release: ReleaseState, seen: Seen): Approver[] {
  const { approvals, attempt, step } = release;
  if (approvals === undefined || approvals.uid !== seen.release?.uid) return [];
  if (approvals.attempt !== attempt || approvals.step !== step) return [];
  return unseen(approvals.digests, release, seen).length === 0 ? approvals.people : [];
}

/** Images that run and were not shown: with one of them, what was approved is not what serves. */
function unseen(digests: readonly string[], { revision }: ReleaseState, seen: Seen): string[] {
  const run = seen.replicaSets.find((set) => set.revision === revision)?.digests ?? [];
  return run.filter((digest) => !digests.includes(digest));
}

function lackWords(asked: Approval, counted: readonly Approver[], { release }: Seen): string {
  const said = counted.length === 0 ? '' : ` (${counted.map(({ by }) => by).join(', ')})`;
  const from = asked.groups.length === 0 ? '' : ` of ${asked.groups.join(' or ')}`;
  const author = release?.author;
  const but = asked.notAuthor && author !== undefined ? `, not ${author}, whose change it is` : '';
  const missing = asked.minimum - counted.length;
  return `${counted.length} of ${asked.minimum} approved${said}; missing: ${missing}${from}${but}`;
}

/** Why a person does not count; undefined: they do. */
function refuses(
  asked: Approval,
  { by, groups }: Pick<Approver, 'by' | 'groups'>,
  { release }: Seen,
): string | undefined {
  if (asked.notAuthor && release?.author !== undefined && isAuthor(by, release.author))
    return `the change is of ${release.author}: somebody else must approve it`;
  if (asked.groups.length > 0 && !groups.some((group) => asked.groups.includes(group)))
    return `${by} is in none of the groups ${asked.groups.join(', ')}`;
  return undefined;
}

/**
 * Git and the cluster name people differently: `Ana <ana@x.org>` is `oidc:ana@x.org`. Whoever could be the author is
 * taken for the author.
 */
export function isAuthor(by: string, author: string): boolean {
  const mail = /<([^<>]+)>/.exec(author)?.[1];
  const theirs = [author, mail ?? author].map((name) => name.trim().toLowerCase());
  const user = by.trim().toLowerCase();
  return [user, user.split(/[:#/]/).at(-1) ?? user].some((name) => theirs.includes(name));
}

const stands = new Set(['Holding', 'Baking', 'Promoting']);

/** The release with one more word, or why it does not count. Only the next pass raises anything. */
export function approve(
  release: ReleaseState,
  action: SeenAction,
  { seen, now }: { seen: Seen; now: Millis },
): ReleaseState | string {
  const shown = seen.release?.name === release.name ? seen.release : undefined;
  if (action.releaseUid === undefined || action.step === undefined || shown === undefined)
    return 'an approval must name releaseUid and step: it is for what was shown, and for nothing else';
  if (release.ending !== undefined) return 'the traffic is back on stable: there is nothing to approve';
  if (!stands.has(release.stage)) return `the release is ${release.stage}: approve when it stands on its step`;
  const asked = askedAt(shown.plan, release.step);
  if (asked.length === 0) return 'nothing asks for an approval here';
  const { by, groups = [], digests = [] } = action;
  const refused = asked.map((one) => refuses(one, { by, groups }, seen));
  const [why] = refused;
  if (why !== undefined && refused.every((one) => one !== undefined)) return why;
  const others = unseen(digests, release, seen);
  if (others.length > 0) return `the canary runs images that were not shown to you: ${others.join(', ')}`;
  const before = standing(release, seen);
  if (before?.people.some((person) => person.by === by)) return `${by} has approved already`;
  if ((before?.people.length ?? 0) >= APPROVERS_MAX) return 'enough people have approved';
  const known = new Set(asked.flatMap((one) => one.groups));
  const person = { by, at: now, groups: groups.filter((group) => known.has(group)) };
  const approvals: Approvals = {
    ...{ uid: shown.uid, attempt: release.attempt, step: release.step },
    // Only what all of them were shown: an image that one has not seen is approved by nobody.
    digests: before === undefined ? digests : before.digests.filter((digest) => digests.includes(digest)),
    people: [...(before?.people ?? []), person],
  };
  return { ...release, approvals };
}

/** What is on record and still counts. */
function standing(release: ReleaseState, seen: Seen): Approvals | undefined {
  const { approvals } = release;
  if (approvals === undefined || approvers(release, seen).length === 0) return undefined;
  return approvals;
}

/** True while the release is paused for the words of people and for nothing else. */
export function waitsForApproval({ phase, reason }: State): boolean {
  return phase === 'Paused' && reason === 'Approval';
}
