import type { Counts } from '#core/gate.ts';
import { isRecord } from '#lib/json.ts';
import type { Millis } from '#lib/units.ts';
import { bitsOf, doublesOf } from './bits.ts';
import { RECENT_BUCKETS } from './bounds.ts';
import { noCounts, noRecent, type Recent } from './burn.ts';
import { type StopTest, startStopTest } from './eprocess.ts';
import { firstBets } from './probe-rate.ts';
import type { ArmCounts } from './samples.ts';

/** Everything the gate of probes knows. In its counts one cluster is one answer, `bad` its mean. */
export interface ProbeGate {
  readonly epoch: string;
  readonly stepEpoch: string;
  /** End of the last tick before the attempt, and of the last one counted. */
  readonly startedAt: Millis;
  readonly at: Millis;
  /** Ticks that brought answers. */
  readonly ticks: number;
  /** When the newest answer of each arm came. */
  readonly canaryAt: Millis;
  readonly stableAt: Millis;
  /** Read from a record, and nothing was answered since: what happened meanwhile nobody asked. */
  readonly loaded?: true;
  /** Since the attempt began, and since the step arrived. */
  readonly all: ArmCounts;
  readonly step: ArmCounts;
  /** ln E of the stop test at the last tick that brought answers. */
  readonly stopLogE: number;
  /** Canary's counts since the newest two later starts of the stop test, and how many have begun. */
  readonly starts: number;
  readonly late: readonly [Counts, Counts];
  /** Of the checks that both arms answered differently: how often the canary was the worse and the better one. */
  readonly worse: number;
  readonly better: number;
  /** Stop test of those; it decides where `paired` is asked for. */
  readonly stop: StopTest;
  /** Advance test since the step arrived. */
  readonly bets: readonly number[];
  readonly recent: Recent;
  /** Bit k: the canary has answered check k rightly in this attempt. */
  readonly passed: number;
  /** What was wrong with the canary's newest wrong answer. */
  readonly fault: string;
  /** A stop stands until the attempt ends. */
  readonly firedAt?: Millis;
}

export function startProbeGate(): ProbeGate {
  return { epoch: '', stepEpoch: '', startedAt: 0, at: 0, recent: noRecent, ...freshAttempt() };
}

export function freshAttempt() {
  const pairs = { worse: 0, better: 0, stop: startStopTest() };
  const { canary: none } = noCounts;
  const late: ProbeGate['late'] = [none, none];
  return {
    ...freshStep(),
    ...pairs,
    stopLogE: 0,
    starts: 0,
    late,
    ticks: 0,
    canaryAt: 0,
    stableAt: 0,
    all: noCounts,
    passed: 0,
    fault: '',
  };
}

export function freshStep() {
  return { step: noCounts, bets: firstBets };
}

const VERSION = 'p1';
const FAULT_BYTES = 120;
const { length: BETS } = firstBets;
const { length: LOGS } = startStopTest().logs;
/** Numbers before those of the tests. */
const NUMBERS = 25;
const FLOATS = NUMBERS + BETS + LOGS;

interface Saved {
  v: string;
  /** epoch, and what stepEpoch has beyond it */
  e: [string, string];
  /** float64 bits in base64, in the order of `floatsOf` */
  f: string;
  /** The recent buckets, newest first: total and bad of canary and stable. Whole numbers mostly, so text is shorter. */
  r: number[];
  /** fault */
  w?: string;
}

/** At most 1 KiB of JSON. */
export function saveProbeGate(state: ProbeGate): string {
  const { epoch, stepEpoch, recent, fault } = state;
  const saved: Saved = {
    v: VERSION,
    e: [epoch, stepEpoch.startsWith(epoch) ? stepEpoch.slice(epoch.length) : ''],
    f: bitsOf(new Float64Array(floatsOf(state))),
    r: recent.buckets.flatMap(numbersOf).map((number) => Number(number.toFixed(2))),
    ...(fault === '' ? {} : { w: cut(fault) }),
  };
  return JSON.stringify(saved);
}

/** In the space that JSON takes: what it would escape is left out. */
function cut(fault: string): string {
  return fault.replace(/[^ !#-[\]-~]/g, '').slice(0, FAULT_BYTES);
}

function floatsOf(state: ProbeGate): number[] {
  const { startedAt, at, ticks, canaryAt, stableAt, worse, better, passed, firedAt, stop, recent } = state;
  return [
    ...[startedAt, at, ticks, canaryAt, stableAt, worse, better, passed],
    ...[firedAt ?? 0, stop.starts, recent.bucket, state.starts, state.stopLogE],
    ...state.late.flatMap(({ total, bad }) => [total, bad]),
    ...[state.all, state.step].flatMap(numbersOf),
    ...state.bets,
    ...stop.logs,
  ];
}

function numbersOf({ canary, stable }: ArmCounts): number[] {
  return [canary, stable].flatMap(({ total, bad }) => [total, bad]);
}

/** The state that `saveProbeGate` wrote; undefined for anything else: then the gate starts again. */
export function loadProbeGate(text: string): ProbeGate | undefined {
  const saved = parse(text);
  const floats = doublesOf(saved?.f) ?? [];
  if (saved === undefined || floats.length !== FLOATS || !floats.every(Number.isFinite)) return undefined;
  const [startedAt = 0, at = 0, ticks = 0, canaryAt = 0, stableAt = 0, worse = 0, better = 0, passed = 0] = floats;
  const [firedAt = 0, begun = 0, bucket = 0, starts = 0, stopLogE = 0] = floats.slice(8);
  const [late = noCounts, all = noCounts, step = noCounts] = armsOf(floats.slice(13, NUMBERS));
  const [epoch, rest] = saved.e;
  return {
    ...{ epoch, stepEpoch: epoch + rest, startedAt, at, ticks, canaryAt, stableAt, all, step, worse, better, passed },
    ...{ stopLogE, starts, late: [late.canary, late.stable] },
    bets: floats.slice(NUMBERS, NUMBERS + BETS),
    stop: { logs: floats.slice(NUMBERS + BETS), starts: begun },
    recent: { bucket, buckets: armsOf(saved.r).slice(0, RECENT_BUCKETS) },
    fault: saved.w ?? '',
    loaded: true,
    ...(firedAt === 0 ? {} : { firedAt }),
  };
}

function armsOf(numbers: readonly number[]): ArmCounts[] {
  const counts = (from: number): Counts => ({ total: numbers[from] ?? 0, bad: numbers[from + 1] ?? 0 });
  return Array.from({ length: Math.floor(numbers.length / 4) }, (_, index) => ({
    canary: counts(4 * index),
    stable: counts(4 * index + 2),
  }));
}

function parse(text: string): Saved | undefined {
  try {
    const saved: unknown = JSON.parse(text);
    if (!isRecord(saved) || saved['v'] !== VERSION) return undefined;
    const { e, f, r, w = '' } = saved;
    if (!Array.isArray(e) || !Array.isArray(r) || typeof f !== 'string' || typeof w !== 'string') return undefined;
    const [epoch, rest] = e;
    if (typeof epoch !== 'string' || typeof rest !== 'string' || !r.every(Number.isFinite)) return undefined;
    return { v: VERSION, e: [epoch, rest], f, r, w };
  } catch {
    return undefined;
  }
}
