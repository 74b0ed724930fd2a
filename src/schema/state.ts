import type * as z from 'zod';
import { APPROVERS_MAX } from '#core/approval.ts';
import type { State } from '#core/model.ts';
import { WHOLE } from '#lib/units.ts';
import { DIGESTS_MAX, digest } from './approval.ts';
import { headers } from './reach.ts';
import { LONG_PROSE_MAX, outcomes, phase, prose, REPLACE_MAX, reasons, revision, stages } from './release-words.ts';
import { choice, flag, group, instant, int, list, map, text } from './vocabulary.ts';

/** The machine's memory in Rollout.status.state, member for member as `#core/model.ts` defines it. */

const COUNT_MAX = 2_147_483_647;
const name = () => text({ max: 253 });
const count = () => int({ min: 0, max: COUNT_MAX });
const weight = () => int({ min: 0, max: WHOLE });
const figure = () => int({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 });

const ending = group({
  kind: choice(['Retreat', 'Abort', 'Superseded', 'Returned']).describe('How the release ends.'),
  at: instant().describe('When it was decided.'),
  why: prose(LONG_PROSE_MAX).describe('Why, for people.'),
  cause: text({ max: 63 }).exactOptional().describe('Cause of the breach, when a gate or a probe ended it.'),
  deadline: flag().exactOptional().describe('True when the progress deadline ended it.'),
  remediedAt: instant().exactOptional().describe('When every gateway had taken weight 0 for the first time.'),
});

const counts = () =>
  group({ total: figure().describe('Finished requests.'), bad: figure().describe('Those that were bad.') });

const arms = () =>
  group({
    canary: counts().describe('Requests to the canary since the attempt began.'),
    stable: counts().describe('Requests to stable since the attempt began.'),
  });

const held = group({
  since: instant().describe('When it began.'),
  until: instant().exactOptional().describe('When it was free to go again. Left out while it holds.'),
  culprit: group({
    rollout: name().describe('Its name.'),
    at: instant().describe('When its breach was found.'),
    gate: name().exactOptional().describe('Gate that failed.'),
    arms: arms().exactOptional().describe('What that gate had counted.'),
  })
    .exactOptional()
    .describe('Rollout of the group whose own arms differ. Left out: none do, though both arms are bad.'),
});

const breach = group({
  at: instant().describe('When it was found.'),
  cause: text({ max: 63 }).describe('Its cause.'),
  gate: name().exactOptional().describe('Gate that failed.'),
  raisedAt: instant().exactOptional().describe('The newest raise before it.'),
  exposure: group({
    requests: figure().describe('Requests that the canary had finished.'),
    bad: figure().describe('Those that were bad.'),
    excess: figure().describe('Bad ones above what stable would have had.'),
  }).describe('What users had met by then.'),
  beside: list(text({ max: 512 }), { max: 16 })
    .exactOptional()
    .describe('Rollouts of the same group that had traffic on their canaries at that moment.'),
  arms: arms().exactOptional().describe('What the gate that failed had counted in both arms.'),
});

const suspect = group({
  pod: name().describe('Name of the pod.'),
  uid: text({ max: 63 }).describe('Its UID.'),
  gate: name().describe('Gate that blames it.'),
  at: instant().describe('Newest tick that was counted for it.'),
  bad: figure().describe('Bad requests of the canary by then.'),
  ticks: count().describe('Ticks with failures that named it, one after the other.'),
});

const replaced = group({
  pod: name().describe('Name of the pod.'),
  uid: text({ max: 63 }).describe('Its UID: no other pod of that name is ever deleted for it.'),
  node: name().exactOptional().describe('Node that it ran on.'),
  gate: name().describe('Gate that blamed it.'),
  at: instant().describe('When it was decided.'),
  why: prose(LONG_PROSE_MAX).describe('What the gate said, with figures.'),
});

const release = group({
  name: name().describe('Name of the Release, and of the fence.'),
  revision: revision().describe('Revision that is tried.'),
  from: revision().describe('Stable revision that it began from.'),
  attempt: count().describe('How many tries of this revision there were, this one included.'),
  stage: choice(stages).describe('What the release is doing.'),
  step: count().describe('Index of the step that stands or is being reached; the number of steps for the bake.'),
  weight: weight().describe('The most traffic that this record grants the canary, in 1/100,000.'),
  reach: group({
    headers: headers().exactOptional().describe('Headers that a request must have.'),
    mirror: weight().exactOptional().describe('Share of requests that are copied, in 1/100,000.'),
  })
    .exactOptional()
    .describe('Whom it grants the canary instead of a weight.'),
  n: count().describe('Fence number that a write under this record carries.'),
  rewrites: count().describe('How often a raise of this step was written again after it was lost.'),
  startedAt: instant().describe('When the release began.'),
  acceptedAt: instant().exactOptional().describe('When every route accepted the weight of this step.'),
  arrivedAt: instant().exactOptional().describe('When the share of requests of this step was there.'),
  raisedAt: instant().exactOptional().describe('When traffic was last raised.'),
  resumedAt: instant().exactOptional().describe('When it was resumed after a breach: this attempt began there.'),
  autoResumed: flag().describe('True once the one resume after both arms were bad was used.'),
  suspect: suspect.exactOptional().describe('Canary pod that a gate blames for most of the excess.'),
  replaced: list(replaced, { max: REPLACE_MAX })
    .exactOptional()
    .describe('Canary pods that were replaced for that, in order.'),
  breach: breach.exactOptional().describe('The breach of this attempt, as it was when it was found.'),
  earlierBreach: prose(LONG_PROSE_MAX).exactOptional().describe('What an earlier attempt failed on.'),
  held: held.exactOptional().describe('When it last held for another release of its group, or holds.'),
  word: group({
    step: count().describe('Index of the step that may be left.'),
    verb: choice(['promote', 'skip-step']).describe('What was said.'),
    by: name().describe('Who said it.'),
  })
    .exactOptional()
    .describe("A person's word that a step may be left without its evidence or its hold."),
  expedited: name().exactOptional().describe('Who said that it mends what fails now.'),
  approvals: group({
    uid: text({ max: 63 }).describe('UID of the Release that was approved.'),
    attempt: count().describe('Its attempt.'),
    step: count().describe('Index of the step that may be left.'),
    digests: list(digest(), { max: DIGESTS_MAX }).describe('Images that were shown to all of them.'),
    people: list(
      group({
        by: name().describe('Who.'),
        at: instant().describe('When.'),
        groups: list(text({ max: 253 }), { max: 16 }).describe('Groups that were asked for, and are theirs.'),
      }),
      { max: APPROVERS_MAX },
    ).describe('Who has approved.'),
  })
    .exactOptional()
    .describe('Who has approved, and what: void for any other Release, attempt, step or image.'),
  joined: count().exactOptional().describe('How many canary pods serve in-cluster clients too.'),
  joinedAt: instant().exactOptional().describe('When the last of them joined.'),
  committed: flag().exactOptional().describe('True from the commit point on: there is no way back by itself.'),
  restoredAt: instant()
    .exactOptional()
    .describe('Since when every route is at rest, after the commit point or an ending.'),
  ending: ending.exactOptional().describe('Set when the traffic goes, or went, back to stable.'),
  full: count()
    .exactOptional()
    .describe('Where stable shrinks: how many pods it is whole with, by the highest wish since the release began.'),
  carriedSince: instant()
    .exactOptional()
    .describe('Where stable shrinks: since when every route carries what is granted.'),
  carriedUnder: figure().exactOptional().describe('Sum of the numbers of the fences by which that was seen.'),
  returningSince: instant()
    .exactOptional()
    .describe('Since when the traffic goes back to a stable that is not whole, as its pods come.'),
  grownTo: count()
    .exactOptional()
    .describe('Where pods come by and by: the most that the canary was seen to be asked for.'),
  grownAt: instant().exactOptional().describe('Since when: its pods are late by this.'),
  routes: list(text({ max: 340 }), { max: 8 })
    .exactOptional()
    .describe('Routes that the release splits, to its end: names of HTTPRoutes, others with their kind before them.'),
  memo: map(text({ max: 65_536 }), { max: 8 }).describe(
    "What each route said before the first raise: the user's text.",
  ),
});

const ended = group({
  name: name().describe('Name of the Release.'),
  revision: revision().describe('Its revision.'),
  outcome: choice(outcomes).describe('How it ended.'),
  at: instant().describe('When it ended.'),
  why: prose(LONG_PROSE_MAX).describe('Why, for people.'),
});

const action = group({
  uid: text({ max: 63 }).describe('UID of the RolloutAction.'),
  result: choice(['Applied', 'Refused', 'Expired']).describe('What became of it.'),
  message: prose(LONG_PROSE_MAX).describe('Why, for people.'),
});

const adopted = group({
  deployment: name().describe('Its name.'),
  replicas: count().describe('Replicas that it had.'),
  at: instant().describe("When the Rollout's own pods served beside its pods."),
  emptied: flag().exactOptional().describe('True once it was at 0.'),
  resets: list(
    group({
      at: instant().describe('When it was seen.'),
      generation: figure().describe('Generation of the Deployment that it made.'),
    }),
    { max: 8 },
  )
    .exactOptional()
    .describe('The last times that somebody set its replicas up again.'),
  contested: text({ max: 253 })
    .exactOptional()
    .describe('Who did so three times in ten minutes: since then it is let be.'),
  servesSince: instant().exactOptional().describe('In a give-back: since when it serves again.'),
});

/** Most actions that a state remembers. */
export const ACTIONS_MAX = 32;

/** Rollout.status.state. */
export const stateSchema = group({
  phase: phase().describe('Phase of the Rollout.'),
  reason: choice(reasons).exactOptional().describe('Why it is paused or degraded.'),
  message: prose(LONG_PROSE_MAX).describe('Why it moves, waits or went back, for people.'),
  stable: revision().exactOptional().describe('Revision that serves.'),
  release: release.exactOptional().describe('The release that is under way.'),
  releases: count().describe('Releases begun so far.'),
  served: list(revision(), { max: 16 }).describe('Revisions that were stable before, newest first.'),
  queuedAt: instant().exactOptional().describe('Since when it waits for its turn in its group.'),
  inQueueSince: instant()
    .exactOptional()
    .describe('Since when it stands in the queue of releases that may move at once.'),
  ended: ended.exactOptional().describe('How the last release ended, until its Release says so too.'),
  actions: list(action, { max: ACTIONS_MAX }).describe('The last actions taken or refused, newest first.'),
  adopted: adopted.exactOptional().describe('The Deployment that was taken over, until it is given back.'),
  narrowed: name()
    .exactOptional()
    .describe(
      'Service that was narrowed once: whoever widens it while nothing is released is let be until the next release.',
    ),
  pinned: group({
    revision: revision().describe('Revision that counts instead.'),
    over: revision().describe("The template's revision as the pin was made: any other one ends it."),
    by: name().describe('Who said so.'),
  })
    .exactOptional()
    .describe('Earlier revision that an undo wants instead of the template, until that changes.'),
  since: instant().describe('When this phase and stage began.'),
});

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

// The API server drops members that the schema lacks without a word: a member that only one side has must not compile.
true satisfies Same<Flat<z.output<typeof stateSchema>>, Flat<State>>;

/** Writes aliases and interfaces out, so that only members are compared. */
type Flat<T> = T extends string | number | boolean
  ? T
  : T extends readonly (infer E)[]
    ? Flat<E>[]
    : { [K in keyof T]: Flat<T[K]> };
