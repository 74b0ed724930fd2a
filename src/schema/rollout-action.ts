import type * as z from 'zod';
import { LONG_PROSE_MAX, prose, verbs } from './release-words.ts';
import { choice, group, immutable, int, label, text } from './vocabulary.ts';

/** RolloutAction.spec. */
export const rolloutActionSpec = immutable(
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
  }),
  'cannot be changed: make a new RolloutAction',
);

/** RolloutAction.status. */
export const rolloutActionStatus = group({
  state: choice(['Applied', 'Refused', 'Expired']).exactOptional().describe('What became of it.'),
  message: prose(LONG_PROSE_MAX).exactOptional().describe('Why, for people.'),
  at: text({ max: 64 }).exactOptional().describe('When it was answered (RFC 3339).'),
});

export type RolloutActionSpec = z.output<typeof rolloutActionSpec>;
export type RolloutActionStatus = z.output<typeof rolloutActionStatus>;
