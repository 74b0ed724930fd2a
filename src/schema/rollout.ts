import type * as z from 'zod';
import { parseDuration } from '#lib/units.ts';
import { approval } from './approval.ts';
import { gates } from './gates.ts';
import { REPLACE_MAX } from './release-words.ts';
import { podRules, selector, template, workloadRef } from './rollout-pods.ts';
import { steps, weightOf } from './steps.ts';
import { traffic } from './traffic.ts';
import {
  choice,
  duration,
  flag,
  group,
  immutable,
  int,
  label,
  list,
  name,
  percent,
  percentCel,
  ruled,
  surge,
} from './vocabulary.ts';

const bake = group({
  for: duration()
    .default('30m')
    .describe('How long to stay after the last step, with stop gates and probes on. 0s: promotion begins at once.'),
  control: percent({ from: 0, upTo: 50, example: '5 or "2.5%"' })
    .default(5)
    .describe('Share of requests that stays on stable meanwhile, to compare with, in percent. 0: none.'),
});

const budget = ruled(
  group({
    targetSpend: percent({ above: 0, upTo: 100, example: '"0.1%"' })
      .default('0.1%')
      .describe("Share of the SLO's error budget that one undetected fault may burn at the next weight, in percent."),
    maxSpend: percent({ above: 0, upTo: 100, example: '"1%"' })
      .default('1%')
      .describe(
        "Share of the SLO's error budget at which the release fails, in percent. What earlier releases burnt within the window counts too.",
      ),
    preflightRemaining: percent({ from: 0, upTo: 99, example: '"10%"' })
      .default('10%')
      .describe("Share of each SLO's error budget that must be left for a release to begin, in percent. 0: any."),
    unknown: choice(['Hold', 'Proceed'])
      .default('Proceed')
      .describe(
        'What a remaining budget that cannot be read does. Hold: no release begins. Proceed: one does, and a condition says so.',
      ),
  }),
  {
    cel: `${percentCel('self.targetSpend')} <= ${percentCel('self.maxSpend')}`,
    message: 'targetSpend must be at most maxSpend',
    holds: ({ targetSpend, maxSpend }) => weightOf(targetSpend) <= weightOf(maxSpend),
  },
);

const specShape = group({
  replicas: int({ min: 0, max: 10_000 })
    .exactOptional()
    .describe(
      'Pods that serve at rest. Left out: 1, or with workloadRef what the Deployment had, and where pods serve already as many as these; it is filled in.',
    ),
  workloadRef: workloadRef
    .exactOptional()
    .describe(
      "A Deployment of this namespace that says what the pods are, instead of template and selector. Its pods are replaced by the Rollout's own and it goes to 0, until the Rollout is deleted.",
    ),
  selector: selector
    .exactOptional()
    .describe('Which pods belong to this Rollout. Cannot be changed. Left out with workloadRef.'),
  template: template.exactOptional().describe('The pods. A change of it begins a release. Left out with workloadRef.'),
  minReadySeconds: int({ min: 0, max: 86_400 })
    .default(0)
    .describe(
      'Seconds that a new pod must be ready before it counts as available. With workloadRef at least what the Deployment says.',
    ),
  progressDeadline: duration()
    .default('10m')
    .describe('How long the pods of a release may take to become available before it ends.'),
  maxSurge: surge()
    .exactOptional()
    .describe(
      'Canary pods that may be coming up at once, as a number or in percent of replicas, rounded up: 5 or "10%". A release asks for more only as they become available. Left out: all that a step needs at once. It slows no way back.',
    ),
  revisionHistoryLimit: int({ min: 0, max: 100 }).default(5).describe('Old ReplicaSets that are kept, scaled to 0.'),
  service: immutable(label(56), 'cannot be changed: make a new Rollout for another Service').describe(
    'Name of the Service that clients use today. Cannot be changed.',
  ),
  traffic: traffic
    .default([])
    .describe(
      'Routes that split the traffic between stable and canary. None: by pods, each of which gets its share of the connections to the Service, so that a canary never gets more than half.',
    ),
  steps: steps
    .exactOptional()
    .describe('Weights on the way up. Left out: derived from the SLOs and the live traffic when a release begins.'),
  bake: bake
    .prefault({})
    .describe('The time after the last step: all but a small control meets the new revision before it is promoted.'),
  promotion: group({
    approval: approval
      .exactOptional()
      .describe('Stop after the last step and the bake, until so many people have said approve.'),
  })
    .exactOptional()
    .describe('What is asked for before in-cluster clients move and the new revision becomes stable.'),
  group: label()
    .exactOptional()
    .describe(
      'Rollouts of one namespace that name the same group move one at a time: those that call each other should. A way back waits for nobody.',
    ),
  groupMode: choice(['Serialise', 'Attribute'])
    .exactOptional()
    .describe(
      "What Rollouts of the group do. Serialise: move one at a time. Attribute: move at once with others that say so too, each judged at the gateway by its own arms: while one is bad the others hold. It needs a Guardrail that counts the gateway's requests. Left out: Serialise.",
    ),
  gates: gates.default([]).describe('What must hold while a release advances.'),
  probes: list(group({ suite: name().describe('Name of a ProbeSuite in this namespace.') }), {
    max: 8,
    unique: ['suite'],
  })
    .default([])
    .describe('Synthetic requests that the canary must answer before it meets users, and at every step.'),
  budget: budget.prefault({}).describe('How much error budget a release may burn.'),
  onBreach: choice(['Pause', 'Retreat', 'Abort'])
    .default('Retreat')
    .describe(
      'What a breach does. Pause: keep the weight. Retreat: weight 0, one pod kept for diagnosis. Abort: weight 0, all scaled down.',
    ),
  replaceBadPods: int({ min: 0, max: REPLACE_MAX })
    .default(1)
    .describe('Single bad pods of the canary that a release may replace; one more is a breach. 0: it only names them.'),
  scaleDownDelay: duration().default('30s').describe('How long pods without traffic are kept before they go.'),
  rollbackWindow: int({ min: 0, max: 10 })
    .default(3)
    .describe('Going back to one of this many revisions that served last skips the steps.'),
  settle: duration()
    .default('10s')
    .describe(
      "Time given to the data plane: to learn of the canary's pods before the first raise, and to take a weight after its route was accepted.",
    ),
  shrinkStable: flag()
    .default(false)
    .describe(
      "Whether stable gets smaller while the canary serves: to the pods for its own share and half of those for the canary's. A way back is slower then: what stable's ready pods do not carry yet stays on the canary for a minute at most. Only where nobody in the cluster calls the Service directly. It needs traffic.",
    ),
  services: list(label(), { max: 32, unique: 'set' })
    .default([])
    .describe(
      'Other Services of the namespace that may reach canary pods. Any that is not named here refuses a release.',
    ),
});

/** Rollout.spec. */
export const rolloutSpec = ruled(
  specShape,
  ...podRules,
  {
    cel: '!has(self.groupMode) || has(self.group)',
    message: 'groupMode needs group: name the group, or leave groupMode out',
    field: '.groupMode',
    holds: ({ group: named, groupMode }: z.output<typeof specShape>) => groupMode === undefined || named !== undefined,
  },
  {
    cel: '!self.shrinkStable || size(self.traffic) > 0',
    message:
      "shrinkStable needs traffic: without routes the canary's share is that of its pods. Name a route, or leave shrinkStable out",
    field: '.shrinkStable',
    holds: ({ shrinkStable, traffic: routes }: z.output<typeof specShape>) => !shrinkStable || routes.length > 0,
  },
);

export type RolloutSpec = z.output<typeof rolloutSpec>;

/** Milliseconds of a duration that its schema has accepted. */
export function millis(given: string): number {
  return parseDuration(given) ?? 0;
}
