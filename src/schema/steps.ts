import { parsePercent } from '#lib/units.ts';
import { duration, group, int, list, percent, percentCel, ruled } from './vocabulary.ts';

/**
 * More than any ladder needs, and few enough for the price that API servers before 1.36 put on rules over
 * int-or-string: on Kubernetes 1.30 sixteen are refused.
 */
const STEPS_MAX = 12;
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
export const steps = ruled(list(step, { max: STEPS_MAX, min: 1 }), {
  cel: `[${stepIndices}].all(i, i + 1 >= size(self) || ${percentCel('self[i].weight')} < ${percentCel('self[i + 1].weight')})`,
  message: 'weights must rise from step to step',
  holds: (all) => all.every(({ weight }, i) => i === 0 || weightOf(weight) > weightOf(all[i - 1]?.weight ?? 0)),
});

export function weightOf(value: number | string): number {
  return parsePercent(value) ?? 0;
}
