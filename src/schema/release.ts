import type * as z from 'zod';
import { approvalRecord, DIGESTS_MAX, digest } from './approval.ts';
import { change } from './change.ts';
import { headers, mirror } from './reach.ts';
import { breaches, LONG_PROSE_MAX, outcomes, prose, REPLACE_MAX, revision, roles, silences } from './release-words.ts';
import { gateStatus } from './rollout-status.ts';
import {
  choice,
  duration,
  flag,
  grammar,
  group,
  immutable,
  int,
  label,
  list,
  name,
  surge,
  text,
} from './vocabulary.ts';

/** A percent in a record, as the operator writes it. */
const share = () => grammar({ max: 32, pattern: /^[0-9]{1,3}([.][0-9]{1,12})?%$/, says: 'must be a percent' });
const total = () => int({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 });
const time = () => text({ max: 64 });

const step = group({
  weight: share().describe('Share of requests that the canary gets.'),
  headers: headers().exactOptional().describe('Headers of the requests that the canary gets instead.'),
  mirror: mirror().exactOptional().describe('Copies of requests that the canary gets instead.'),
  hold: duration().describe('Least time to stay.'),
  canaryReplicas: int({ min: 1, max: 10_000 }).exactOptional().describe('Canary pods, when they were given.'),
  maxSurge: surge().exactOptional().describe('Canary pods that may be coming up at once, when that was given.'),
  pause: group({ for: duration().exactOptional().describe('How long to stop. Left out: until a person promotes.') })
    .exactOptional()
    .describe('Stop here after the hold.'),
  approval: approvalRecord.exactOptional().describe('Who must approve before it is left.'),
  sees: share()
    .exactOptional()
    .describe('Smallest excess of failures that the hold was foreseen to show, with the traffic at the beginning.'),
  needs: duration().exactOptional().describe('How long the evidence to go on was foreseen to take, at the median.'),
});

const matcher = group({
  label: text({ max: 128 }).describe('Label of the series.'),
  op: choice(['=', '!=', '=~', '!~']).describe('How the value is compared.'),
  value: text({ max: 512 }).describe('Value, or regular expression.'),
});

const series = group({
  metric: text({ max: 256 }).describe('Name of the counter.'),
  matchers: list(matcher, { max: 16 }).describe('Which of its series count.'),
});

const sli = group({
  events: group({
    total: series.describe('All events that count.'),
    bad: series.exactOptional().describe('Those that were bad.'),
    good: series.exactOptional().describe('Those that were good.'),
  })
    .exactOptional()
    .describe('Counters of all and of bad or good events.'),
  latency: group({
    histogram: series.describe('The histogram.'),
    threshold: text({ max: 32 }).describe('Slower than this is bad, in the unit of the histogram.'),
    form: choice(['Classic', 'Native']).describe('How its buckets are stored.'),
  })
    .exactOptional()
    .describe('A histogram and the slowest that is good.'),
  business: group({
    exposure: series.describe('What users were offered.'),
    events: series.exactOptional().describe('What they did.'),
    value: series.exactOptional().describe('What it was worth.'),
    worse: choice(['Lower', 'Higher']).describe('Which way is the wrong one.'),
    tolerate: share().describe('Regression against stable that is tolerated.'),
    lag: duration().describe('How long after its exposure an event comes.'),
    seasonal: group({ weeks: int({ min: 1, max: 12 }).describe('Earlier weeks whose median is the usual.') })
      .exactOptional()
      .describe('Told beside the verdict. Left out: nothing is.'),
    paired: flag()
      .exactOptional()
      .describe('Exposures are prompts that the canary answered better, events those that it answered worse.'),
  })
    .exactOptional()
    .describe('What users do, per exposure.'),
  query: group({
    promql: text({ max: 4096 }).describe('PromQL of the user, before the namespace is forced in.'),
    op: choice(['<', '<=', '>', '>=']).describe('What is good.'),
    value: text({ max: 32 }).describe('The limit.'),
    failures: int({ min: 1, max: 60 }).describe('Bad ticks after which it fails.'),
    window: int({ min: 1, max: 60 }).describe('Ticks that are looked at.'),
  })
    .exactOptional()
    .describe('A number against a limit.'),
  probe: group({
    suite: name().describe('Name of the ProbeSuite.'),
    checks: list(label(), { max: 16 }).describe('Names of its requests that count.'),
    samples: int({ min: 1, max: 10 }).describe('How often each is sent to each arm in a round.'),
    every: duration().describe('Longest time from one answer to the next.'),
    tolerate: share().describe('Excess of wrong answers over stable that is tolerated at the last step.'),
    passRate: share().exactOptional().describe('Share of answers that must be right.'),
    paired: flag().exactOptional().describe('Only answers count in which the arms differ.'),
  })
    .exactOptional()
    .describe('Answers to synthetic requests.'),
});

const split = group({
  label: text({ max: 128 }).describe('Label of the edge metric.'),
  stable: text({ max: 1024 }).describe('Its values for stable, as a regular expression.'),
  canary: text({ max: 1024 }).describe('Its values for the canary, as a regular expression.'),
  exact: flag().exactOptional().describe('True when only what the routes deal out is counted.'),
});

const slo = group({
  name: name().describe('Name of the ServiceLevelObjective.'),
  objective: text({ max: 16 }).describe('Share of events that must be good, in percent; 0 where there is none.'),
  window: duration().describe('Length of the rolling window.'),
  sli: sli.describe('What is measured.'),
  split: split.exactOptional().describe("How edge metrics tell the arms apart. Left out: by the release's pods."),
  source: name().exactOptional().describe('Name of the MetricSource. Left out: the default of the cluster.'),
});

const gate = group({
  name: name().describe('Name of the gate.'),
  role: choice(roles).describe('What the gate may do.'),
  slo: slo.describe('Its objective, as it was when the release began.'),
  tolerate: share().describe('Excess error ratio over stable that is tolerated at the last step.'),
  maxWait: duration().describe('How long it may hold a step without a pass.'),
  warmUp: duration().exactOptional().describe('Time after the start of a process that is not counted. Left out: none.'),
  onNoData: choice(silences)
    .exactOptional()
    .describe('What silence does while the canary has traffic. Left out: Hold.'),
});

const plan = group({
  steps: list(step, { max: 32 }).describe('Weights on the way up.'),
  bake: group({
    for: duration().describe('How long to stay after the last step.'),
    control: share().describe('Share of requests that stays on stable meanwhile.'),
  })
    .exactOptional()
    .describe('The time after the last step. Left out: none.'),
  promotion: approvalRecord.exactOptional().describe('Who must approve before in-cluster clients move.'),
  gates: list(gate, { max: 16 }).describe('What must hold.'),
  probes: list(name(), { max: 8 }).describe('Probe suites to pass.'),
  onBreach: choice(breaches).describe('What a breach does.'),
  maxSurge: surge()
    .exactOptional()
    .describe('Canary pods that may be coming up at once where no step says it. Left out: any number.'),
  replaceBadPods: int({ min: 0, max: REPLACE_MAX })
    .exactOptional()
    .describe('Bad pods of the canary that may be replaced. Left out: 1.'),
  rollback: flag().describe('True when the revision served recently: the steps are skipped.'),
});

const image = group({
  container: label().describe('Name of the container.'),
  image: text({ max: 1024 }).describe('Its image.'),
});

/** Release.spec: what the release goes by, from its first moment to its last. */
export const releaseSpec = immutable(
  group({
    rollout: label(52).describe('Name of the Rollout.'),
    revision: revision().describe('Revision that is tried.'),
    from: revision().describe('Stable revision that it began from.'),
    attempt: int({ min: 1, max: 1_000_000 }).describe('1 for the first try of this revision.'),
    plan: plan.describe('Steps, gates and probes, with every default filled in.'),
    budget: group({
      targetSpend: share().describe('Share of the budget that one undetected fault may burn.'),
      maxSpend: share().describe('Share of the budget at which the release fails.'),
      carried: share()
        .exactOptional()
        .describe('What earlier releases had burnt within the window: it counts against maxSpend.'),
    }).describe('How much error budget it may burn.'),
    images: list(image, { max: 32 }).describe('Images of the containers.'),
    change: change.describe('What the change is, from annotations of the template or the Rollout.'),
  }),
  'cannot be changed: a Release records what was decided when it began',
);

/** Longest sentence of a timeline: room for a pod, its node and what it was blamed for. */
export const ENTRY_MAX = 256;

/** Most entries of a timeline. */
export const TIMELINE_MAX = 64;

const exposure = group({
  canaryRequests: total().describe('Requests that the canary finished.'),
  canaryBad: total().describe('Those that were bad.'),
  excess: total().describe('Bad requests above what stable would have had.'),
});

const counts = () =>
  group({ total: total().describe('Finished requests.'), bad: total().describe('Those that were bad.') });

const arms = () =>
  group({
    canary: counts().describe('Requests to the canary since the attempt began.'),
    stable: counts().describe('Requests to stable since the attempt began.'),
  });

const held = group({
  since: time().describe('When it began (RFC 3339).'),
  until: time().exactOptional().describe('When it was free to go again (RFC 3339). Left out while it holds.'),
  culprit: group({
    rollout: name().describe('Its name.'),
    at: time().describe('When its breach was found (RFC 3339).'),
    gate: name().exactOptional().describe('Gate that failed. Left out: its probes did, or no pod was left.'),
    arms: arms().exactOptional().describe('What that gate had counted.'),
  })
    .exactOptional()
    .describe(
      'Rollout of the group whose own arms differ. Left out: no release of the group shows it, though both arms are bad.',
    ),
});

const breach = group({
  at: time().describe('When it was found (RFC 3339).'),
  cause: text({ max: 63 }).describe('Its cause, in one word.'),
  gate: name().exactOptional().describe('Gate that failed. Left out: the probes did, or no pod was left.'),
  message: prose().exactOptional().describe('Its evidence, with figures.'),
  exposure: exposure.describe('Who had met the canary by then.'),
  beside: list(text({ max: 512 }), { max: 16 })
    .exactOptional()
    .describe('Other Rollouts of the group whose canaries had traffic then. Each is judged by its own arms.'),
  arms: arms().exactOptional().describe('What the gate that failed had counted in both arms.'),
});

const entry = group({
  at: time().describe('When (RFC 3339).'),
  kind: text({ max: 63 }).describe('What, in one word.'),
  message: text({ max: ENTRY_MAX }).describe('What, for people.'),
  weight: text({ max: 16 }).exactOptional().describe('Share of requests from this moment on, when it changed.'),
});

/** Most approvals that a record keeps. */
export const APPROVED_MAX = 64;

const approved = group({
  by: text({ max: 253 }).describe('Who.'),
  at: time().describe('When (RFC 3339).'),
  step: text({ max: 16 }).describe('Before which step was left, such as 2/3, or bake.'),
  groups: list(text({ max: 253 }), { max: 16 }).describe('Groups that were asked for, and are theirs.'),
});

/** Release.status: what became of it. */
export const releaseStatus = group({
  phase: text({ max: 63 }).exactOptional().describe('What it is doing, or how it ended.'),
  outcome: choice(outcomes).exactOptional().describe('How it ended.'),
  reason: text({ max: 63 }).exactOptional().describe('Why, in one word.'),
  message: prose(LONG_PROSE_MAX).exactOptional().describe('Why, for people.'),
  startedAt: time().exactOptional().describe('When it began (RFC 3339).'),
  endedAt: time().exactOptional().describe('When it ended (RFC 3339).'),
  step: text({ max: 16 }).exactOptional().describe('Last step, such as 2/3, or bake.'),
  weight: text({ max: 16 }).exactOptional().describe('Largest weight that the canary was granted.'),
  spend: text({ max: 32 }).exactOptional().describe("Share of the SLO's error budget that it burnt, in percent."),
  badRequests: total().exactOptional().describe('Bad requests that the canary served.'),
  exposure: exposure.exactOptional().describe('Who met the canary.'),
  timeToDetect: duration().exactOptional().describe('From the raise to the breach.'),
  timeToRemedy: duration().exactOptional().describe('From the breach to weight 0, accepted by every gateway.'),
  breach: breach.exactOptional().describe('Who did it, and what users had met when it was found.'),
  held: held.exactOptional().describe('When it last held for another release of its group, or holds.'),
  earlierBreach: prose(LONG_PROSE_MAX).exactOptional().describe('What an earlier attempt of this revision failed on.'),
  attempts: int({ min: 1, max: 1_000_000 }).exactOptional().describe('Tries of this revision so far.'),
  gates: list(gateStatus, { max: 16, unique: ['gate'] })
    .exactOptional()
    .describe('Last reading of every gate.'),
  approvals: list(approved, { max: APPROVED_MAX })
    .exactOptional()
    .describe('Who has approved, oldest first. What a retreat made void stays here.'),
  approvedDigests: list(digest(), { max: DIGESTS_MAX })
    .exactOptional()
    .describe('Images that were shown to whoever approved last, as container=sha256:….'),
  timeline: list(entry, { max: TIMELINE_MAX }).exactOptional().describe('What happened, oldest first.'),
  record: text({ max: 256 })
    .exactOptional()
    .describe('What of the state was recorded last. Only the operator reads it.'),
  evidence: text({ max: 10_240 }).exactOptional().describe('Checkpoint of the gates. Only the operator reads it.'),
});

export type ReleaseSpec = z.output<typeof releaseSpec>;
export type ReleaseStatus = z.output<typeof releaseStatus>;
