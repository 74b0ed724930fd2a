import { silences } from './release-words.ts';
import { choice, duration, grammar, group, int, label, list, name, percent, ruled, text } from './vocabulary.ts';
import { warmUp, warmUpNeedsSlo } from './warm-up.ts';

const GATES_MAX = 12;
/** A decimal number: CRDs of ours have no floats. */
const NUMBER = /^-?(0|[1-9][0-9]{0,14})([.][0-9]{1,12})?$/;
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
      'Excess error ratio over stable that is tolerated when leaving the last step, in percent. Left out: 100% minus the objective. Not for objectives of business, pairs and probes, which have their own.',
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
export const gates = ruled(list(gate, { max: GATES_MAX }), {
  // One without any name is told so by its own rule.
  cel: "self.all(g, !(has(g.slo) || has(g.name)) || self.exists_one(h, (has(h.slo) ? h.slo : has(h.name) ? h.name : '') == (has(g.slo) ? g.slo : g.name)))",
  message: 'must not have two gates of the same name',
  holds: (all) => {
    const names = all.flatMap(({ slo, name: own }) => slo ?? own ?? []);
    return new Set(names).size === names.length;
  },
});
