import type { BadObject } from './bad-object.ts';
import { action, rollout } from './objects.ts';

/** Ways to get wrong what people say, and what they are asked for. */
export const badActions: BadObject[] = [
  {
    name: 'unknown verb',
    because: 'only verbs that can be granted',
    object: action({ verb: 'hurry' }),
    refused:
      '[spec.verb: Unsupported value: "hurry": supported values: "promote", "skip-step", "pause", "resume", "retreat", "abort", "retry", "expedite", "approve", "undo", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    read: {
      field: 'spec.verb',
      message: 'must be one of promote, skip-step, pause, resume, retreat, abort, retry, expedite, approve, undo',
    },
  },
  {
    name: 'an approval of anything',
    because: 'it is for what was shown',
    object: action({ verb: 'approve', releaseUid: 'uid-1' }),
    refused:
      'spec: Invalid value: approve is for what was shown: name releaseUid and step, or use kubectl headgate approve',
    read: {
      field: 'spec',
      message: 'approve is for what was shown: name releaseUid and step, or use kubectl headgate approve',
    },
  },
  {
    name: 'a revision for another verb than undo',
    because: 'nobody would go there',
    object: action({ verb: 'retreat', toRevision: 'v1' }),
    refused: 'spec: Invalid value: toRevision is for undo: leave it out',
    read: { field: 'spec', message: 'toRevision is for undo: leave it out' },
  },
  {
    name: 'more approvals than people count',
    because: 'nobody would ever be done',
    object: rollout({ steps: [{ weight: 5, approval: { minimum: 11 } }] }),
    refused:
      'spec.steps[0].approval.minimum: Invalid value: 11: spec.steps[0].approval.minimum in body should be less than or equal to 10',
    read: { field: 'spec.steps[0].approval.minimum', message: 'must be at most 10' },
  },
];
