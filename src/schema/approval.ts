import type { Approval } from '#core/words.ts';
import { flag, group, int, list, text } from './vocabulary.ts';

/** Who must approve, in a Rollout and in the record of a release. */

export const MINIMUM_MAX = 10;
const GROUPS_MAX = 8;

const shape = {
  minimum: int({ min: 1, max: MINIMUM_MAX }),
  groups: list(text({ max: 253, min: 1 }), { max: GROUPS_MAX, unique: 'set' }),
  notAuthor: flag(),
};

/** As people write it. */
export const approval = group({
  minimum: shape.minimum.default(1).describe('So many different people must say approve.'),
  groups: shape.groups
    .default([])
    .describe('Only those count whom the API server knows to be in one of these groups. None: all who may approve.'),
  notAuthor: shape.notAuthor
    .default(true)
    .describe('The author of the change, by its annotation headgate.dev/change-author, does not count.'),
});

/** As a Release records it. */
export const approvalRecord = group({
  minimum: shape.minimum.describe('So many different people.'),
  groups: shape.groups.describe('Of one of these groups. None: any.'),
  notAuthor: shape.notAuthor.describe('The author of the change does not count.'),
});

/** An image that runs, as status shows it and an approval repeats it. */
export const digest = () => text({ max: 512, min: 1 });
export const DIGESTS_MAX = 32;

export function approvalOf({ minimum, groups, notAuthor }: Approval): Approval {
  return { minimum, groups: [...groups], notAuthor };
}
