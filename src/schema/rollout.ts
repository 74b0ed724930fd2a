import type * as z from 'zod';
import { parseDuration, parsePercent } from '#lib/units.ts';
import { REPLACE_MAX, silences } from './release-words.ts';
import { selector, template } from './rollout-pods.ts';
import { traffic } from './traffic.ts';
import {
  choice,
  duration,
  grammar,
  group,
  immutable,
  int,
  label,
  list,
  name,
  percent,
  percentCel,
  ruled,
  text,
} from './vocabulary.ts';
import { warmUp, warmUpNeedsSlo } from './warm-up.ts';

/**
 * More than any ladder needs, and few enough for the price that API servers before 1.36 put on rules over
 * int-or-string: on Kubernetes 1.30 sixteen are refused.
 */
const STEPS_MAX = 12;
const GATES_MAX = 12;
/** A decimal number: CRDs of ours have no floats. */
const NUMBER = /^-?(0|[1-9][0-9]{0,14})([.][0-9]{1,12})?$/;
const stepIndices = Array.from({ length: STEPS_MAX - 1 }, (_, i) => i).join(', ');

const pause = group({
  for: duration().exactOptional().describe('How long to stop, as a Go duration. Left out: until a person promotes.'),
});

const step = group({
  weight: percent({ above: 0, upTo: 99, example: '5 or "0.5%"' }).describe(
    'Share of requests that the canary gets while this step lasts, in percent: 5 or "0.5%".',
  ),
  hold: duration().default('1m').describe('Least time to stay, counted from when the share of requests is there.'),
  canaryReplicas: int({ min: 1, max: 10_000 })
    .exactOptional()
    .describe('Canary pods at this step. Left out: as many as the weight asks for.'),
  pause: pause.exactOptional().describe('Stop here after the hold, for a person or for a time.'),
});

/** A ladder that goes down hides a way back inside a way forward. */
const steps = ruled(list(step, { max: STEPS_MAX, min: 1 }), {
  cel: `[${stepIndices}].all(i, i + 1 >= size(self) || ${percentCel('self[i].weight')} < ${percentCel('self[i + 1].weight')})`,
  message: 'weights must rise from step to step',
  holds: (all) => all.every(({ weight }, i) => i === 0 || weightOf(weight) > weightOf(all[i - 1]?.weight ?? 0)),
});

function weightOf(value: number | string): number {
  return parsePercent(value) ?? 0;
}

const query = ruled(
  group({
    promql: text({ min: 1, max: 4096 }).describe(
      'PromQL that gives exactly one number. The namespace is forced into every selector of it.',
    ),
    source: name()
      .exactOptional()
      .describe('Name of a MetricSource. Left out: the one that is the default of the cluster.'),
    op: choice(['<', '<=', '>', '>=']).describe(
      'What is good: the number is less than, at most, more than, at least value.',
    ),
    value: grammar({ max: 32, pattern: NUMBER, says: 'must be a number as a string, such as "0.5"' }).describe(
      'The limit, a number as a string: "0.5".',
    ),
    failures: int({ min: 1, max: 60 })
      .default(3)
      .describe('It fails after so many bad ticks of the last window, and passes after as many good ones.'),
    window: int({ min: 1, max: 60 }).default(5).describe('Ticks that are looked at.'),
  }),
  {
    cel: 'self.failures <= self.window',
    message: 'failures must be at most window',
    field: '.failures',
    holds: ({ failures, window }) => failures <= window,
  },
);

const gateShape = group({
  slo: name().exactOptional().describe('Name of a ServiceLevelObjective in this namespace. Give this or query.'),
  query: query
    .exactOptional()
    .describe('A number against a limit, for whoever wants the old way. It compares nothing with stable.'),
  name: label().exactOptional().describe('Name of the gate. For a query, and for no SLO, which brings its own.'),
  role: choice(['Guardrail', 'Signal', 'Advisory'])
    .exactOptional()
    .describe(
      'What the gate may do. Guardrail: stop the release and let it advance. Signal: hold it. Advisory: only tell. Left out: Guardrail, and Signal for a query, which is never more.',
    ),
  tolerate: percent({ above: 0, upTo: 100, example: '1 or "0.2%"' })
    .exactOptional()
    .describe(
      'Excess error ratio over stable that is tolerated when leaving the last step, in percent. Left out: 100% minus the objective.',
    ),
  maxWait: duration()
    .exactOptional()
    .describe(
      'How long the gate may hold a step without a pass before the release pauses. Left out: three times the forecast of its kind, at least 30m.',
    ),
  warmUp: warmUp.exactOptional(),
  onNoData: choice(silences)
    .default('Hold')
    .describe(
      'What NoData and Error do while the canary has traffic. Hold: wait, up to maxWait, then pause. Pause: pause at once. Retreat: weight 0 at once.',
    ),
});

const gate = ruled(
  gateShape,
  {
    cel: 'has(self.slo) != has(self.query)',
    message: 'give exactly one of slo and query',
    holds: (given) => (given.slo === undefined) !== (given.query === undefined),
  },
  {
    cel: 'has(self.name) == has(self.query)',
    message: 'a query needs a name, and an SLO brings its own',
    field: '.name',
    holds: (given) => (given.name === undefined) === (given.query === undefined),
  },
  {
    cel: "!has(self.query) || !has(self.role) || self.role != 'Guardrail'",
    message: 'a query is at most a Signal: it has no error bounds, and ends no release',
    field: '.role',
    holds: (given) => given.query === undefined || given.role !== 'Guardrail',
  },
  warmUpNeedsSlo,
  {
    cel: "self.onNoData != 'Retreat' || (has(self.role) ? self.role == 'Guardrail' : has(self.slo))",
    message: 'only a Guardrail may retreat on NoData: use Hold or Pause, or make it a Guardrail',
    field: '.onNoData',
    holds: ({ onNoData, role, slo }) =>
      onNoData !== 'Retreat' || (role === undefined ? slo !== undefined : role === 'Guardrail'),
  },
);

/** Both kinds of gate are known by one name, by which their readings are kept apart. */
const gates = ruled(list(gate, { max: GATES_MAX }), {
  // One without any name is told so by its own rule.
  cel: "self.all(g, !(has(g.slo) || has(g.name)) || self.exists_one(h, (has(h.slo) ? h.slo : has(h.name) ? h.name : '') == (has(g.slo) ? g.slo : g.name)))",
  message: 'must not have two gates of the same name',
  holds: (all) => {
    const names = all.flatMap(({ slo, name: own }) => slo ?? own ?? []);
    return new Set(names).size === names.length;
  },
});

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
  replicas: int({ min: 0, max: 10_000 }).default(1).describe('Pods that serve at rest.'),
  selector: selector.describe('Which pods belong to this Rollout. Cannot be changed.'),
  template: template.describe('The pods. A change of it begins a release.'),
  minReadySeconds: int({ min: 0, max: 86_400 })
    .default(0)
    .describe('Seconds that a new pod must be ready before it counts as available.'),
  progressDeadline: duration()
    .default('10m')
    .describe('How long the pods of a release may take to become available before it ends.'),
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
  services: list(label(), { max: 32, unique: 'set' })
    .default([])
    .describe(
      'Other Services of the namespace that may reach canary pods. Any that is not named here refuses a release.',
    ),
});

type Labelled = z.output<typeof specShape>;

/** Rollout.spec. */
export const rolloutSpec = ruled(
  specShape,
  {
    cel: 'self.selector.matchLabels.all(k, k in self.template.metadata.labels && self.template.metadata.labels[k] == self.selector.matchLabels[k])',
    message: 'template.metadata.labels must contain every label of selector.matchLabels with the same value',
    field: '.template.metadata.labels',
    holds: ({ selector: { matchLabels }, template: { metadata } }: Labelled) =>
      Object.entries(matchLabels).every(([key, value]) => metadata.labels[key] === value),
  },
  {
    cel: '!has(self.groupMode) || has(self.group)',
    message: 'groupMode needs group: name the group, or leave groupMode out',
    field: '.groupMode',
    holds: ({ group: named, groupMode }: Labelled) => groupMode === undefined || named !== undefined,
  },
  {
    cel: "self.template.metadata.labels.all(k, !k.startsWith('headgate.dev/')) && self.selector.matchLabels.all(k, !k.startsWith('headgate.dev/'))",
    message: 'labels that begin with headgate.dev/ are set by the operator: remove them from template and selector',
    field: '.template.metadata.labels',
    holds: ({ selector: { matchLabels }, template: { metadata } }: Labelled) =>
      [...Object.keys(matchLabels), ...Object.keys(metadata.labels)].every((key) => !key.startsWith('headgate.dev/')),
  },
);

export type RolloutSpec = z.output<typeof rolloutSpec>;

/** Milliseconds of a duration that its schema has accepted. */
export function millis(given: string): number {
  return parseDuration(given) ?? 0;
}
