import type { GateContext, GateCost, GateReading } from '#core/gate.ts';
import type { LiveGate } from '#gates/define.ts';
import { historyOf, pastContext } from '#gates/history.ts';
import { heldBySampleRatio } from '#gates/sample-ratio.ts';
import type { PodInfo } from '#gates/samples.ts';
import { withSeason } from '#gates/season.ts';
import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import type { Clock } from '#ports/clock.ts';
import type { ProbeOutcomes } from '#ports/probe-outcomes.ts';
import type { Telemetry } from '#ports/telemetry.ts';
import type { Scope } from '#sources/promql.ts';
import { gateFor } from '#src/catalog.ts';
import type { Asks, Span } from './gate-asks.ts';
import { readTicks } from './gate-samples.ts';
import type { SeasonLook } from './gate-season.ts';

/** One gate under way. */
export interface GateRun {
  context: GateContext;
  scrapeMs: Millis;
  gate: LiveGate;
  /** The last instant that was folded in this process or before the checkpoint; 0 before the first. */
  foldedTo: Millis;
  /** The counters of `foldedTo` are not in a checkpoint: that instant is read once more, to set the bases. */
  unprimed: boolean;
  /** Stable's past was asked for, once, whatever became of it. */
  lookedBack: boolean;
  /** Why the gate itself is not asked: it has not been reached yet, is being caught up, or could not be read. */
  trouble: Trouble | undefined;
  /** Not due yet since it is watched: its first tick need not wait for the grid. */
  fresh: boolean;
  /** What the last reading took of the source. */
  cost: GateCost | undefined;
  /** Asked for out of band: no tick waits for it. */
  season: SeasonLook | undefined;
  /** Being read now. */
  busy: boolean;
  /** No longer watched: an answer that comes now changes nothing. */
  gone: boolean;
}

type Trouble = Required<Pick<GateReading, 'verdict' | 'cause' | 'message'>>;

/** More missed ticks than this are not a slow answer but an absence, and the reading says so while they are read. */
const LATE_TICKS = 3;
/** Instants of one range query. */
const MAX_INSTANTS = 60;
/** Ticks that are read one by one after an absence. What lies before them is counted as one increment. */
const MAX_MISSED = 360;

const catchingUp: Trouble = {
  verdict: 'NoData',
  cause: 'CatchingUp',
  message: 'reading the ticks that were missed',
};

/** No tick is counted until the clock has come back, and by that clock the last one would look new all the while. */
const setBack: Trouble = {
  verdict: 'NoData',
  cause: 'Stale',
  message: "the operator's clock was set back; the last tick counted lies in its future",
};

/** New pods answer for stable too while they join its Service, so the gateway's counts say nothing of either arm. */
const blurred: Trouble = {
  verdict: 'Inconclusive',
  cause: 'TooFewSamples',
  message: "edge counts cannot tell the arms apart while new pods join stable's Service",
};

function isBlurred({ context: { gate, mixed } }: GateRun): boolean {
  return mixed === true && gate.slo.arms.by === 'Label';
}

export function startRun(context: GateContext, scrapeMs: Millis, kept: string | undefined): GateRun {
  const kind = gateFor(context.gate.slo.sli.kind);
  const saved = kept === undefined ? undefined : kind.load(kept);
  return {
    context,
    scrapeMs: scrapeFor(context, scrapeMs),
    gate: saved ?? kind.start(),
    foldedTo: saved?.at ?? 0,
    unprimed: true,
    lookedBack: !kind.looksBack,
    trouble: { ...catchingUp, message: 'waiting for the first answer of the source' },
    fresh: true,
    cost: undefined,
    season: undefined,
    busy: false,
    gone: false,
  };
}

export function scrapeFor(context: GateContext, scrapeMs: Millis): Millis {
  return isProbed(context) ? 0 : scrapeMs;
}

/** The newest instant at which everything has been scraped, on the absolute grid of the gate's ticks. */
function latestInstant(run: GateRun, now: Millis): Millis {
  const { tickMs } = run.context;
  return Math.floor((now - run.scrapeMs) / tickMs) * tickMs;
}

export function isDue(run: GateRun, now: Millis): boolean {
  return !run.busy && !isBlurred(run) && latestInstant(run, now) > run.foldedTo;
}

/** When the gate wants to be looked at next. */
export function nextWake(run: GateRun, now: Millis): Millis {
  return run.fresh ? now : latestInstant(run, now) + run.context.tickMs + run.scrapeMs;
}

export interface ReadDeps {
  asks: Asks;
  scope: Scope;
  pods(): PodInfo[];
  clock: Clock;
  telemetry: Telemetry;
  source: string;
}

/** Folds every instant up to the newest one, oldest first and each of them once. */
export async function readRun(run: GateRun, deps: ReadDeps): Promise<void> {
  const { clock, telemetry, source } = deps;
  // What is folded was counted under this context, even when a newer one comes while the source answers.
  const { context } = run;
  const to = latestInstant(run, clock.now());
  const late = run.foldedTo > 0 && to - run.foldedTo > LATE_TICKS * context.tickMs;
  if (late) run.trouble = catchingUp;
  const begins = run.foldedTo === 0;
  if (begins && !run.lookedBack) await lookBack(run, deps, to);
  for (const span of spansOf(run, to)) {
    const ticks = await readTicks(
      deps.asks,
      { slo: context.gate.slo, scope: deps.scope, scrapeMs: run.scrapeMs },
      span,
    );
    if (run.gone) return;
    // The first instant ends the past, and sets the bases of the attempt.
    for (const tick of ticks) run.gate = run.gate.fold(tick, deps.pods(), begins ? pastContext(context) : context);
    run.foldedTo = span.to;
    run.unprimed = false;
    telemetry.count('headgate_gate_ticks_total', { source }, ticks.length);
  }
  run.trouble = undefined;
  telemetry.gauge('headgate_gate_data_age_seconds', (clock.now() - run.gate.at) / 1000, { source });
}

/** The gate counts probes: no source is asked, and nothing is scraped. */
export function isProbed({ gate }: GateContext): boolean {
  return gate.slo.sli.kind === 'probe';
}

/** Folds what probes were answered up to the newest instant. What nobody asked while the operator was away is not missed. */
export function readProbes(
  run: GateRun,
  key: string,
  { probes, clock }: { probes?: ProbeOutcomes; clock: Clock },
): void {
  const { context } = run;
  const to = latestInstant(run, clock.now());
  // What comes in the instant itself, before or after this pass, is the next tick's.
  const known = probes?.outcomes(key, context.gate.name, run.foldedTo) ?? [];
  const tick = { at: to, names: [], samples: [], targets: [], probes: known.filter(({ at }) => at < to) };
  run.gate = run.gate.fold(tick, [], context);
  run.foldedTo = to;
  run.trouble = undefined;
}

/** Stable's last hour, in one question. A source that cannot say it takes nothing from the release but that knowledge. */
async function lookBack(run: GateRun, { asks, scope, pods }: ReadDeps, to: Millis): Promise<void> {
  const { context, scrapeMs } = run;
  run.lookedBack = true;
  const { from, stepMs } = historyOf(context, to);
  const past = pastContext(context);
  const wanted = { slo: context.gate.slo, scope, scrapeMs };
  const ticks = await readTicks(asks, wanted, { from, to: to - stepMs, stepMs }).catch(() => []);
  if (run.foldedTo > 0 || run.gone) return;
  for (const tick of ticks) run.gate = run.gate.fold(tick, pods(), past);
}

/** The instants that are due, in questions of a bounded size, oldest first. */
function spansOf(run: GateRun, to: Millis): Span[] {
  const stepMs = run.context.tickMs;
  if (run.foldedTo === 0) return [{ from: to, to, stepMs }];
  const base = Math.ceil(run.foldedTo / stepMs) * stepMs;
  const spans: Span[] = run.unprimed ? [{ from: base, to: base, stepMs }] : [];
  const first = Math.max(base + stepMs, to - (MAX_MISSED - 1) * stepMs);
  for (let from = first; from <= to; from += MAX_INSTANTS * stepMs) {
    spans.push({ from, to: Math.min(to, from + (MAX_INSTANTS - 1) * stepMs), stepMs });
  }
  return spans;
}

/** A query that failed. The counters go on in the source, so nothing of the evidence is lost. */
export function failRun(run: GateRun, error: unknown): void {
  const down = hasCode(error, 'SOURCE_UNREACHABLE', 'SOURCE_THROTTLED');
  const message = error instanceof Error ? error.message : 'the source could not be read';
  run.trouble = { verdict: 'Error', cause: down ? 'SourceDown' : 'BadQuery', message };
}

/** No MetricSource of the name that the objective gives. */
export function withoutSource(run: GateRun): void {
  const { name, source } = run.context.gate.slo;
  const message =
    source === undefined
      ? `there is no default MetricSource; mark one as the default, or name one in source of ServiceLevelObjective ${name}`
      : `MetricSource ${source} does not exist; ServiceLevelObjective ${name} names it in source`;
  run.trouble = { verdict: 'Error', cause: 'SourceDown', message };
}

/** What the gate says now, and what is told beside it. */
export function readingOf(run: GateRun, now: Millis): GateReading {
  const reading = judgedOf(run, now);
  // While the gate cannot be read, what was earned when it last could is no figure of now.
  return run.trouble === undefined ? withSeason(reading, run.season?.season) : reading;
}

/** A breach stands whatever becomes of the source: evidence does not go away with it. */
function judgedOf(run: GateRun, now: Millis): GateReading {
  const judged = heldBySampleRatio(run.gate.judge(run.context, now), run.context);
  const reading = run.cost === undefined ? judged : { ...judged, cost: run.cost };
  const trouble = isBlurred(run) ? blurred : isSetBack(run, now) ? setBack : run.trouble;
  if (trouble === undefined || reading.verdict === 'Fail') return reading;
  return { ...reading, ...trouble, stable: 'Unknown' };
}

function isSetBack(run: GateRun, now: Millis): boolean {
  return latestInstant(run, now) < run.foldedTo - LATE_TICKS * run.context.tickMs;
}
