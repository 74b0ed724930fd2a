import type * as z from 'zod';
import { BUILTIN_KINDS, GATEWAYS } from '#core/builtin.ts';
import {
  choice,
  duration,
  flag,
  grammar,
  group,
  int,
  label,
  list,
  name,
  parseWindow,
  percent,
  ruled,
  text,
  windowLength,
} from './vocabulary.ts';

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** A percent from 50 up to but without 100, with at most six decimals: two below is no objective, 100 leaves no budget. */
const OBJECTIVE = /^[5-9][0-9]([.][0-9]{1,6})?$/;
const DAY_MS = 86_400_000;

/** Labels that tell the arms apart: the operator adds them, and a matcher of the user's would hide an arm. */
const OWN_LABELS = ['namespace', 'pod'];

const matcher = ruled(
  group({
    label: grammar({ max: 128, pattern: LABEL, says: 'must be the name of a label' }).describe('Label of the series.'),
    op: choice(['=', '!=', '=~', '!~'])
      .default('=')
      .describe('How the value is compared. Regular expressions match the whole value (RE2).'),
    value: text({ max: 512 }).describe('Value, or regular expression.'),
  }),
  {
    cel: "!(self.label in ['namespace', 'pod'])",
    message: 'matchers on namespace and pod are added by the operator: remove this one',
    field: '.label',
    holds: ({ label }) => !OWN_LABELS.includes(label),
  },
);

/** A structured selector: there is no PromQL to get wrong. */
const series = group({
  metric: grammar({ max: 256, pattern: METRIC, says: 'must be the name of a counter, without braces' }).describe(
    'Name of a counter.',
  ),
  matchers: list(matcher, { max: 16 }).default([]).describe('Which of its series count. All must match.'),
});

const events = ruled(
  group({
    total: series.describe('All events that count.'),
    bad: series.exactOptional().describe('Those that were bad. Give this or good.'),
    good: series.exactOptional().describe('Those that were good. Give this or bad.'),
  }),
  {
    cel: 'has(self.bad) != has(self.good)',
    message: 'give exactly one of bad and good',
    holds: ({ bad, good }) => (bad === undefined) !== (good === undefined),
  },
);

const latency = group({
  histogram: series.describe('The histogram, by its name without _bucket, _count or _sum.'),
  threshold: duration().describe('Slower than this is bad. It must be one of the bucket bounds of the histogram.'),
  form: choice(['Classic', 'Native'])
    .default('Classic')
    .describe('Classic: series with a label le. Native: one series that holds all buckets.'),
}).describe('Requests slower than a threshold are bad. The histogram counts seconds.');

const business = ruled(
  group({
    exposure: series.describe('What users were offered: sessions, or requests that could have ended in an event.'),
    events: series.exactOptional().describe('What they did: orders, logins. Give this or value.'),
    value: series.exactOptional().describe('What it was worth: a counter that grows by amounts. Give this or events.'),
    worse: choice(['Lower', 'Higher']).default('Lower').describe('Which way is the wrong one.'),
    tolerate: percent({ above: 0, upTo: 90, example: '"20%"' })
      .default('20%')
      .describe('Regression against stable that is tolerated, as a percent of what stable reaches.'),
    lag: duration().default('0s').describe('How long after its exposure an event comes, at most 1h.'),
    seasonal: group({
      weeks: int({ min: 1, max: 12 })
        .default(4)
        .describe('Earlier weeks whose median is the usual. The source must keep them.'),
    })
      .exactOptional()
      .describe(
        'Tell how events or value of the whole service compare with the same hour of earlier weeks. It decides nothing. Left out: they are not asked for.',
      ),
  }),
  {
    cel: 'has(self.events) != has(self.value)',
    message: 'give exactly one of events and value',
    holds: ({ events: counted, value }) => (counted === undefined) !== (value === undefined),
  },
);

const pairs = group({
  better: series.describe("Prompts that the canary answered better than stable, counted by the canary's pods."),
  worse: series.describe('Prompts that it answered worse.'),
  tolerate: percent({ above: 0, upTo: 90, example: '"20%"' })
    .default('20%')
    .describe('How many more losses than wins are tolerated, in percent of the wins.'),
}).describe(
  'Answers that are never quite the same, compared prompt by prompt by the pods of the canary. Where both are as good, nothing is counted.',
);

const probe = ruled(
  group({
    suite: name().describe('Name of a ProbeSuite in this namespace. It need not stand in probes of the Rollout.'),
    checks: list(label(), { max: 16, min: 1, unique: 'set' })
      .exactOptional()
      .describe('Names of its requests that count. Left out: all of them.'),
    samples: int({ min: 1, max: 10 })
      .default(1)
      .describe(
        'How often each is sent to each arm in one round. The samples of a round count as one answer, their mean.',
      ),
    passRate: percent({ from: 50, upTo: 99.9, example: '"95%"' })
      .exactOptional()
      .describe(
        'Share of answers that must be right. The release advances when less is excluded. For outputs that are never quite the same.',
      ),
    paired: flag()
      .exactOptional()
      .describe('Stop by those answers alone in which the arms differ: for prompts that are not equally hard.'),
    tolerate: percent({ above: 0, upTo: 50, example: '"5%"' })
      .exactOptional()
      .describe(
        'Excess of wrong answers over stable that must be excluded before the last step is left. Left out, and without passRate: 5%.',
      ),
  }),
  {
    cel: '!has(self.passRate) || !(has(self.tolerate) || (has(self.paired) && self.paired))',
    message: 'holds whatever stable does: remove paired and tolerate, or remove passRate',
    field: '.passRate',
    holds: ({ passRate, paired, tolerate }) => passRate === undefined || (paired !== true && tolerate === undefined),
  },
);

const builtin = ruled(
  group({
    kind: choice(BUILTIN_KINDS).describe(
      'What is measured: answers that are no 5xx, answers within a threshold, or gRPC calls without a fault of the server.',
    ),
    gateway: choice(GATEWAYS).describe(
      'Who counts: the gateway or mesh that splits the traffic, or the application itself. See docs/catalogue.md.',
    ),
    threshold: duration()
      .exactOptional()
      .describe('For http-latency: slower than this is bad. One of the bucket bounds of the histogram, e.g. 250ms.'),
  }),
  {
    cel: "has(self.threshold) == (self.kind == 'http-latency')",
    message: 'is needed for http-latency, and for nothing else',
    field: '.threshold',
    holds: ({ kind, threshold }) => (threshold !== undefined) === (kind === 'http-latency'),
  },
);

const sli = ruled(
  group({
    builtin: builtin
      .exactOptional()
      .describe('No metric names: the catalogue knows what the gateway counts, for each arm of the Rollout.'),
    events: events.exactOptional().describe('Counters of all and of bad or good events.'),
    latency: latency.exactOptional().describe('A histogram and the slowest that is good.'),
    business: business.exactOptional().describe('What users do, per exposure, compared between the arms.'),
    pairs: pairs.exactOptional(),
    probe: probe
      .exactOptional()
      .describe(
        'Requests of a ProbeSuite, each sent to a pod of both arms at the same moment, round after round. Its retries are not used.',
      ),
  }),
  {
    cel: '(has(self.builtin) ? 1 : 0) + (has(self.events) ? 1 : 0) + (has(self.latency) ? 1 : 0) + (has(self.business) ? 1 : 0) + (has(self.pairs) ? 1 : 0) + (has(self.probe) ? 1 : 0) == 1',
    message: 'give exactly one of builtin, events, latency, business, pairs and probe',
    holds: (given) => Object.values(given).filter((one) => one !== undefined).length === 1,
  },
);

const rolling = ruled(windowLength(), {
  // CEL has no days, so days are priced by their pattern alone.
  cel: "self.endsWith('d') || !self.matches('^[0-9.hms]+$') || (duration(self) >= duration('1h') && duration(self) <= duration('9600h'))",
  message: 'must be from 1h to 400d, such as 28d',
  holds: (given) => {
    const ms = parseWindow(given);
    return ms !== undefined && ms >= 3_600_000 && (given.endsWith('d') || ms <= 400 * DAY_MS);
  },
});

const sloShape = group({
  objective: grammar({
    max: 16,
    pattern: OBJECTIVE,
    says: 'must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
  })
    .exactOptional()
    .describe(
      'Share of events that must be good, in percent, as a string: "99.9". From 50 up to but without 100. A business SLI, pairs and probe have none.',
    ),
  window: group({
    rolling: rolling.default('28d').describe('Length of the rolling window: days such as 28d, or a Go duration.'),
  })
    .prefault({})
    .describe('The time that the error budget is for.'),
  sli: sli.describe('What is measured.'),
  source: name()
    .exactOptional()
    .describe('Name of a MetricSource. Left out: the one that is the default of the cluster.'),
});

/** ServiceLevelObjective.spec. */
export const sloSpec = ruled(sloShape, {
  cel: 'has(self.objective) != (has(self.sli.business) || has(self.sli.pairs) || has(self.sli.probe))',
  message:
    'is needed for builtin, events and latency, and not for business, pairs and probe, which are compared with stable alone',
  field: '.objective',
  holds: ({ objective, sli: { business: users, pairs: prompts, probe: answers } }) =>
    (objective === undefined) === [users, prompts, answers].some((one) => one !== undefined),
});

export type SloSpec = z.output<typeof sloSpec>;
