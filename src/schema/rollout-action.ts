import { DIGESTS_MAX, digest } from './approval.ts';
import { LONG_PROSE_MAX, prose, verbs } from './release-words.ts';
import { choice, group, immutable, int, label, list, ruled, text } from './vocabulary.ts';

const said = ruled(
  group({
    rollout: label(52).describe('Name of the Rollout.'),
    releaseUid: text({ max: 63, min: 1 })
      .exactOptional()
      .describe('UID of the Release that is meant. Left out: the one under way. The action is refused for any other.'),
    step: int({ min: 1, max: 64 })
      .exactOptional()
      .describe('Step that is meant, from 1. Left out: the one that stands. The action is refused at any other.'),
    verb: choice(verbs).describe('What is wished. It needs the right to this verb on the Rollout.'),
    reason: text({ max: 512 }).default('').describe('Why, for people.'),
    by: text({ max: 253, min: 1 }).describe('Your user name, as SelfSubjectReview gives it.'),
    groups: list(text({ max: 253, min: 1 }), { max: 32, unique: 'set' })
      .exactOptional()
      .describe('Groups of yours that an approval asks for. The API server checks that you are in each of them.'),
    digests: list(digest(), { max: DIGESTS_MAX, unique: 'set' })
      .exactOptional()
      .describe('Images that you approve: status.canary.digests of the Rollout as it was shown to you.'),
    toRevision: label(63)
      .exactOptional()
      .describe(
        'Revision that an undo goes back to. Left out: stable while a release is under way, else what served before it.',
      ),
  }),
  {
    cel: "self.verb != 'approve' || (has(self.releaseUid) && has(self.step))",
    message: 'approve is for what was shown: name releaseUid and step, or use kubectl headgate approve',
    holds: ({ verb, releaseUid, step }) => verb !== 'approve' || (releaseUid !== undefined && step !== undefined),
  },
  {
    cel: "!has(self.toRevision) || self.verb == 'undo'",
    message: 'toRevision is for undo: leave it out',
    holds: ({ verb, toRevision }) => toRevision === undefined || verb === 'undo',
  },
);

/** RolloutAction.spec. */
export const rolloutActionSpec = immutable(said, 'cannot be changed: make a new RolloutAction');

/** RolloutAction.status. */
export const rolloutActionStatus = group({
  state: choice(['Applied', 'Refused', 'Expired']).exactOptional().describe('What became of it.'),
  message: prose(LONG_PROSE_MAX).exactOptional().describe('Why, for people.'),
  at: text({ max: 64 }).exactOptional().describe('When it was answered (RFC 3339).'),
});
