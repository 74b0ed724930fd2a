import type { Counts } from '#core/gate.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { bitsOf, doublesOf } from './bits.ts';
import { DIPS } from './bounds.ts';
import { noCounts } from './burn.ts';
import type { CountState } from './count.ts';
import { type Dispersion, noDispersion } from './dispersion.ts';
import type { StopTest } from './eprocess.ts';
import { noPairs, noScale, type PairedSums, type Scale } from './paired-ratio.ts';
import type { ArmCounts } from './samples.ts';

/** Everything the business gate knows. In its counts `total` are exposures and `bad` events, or the value that came. */
export interface BusinessGate extends CountState {
  /** Weight at the last tick counted, and until when events of another share of the traffic may still come. */
  readonly weight: Weight;
  readonly heldUntil: Millis;
  /** Exposures per second of the last tick, and the end of the last tick in which stable had any. */
  readonly rps: number;
  readonly exposedAt: Millis;
  /** Since the attempt began, and since the step arrived; held ticks are in neither. */
  readonly all: ArmCounts;
  readonly step: ArmCounts;
  /** Events: evidence by counts. No test before the first tick, because the SLI gives its grid. */
  readonly stop?: StopTest;
  readonly advance: number;
  /** Values: evidence by pairs of ticks. */
  readonly pairs: PairedSums;
  readonly stepPairs: PairedSums;
  readonly scale: Scale;
  readonly dispersion: Dispersion;
  /** A stop stands until the attempt ends. */
  readonly firedAt?: Millis;
}

export function startBusiness(): BusinessGate {
  const clock = { startedAt: 0, at: 0, weight: 0, heldUntil: 0, rps: 0, exposedAt: 0 };
  return { epoch: '', stepEpoch: '', ...clock, ...freshAttempt(), scale: noScale, dispersion: noDispersion };
}

export function freshAttempt() {
  return { ...freshStep(), ticks: 0, all: noCounts, pairs: noPairs };
}

export function freshStep() {
  return { step: noCounts, advance: 0, stepPairs: noPairs };
}

const VERSION = 'b1';
const FLOATS = 38;

interface Saved {
  v: string;
  /** epoch, and what stepEpoch has beyond it */
  e: [string, string];
  /** float64 bits in base64, in the order of `floatsOf`, then the logs of the stop test */
  f: string;
}

export function saveBusiness(state: BusinessGate): string {
  const { epoch, stepEpoch, stop } = state;
  const rest = stepEpoch.startsWith(epoch) ? stepEpoch.slice(epoch.length) : '';
  const saved: Saved = {
    v: VERSION,
    e: [epoch, rest],
    f: bitsOf(new Float64Array([...floatsOf(state), ...(stop?.logs ?? [])])),
  };
  return JSON.stringify(saved);
}

function floatsOf(state: BusinessGate): number[] {
  const { startedAt, at, ticks, weight, heldUntil, rps, exposedAt, advance, stop, firedAt, scale, dispersion } = state;
  const counts = [state.all, state.step].flatMap(({ canary, stable }) => [canary, stable]);
  return [
    ...[startedAt, at, ticks, weight, heldUntil, rps, exposedAt, advance, stop?.starts ?? 0, firedAt ?? 0],
    ...counts.flatMap(({ total, bad }) => [total, bad]),
    ...[scale.ticks, scale.exposure, scale.value, scale.spread],
    ...[dispersion.ticks, dispersion.squares, dispersion.expected, dispersion.freedom],
    ...[state.pairs, state.stepPairs].flatMap((pairs) => [
      ...[pairs.ticks, pairs.canary, pairs.stable],
      ...[pairs.canarySquares, pairs.stableSquares, pairs.products],
    ]),
  ];
}

/** The state that `saveBusiness` wrote; undefined for anything else: then the gate starts again. */
export function loadBusiness(text: string): BusinessGate | undefined {
  const saved = parse(text);
  const floats = doublesOf(saved?.f) ?? [];
  const logs = floats.slice(FLOATS);
  const whole = floats.length >= FLOATS && floats.every(Number.isFinite) && [0, DIPS.count].includes(logs.length);
  if (saved === undefined || !whole) return undefined;
  const next = reader(floats);
  const [epoch, rest] = saved.e;
  const clock = { startedAt: next(), at: next(), ticks: next(), weight: next(), heldUntil: next() };
  const lately = { rps: next(), exposedAt: next(), advance: next() };
  const [starts, firedAt] = [next(), next()];
  const counts = (): Counts => ({ total: next(), bad: next() });
  const arms = (): ArmCounts => ({ canary: counts(), stable: counts() });
  const sums = { all: arms(), step: arms() };
  const scale: Scale = { ticks: next(), exposure: next(), value: next(), spread: next() };
  const dispersion: Dispersion = { ticks: next(), squares: next(), expected: next(), freedom: next() };
  const pairs = (): PairedSums => ({
    ...{ ticks: next(), canary: next(), stable: next() },
    ...{ canarySquares: next(), stableSquares: next(), products: next() },
  });
  return {
    ...{ epoch, stepEpoch: epoch + rest, ...clock, ...lately, ...sums, scale, dispersion },
    ...{ pairs: pairs(), stepPairs: pairs() },
    ...(logs.length === 0 ? {} : { stop: { logs, starts } }),
    ...(firedAt === 0 ? {} : { firedAt }),
  };
}

/** Object members are evaluated in the order in which they stand, so each call reads the next number. */
function reader(floats: readonly number[]): () => number {
  let index = 0;
  return () => {
    index += 1;
    return floats[index - 1] ?? 0;
  };
}

function parse(text: string): Saved | undefined {
  try {
    const saved: Saved = JSON.parse(text);
    return saved.v === VERSION && saved.e.every((part) => typeof part === 'string') ? saved : undefined;
  } catch {
    return undefined;
  }
}
