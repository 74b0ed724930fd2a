import { bitsOf, singlesOf } from './bits.ts';
import { type ErrorGate, loadErrorGate, saveErrorGate, startErrorGate } from './error-state.ts';
import { startBoundTest } from './latency-stop.ts';
import type { ArmCounts } from './samples.ts';

/**
 * Everything the latency gate knows: all that the error gate knows, with requests slower than the threshold as the bad
 * ones, and the comparison at every bound. `stop` holds the logs of all bounds.
 */
export interface LatencyGate extends ErrorGate {
  /** Where the arms are compared in this attempt, rising; empty before the first tick. */
  bounds: readonly number[];
  /** Requests slower than each bound since the attempt began, in single precision: they are shown, and decide nothing. */
  slower: Record<keyof ArmCounts, readonly number[]>;
}

export function startLatencyGate(): LatencyGate {
  return { ...startErrorGate(), ...withBounds([]) };
}

/** A fresh comparison at these bounds. */
export function withBounds(bounds: readonly number[]): Pick<LatencyGate, 'bounds' | 'slower' | 'stop'> {
  const none = bounds.map(() => 0);
  return { bounds, slower: { canary: none, stable: none }, stop: startBoundTest(bounds.length) };
}

interface Saved {
  /** The bounds. */
  b: number[];
  /** float32 bits in base64: logs of the stop test, slower requests of the canary and of stable at each bound. */
  s: string;
}

/** At most 1 KiB of JSON; `loadLatencyGate` reads it back bit by bit. */
export function saveLatencyGate(state: LatencyGate): string {
  const { bounds, slower, stop } = state;
  const shared = JSON.parse(saveErrorGate({ ...state, stop: { ...stop, logs: [] } }));
  const saved: Saved = {
    b: [...bounds],
    s: bitsOf(new Float32Array([...stop.logs, ...slower.canary, ...slower.stable])),
  };
  return JSON.stringify({ ...shared, ...saved });
}

/** The state that `saveLatencyGate` wrote; undefined for anything else. */
export function loadLatencyGate(text: string): LatencyGate | undefined {
  const shared = loadErrorGate(text, 0);
  if (shared === undefined) return undefined;
  const saved: Partial<Saved> = JSON.parse(text);
  const bounds = saved.b;
  const floats = singlesOf(saved.s);
  if (!Array.isArray(bounds) || floats === undefined) return undefined;
  const length = startBoundTest(bounds.length).logs.length;
  const whole = floats.length === length + 2 * bounds.length && [...floats, ...bounds].every(Number.isFinite);
  if (!whole) return undefined;
  const [canary, stable] = [floats.slice(length, length + bounds.length), floats.slice(length + bounds.length)];
  return { ...shared, bounds, slower: { canary, stable }, stop: { ...shared.stop, logs: floats.slice(0, length) } };
}
