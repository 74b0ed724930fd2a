import type { GateContext, GateReading } from '#core/gate.ts';
import { assert } from '#lib/assert.ts';
import type { Millis } from '#lib/units.ts';
import { countTick, evidenceOf, fire, isDarkable, pendingSilence, renew, scrapeOf } from './error-count.ts';
import type { ErrorGate, Problem } from './error-state.ts';
import { stableNow, verdictOf } from './error-verdict.ts';
import { type PodInfo, readTick, sampleProblem, type TickReading, type TickSamples } from './evidence.ts';

/**
 * The error gate: folds one tick of samples into its state. Pure. Ticks that are not newer than the last one counted
 * change nothing, so reading the same tick twice is harmless. After `loadErrorGate` the first tick only sets the bases.
 */
export function foldErrorTick(
  state: ErrorGate,
  tick: TickSamples,
  pods: readonly PodInfo[],
  context: GateContext,
): ErrorGate {
  assert(tick.at % context.tickMs === 0, 'ticks lie on the absolute grid');
  const known = renew(state, context);
  const first = known.look === undefined;
  if (first ? tick.at < known.at : tick.at <= known.at) return known;
  const broken = sampleProblem(tick);
  if (broken !== undefined) return { ...known, problem: { verdict: 'Error', cause: 'BadQuery', message: broken } };
  const scrapeMs = scrapeOf(context);
  const reading = readTick({ before: known.look, tick, pods, scrapeMs });
  const problem = problemOf(reading);
  const { problem: _, ...clean } = known;
  const told = problem === undefined ? clean : { ...clean, problem };
  // A first look that shows nobody is none: after a restart the real one may still come.
  const blind = first && reading.seen.canary + reading.seen.stable === 0;
  if (blind || reading.doubled.length > 0) return told;
  const look = { look: reading.look, at: tick.at };
  if (first) return { ...told, ...look, startedAt: known.ticks === 0 ? tick.at : known.startedAt };
  const dark = isDarkable(tick, pods, context);
  // Nothing is lost by waiting: counters go on, and the next whole tick holds what this one does not count.
  if (mustWait(reading, pods)) return dark ? pendingSilence(told, reading, tick, context) : told;
  const counted = countTick(told, reading, tick.at, context);
  return { ...fire(counted, { at: tick.at, dark }, context), ...look };
}

/** What the error gate says at `now`. Pure; the same state, context and time give the same bytes. */
export function judgeErrors(state: ErrorGate, context: GateContext, now: Millis): GateReading {
  const { gate, epoch, stepEpoch } = context;
  const current = renew(state, context);
  const evidence = evidenceOf(current, context);
  const judged = { state: current, context, evidence, stable: stableNow(current, context, now), now };
  const answer = verdictOf(judged);
  return { gate: gate.name, role: gate.role, epoch, stepEpoch, ...answer, stable: judged.stable, evidence };
}

function problemOf({ doubled, untargeted, overdue, unscraped }: TickReading): Problem | undefined {
  const [twice] = doubled;
  if (twice !== undefined) {
    const message = `pod ${twice} is scraped by more than one target: keep one ServiceMonitor, PodMonitor or job for it`;
    return { verdict: 'NoData', cause: 'ScrapedTwice', message };
  }
  const [blind] = untargeted;
  if (blind !== undefined) {
    const message = `pod ${blind} has no scrape target: let a ServiceMonitor, PodMonitor or job select it`;
    return { verdict: 'NoData', cause: 'NotScraped', message };
  }
  const [late] = overdue;
  if (late !== undefined) {
    return {
      verdict: 'NoData',
      cause: 'Stale',
      message: `pod ${late} has a scrape target and no sample since three scrapes`,
    };
  }
  const [missing] = unscraped;
  if (missing === undefined) return undefined;
  return { verdict: 'Inconclusive', cause: 'TooFewSamples', message: `waiting for the scrape of pod ${missing}` };
}

/** A tick waits for pods that were not scraped, but not for ever: one dead exporter must not blind the stop test. */
function mustWait({ unscraped, overdue, seen }: TickReading, pods: readonly PodInfo[]): boolean {
  if (unscraped.length === 0) return false;
  return unscraped.length > overdue.length || pods.some(({ arm, available }) => available && seen[arm] === 0);
}
