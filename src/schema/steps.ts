import { parsePercent } from '#lib/units.ts';
import { approval } from './approval.ts';
import { headers, mirror } from './reach.ts';
import { duration, group, int, list, percent, percentCel, ruled, surge } from './vocabulary.ts';

/**
 * More than any ladder needs, and few enough for the price that API servers before 1.36 put on rules over
 * int-or-string: on Kubernetes 1.30 sixteen are refused.
 */
const STEPS_MAX = 12;
const stepIndices = Array.from({ length: STEPS_MAX - 1 }, (_, i) => i).join(', ');

const pause = group({
  for: duration().exactOptional().describe('How long to stop, as a Go duration. Left out: until a person promotes.'),
});

const stepShape = group({
  weight: percent({ above: 0, upTo: 99, example: '5 or "0.5%"' })
    .exactOptional()
    .describe(
      'Share of requests that the canary gets while this step lasts, in percent: 5 or "0.5%". Give this, headers or mirror.',
    ),
  headers: headers()
    .exactOptional()
    .describe(
      'The canary gets the requests that have all of these headers, and no others. Its hold, a pause and the stop gates end such a step. Before steps with a weight.',
    ),
  mirror: mirror()
    .exactOptional()
    .describe(
      'The canary gets copies of requests, and its answers are dropped. What a request does is done twice: only for requests without side effects. Before steps with a weight.',
    ),
  hold: duration().default('1m').describe('Least time to stay, counted from when the share of requests is there.'),
  canaryReplicas: int({ min: 1, max: 10_000 })
    .exactOptional()
    .describe('Canary pods at this step. Left out: as many as the weight asks for.'),
  maxSurge: surge()
    .exactOptional()
    .describe('Canary pods that may be coming up at once on the way to this step. Left out: spec.maxSurge.'),
  pause: pause.exactOptional().describe('Stop here after the hold, for a person or for a time.'),
  approval: approval
    .exactOptional()
    .describe('Stop here after the hold and the gates, until so many people have said approve.'),
});

const step = ruled(stepShape, {
  cel: '[has(self.weight), has(self.headers), has(self.mirror)].exists_one(given, given)',
  message: 'give exactly one of weight, headers and mirror',
  holds: ({ weight, headers: named, mirror: copies }) =>
    [weight, named, copies].filter((given) => given !== undefined).length === 1,
});

/** A ladder that goes down hides a way back inside a way forward. */
export const steps = ruled(
  list(step, { max: STEPS_MAX, min: 1 }),
  {
    cel: `[${stepIndices}].all(i, i + 1 >= size(self) || !has(self[i].weight) || !has(self[i + 1].weight) || ${percentCel('self[i].weight')} < ${percentCel('self[i + 1].weight')})`,
    message: 'weights must rise from step to step',
    holds: (all) => pairsOf(all).every(([a, b]) => a === undefined || b === undefined || weightOf(a) < weightOf(b)),
  },
  {
    cel: `[${stepIndices}].all(i, i + 1 >= size(self) || !has(self[i].weight) || has(self[i + 1].weight)) && (size(self) == 0 || has(self[size(self) - 1].weight))`,
    message: 'steps with headers or mirror come first, and the last step needs a weight',
    holds: (all) =>
      pairsOf([...all, {}]).every(([a, b], i) =>
        i === all.length - 1 ? a !== undefined : a === undefined || b !== undefined,
      ),
  },
);

type Weighted = { weight?: number | string };

function pairsOf(all: readonly Weighted[]): [Weighted['weight'], Weighted['weight']][] {
  return all.slice(1).map(({ weight }, i) => [all[i]?.weight, weight]);
}

export function weightOf(value: number | string): number {
  return parsePercent(value) ?? 0;
}
