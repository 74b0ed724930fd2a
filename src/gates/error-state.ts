import type { Cause, Counts } from '#core/gate.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { bitsOf, doublesOf } from './bits.ts';
import { noCounts, noRecent, type Recent } from './burn.ts';
import type { CountState } from './count.ts';
import { type Dispersion, noDispersion } from './dispersion.ts';
import { type StopTest, startStopTest } from './eprocess.ts';
import { type Influence, loadInfluence, noInfluence, type SavedInfluence, saveInfluence } from './influence.ts';
import { emptyLedger, type Ledger } from './ledger.ts';
import type { ArmCounts } from './samples.ts';

/** Everything the error gate knows. Immutable; `saveErrorGate` leaves out what Prometheus can show again. */
export interface ErrorGate extends CountState {
  /** Weight at the last tick counted. */
  weight: Weight;
  /** Requests per second of the last tick counted, both arms. */
  rps: number;
  /** Since the attempt began. */
  all: ArmCounts;
  /** Since the step arrived, in whole ticks. */
  step: ArmCounts;
  stop: StopTest;
  /** ln P of the advance test, since the step arrived. */
  advance: number;
  /** The canary's counts while stable served nobody: what the absolute test judges. */
  alone: Counts;
  ledger: Ledger;
  /** Those of the canary's counts that were copies, whose answers no user saw. */
  copied: Counts;
  recent: Recent;
  silence: Silence;
  /** How much more stable's pods differ than chance explains. It outlives attempts: stable stays the same. */
  dispersion: Dispersion;
  influence: Influence;
  /** A stop stands until the attempt ends, whatever is seen later. */
  fired?: { cause: Cause; at: Millis };
}

/** The canary's silence since the step arrived, or since it last finished a request. */
export interface Silence {
  /** Requests that were due on it, by stable's measured traffic. */
  due: number;
  /** It finished one since the step arrived. */
  answered: boolean;
  /** Stable's requests, and the time, of the ticks in which the canary answered. */
  stable: number;
  ms: Millis;
}

export function startErrorGate(): ErrorGate {
  return {
    ...freshAttempt(),
    epoch: '',
    stepEpoch: '',
    startedAt: 0,
    at: 0,
    weight: 0,
    rps: 0,
    recent: noRecent,
    dispersion: noDispersion,
  };
}

/** The parts of the state that begin again with an attempt. */
export function freshAttempt() {
  return {
    ...freshStep(),
    ticks: 0,
    all: noCounts,
    stop: startStopTest(),
    alone: noCounts.canary,
    ledger: emptyLedger,
    copied: noCounts.canary,
    influence: noInfluence,
  };
}

/** The parts of the state that begin again with a step. */
export function freshStep() {
  return { step: noCounts, advance: 0, silence: { due: 0, answered: false, stable: 0, ms: 0 } };
}

const VERSION = 1;
/** Numbers besides the logs of the stop test, and integers. */
const FLOATS = 5;
const NUMBERS = 8;

interface Saved {
  v: number;
  /** epoch, and what stepEpoch has beyond it */
  e: [string, string];
  /** startedAt, at, ticks, weight, starts, newest bucket, answered, fired at */
  n: number[];
  /** all, step, alone and the buckets, as pairs of total and bad */
  c: number[];
  /** float64 bits in base64: logs of the stop test, advance, charged, net, due, rps */
  f: string;
  fired?: Cause;
  /** float64 bits: the dispersion's sums. Left out by earlier versions: nothing is known of it. */
  d?: string;
  /** Stable's requests and time while the canary answered. Left out by earlier versions. */
  q?: [stable: number, ms: Millis];
  /** The source of the excess, while there is a main one. */
  i?: SavedInfluence;
  /** Copies, total and bad. Left out where there were none, and by earlier versions. */
  m?: [total: number, bad: number];
}

/** At most 1 KiB of JSON; `loadErrorGate` reads it back bit by bit. */
export function saveErrorGate(state: ErrorGate): string {
  const { epoch, stepEpoch, stop, ledger, recent, silence, fired, dispersion } = state;
  const source = saveInfluence(state.influence);
  const arms = [state.all, state.step, ...recent.buckets].flatMap(({ canary, stable }) => [canary, stable]);
  const numbers = [state.startedAt, state.at, state.ticks, state.weight, stop.starts, recent.bucket];
  const saved: Saved = {
    v: VERSION,
    e: stepEpoch.startsWith(epoch) ? [epoch, stepEpoch.slice(epoch.length)] : [epoch, ''],
    n: [...numbers, silence.answered ? 1 : 0, fired?.at ?? 0],
    c: [state.alone, ...arms].flatMap(({ total, bad }) => [total, bad]),
    f: bitsOf(new Float64Array([...stop.logs, state.advance, ledger.charged, ledger.net, silence.due, state.rps])),
    ...(fired === undefined ? {} : { fired: fired.cause }),
    d: bitsOf(new Float64Array([dispersion.ticks, dispersion.squares, dispersion.expected, dispersion.freedom])),
    q: [silence.stable, silence.ms],
    ...(source === undefined ? {} : { i: source }),
    ...(state.copied.total > 0 ? { m: [state.copied.total, state.copied.bad] } : {}),
  };
  return JSON.stringify(saved);
}

/**
 * The state that `saveErrorGate` wrote; undefined for anything else, e.g. the text of another version: then the gate
 * starts again. The first tick folded into it only sets the bases, so it should be the one at `at`. `size` is the number
 * of logs that the stop test has in the text.
 */
export function loadErrorGate(text: string, size: number = startStopTest().logs.length): ErrorGate | undefined {
  const saved = parse(text);
  if (saved === undefined) return undefined;
  const floats = doublesOf(saved.f) ?? [];
  const [alone, ...pairs] = pairsOf(saved.c);
  const [all, step, ...buckets] = armsOf(pairs);
  const whole =
    floats.length === size + FLOATS && saved.n.length === NUMBERS && [...floats, ...saved.n].every(Number.isFinite);
  if (!whole || alone === undefined || all === undefined || step === undefined) return undefined;
  const [advance = 0, charged = 0, net = 0, due = 0, rps = 0] = floats.slice(size);
  const [startedAt = 0, at = 0, ticks = 0, weight = 0, starts = 0, bucket = 0, answered = 0, firedAt = 0] = saved.n;
  const [epoch, rest] = saved.e;
  return {
    ...{ epoch, stepEpoch: epoch + rest, startedAt, at, ticks, weight, rps, all, step, advance, alone },
    stop: { logs: floats.slice(0, size), starts },
    ledger: { charged, net },
    recent: { bucket, buckets },
    silence: { due, answered: answered === 1, ...answeredOf(saved.q) },
    dispersion: dispersionOf(saved.d),
    influence: loadInfluence(saved.i),
    copied: copiedOf(saved.m),
    ...(saved.fired === undefined ? {} : { fired: { cause: saved.fired, at: firedAt } }),
  };
}

function parse(text: string): Saved | undefined {
  try {
    const saved: Saved = JSON.parse(text);
    const whole = saved.v === VERSION && Array.isArray(saved.n) && saved.c.every(Number.isFinite);
    const named = saved.e.every((part) => typeof part === 'string');
    return whole && named ? saved : undefined;
  } catch {
    return undefined;
  }
}

function answeredOf(saved: Saved['q']): Pick<Silence, 'stable' | 'ms'> {
  const [stable = 0, ms = 0] = Array.isArray(saved) ? saved : [];
  return Number.isFinite(stable) && Number.isFinite(ms) ? { stable, ms } : { stable: 0, ms: 0 };
}

function copiedOf(saved: Saved['m']): Counts {
  const [total = 0, bad = 0] = Array.isArray(saved) ? saved : [];
  return Number.isFinite(total) && Number.isFinite(bad) ? { total, bad } : noCounts.canary;
}

function dispersionOf(text: string | undefined): Dispersion {
  const [ticks = 0, squares = 0, expected = 0, freedom = 0] = doublesOf(text) ?? [];
  const sums = { ticks, squares, expected, freedom };
  return Object.values(sums).every(Number.isFinite) ? sums : noDispersion;
}

function pairsOf(numbers: readonly number[]): Counts[] {
  const pairs: Counts[] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    pairs.push({ total: numbers[index] ?? 0, bad: numbers[index + 1] ?? 0 });
  }
  return pairs;
}

function armsOf(pairs: readonly Counts[]): ArmCounts[] {
  const arms: ArmCounts[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    arms.push({ canary: pairs[index] ?? noCounts.canary, stable: pairs[index + 1] ?? noCounts.stable });
  }
  return arms;
}
