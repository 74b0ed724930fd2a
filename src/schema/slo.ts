import type * as z from 'zod';
import { choice, grammar, group, list, name, parseWindow, ruled, text, windowLength } from './vocabulary.ts';

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

const rolling = ruled(windowLength(), {
  // CEL has no days, so days are priced by their pattern alone.
  cel: "self.endsWith('d') || !self.matches('^[0-9.hms]+$') || (duration(self) >= duration('1h') && duration(self) <= duration('9600h'))",
  message: 'must be from 1h to 400d, such as 28d',
  holds: (given) => {
    const ms = parseWindow(given);
    return ms !== undefined && ms >= 3_600_000 && (given.endsWith('d') || ms <= 400 * DAY_MS);
  },
});

/** ServiceLevelObjective.spec. */
export const sloSpec = group({
  objective: grammar({
    max: 16,
    pattern: OBJECTIVE,
    says: 'must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
  }).describe('Share of events that must be good, in percent, as a string: "99.9". From 50 up to but without 100.'),
  window: group({
    rolling: rolling.default('28d').describe('Length of the rolling window: days such as 28d, or a Go duration.'),
  })
    .prefault({})
    .describe('The time that the error budget is for.'),
  sli: group({ events: events.describe('Counters of all and of bad or good events.') }).describe('What is measured.'),
  source: name()
    .exactOptional()
    .describe('Name of a MetricSource. Left out: the one that is the default of the cluster.'),
});

export type SloSpec = z.output<typeof sloSpec>;
