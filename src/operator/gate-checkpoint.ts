import type { LiveGate } from '#gates/define.ts';
import { isRecord } from '#lib/json.ts';

const VERSION = 1;
/** In UTF-8 bytes: etcd and the Release carry them for as long as the history is kept. */
const MAX_GATE_BYTES = 1024;
const MAX_BYTES = 10_240;

/**
 * What of the gates outlives the process, as text for the Release. Counters are not in it: the source has them for the
 * same instant. A gate that has folded nothing, or does not fit, is left out: it begins anew.
 */
export function writeCheckpoint(gates: ReadonlyMap<string, LiveGate>): string {
  const saved: Record<string, string> = {};
  for (const [name, gate] of gates) {
    const text = gate.save();
    if (gate.at === 0 || Buffer.byteLength(text) > MAX_GATE_BYTES) continue;
    if (Buffer.byteLength(encode({ ...saved, [name]: text })) <= MAX_BYTES) saved[name] = text;
  }
  return encode(saved);
}

function encode(gates: Record<string, string>): string {
  return JSON.stringify({ v: VERSION, gates });
}

/** The saved gates of a checkpoint by name. What cannot be read, or is of another version, is as if it was never written. */
export function readCheckpoint(text: string): Map<string, string> {
  const root = parse(text);
  if (!isRecord(root) || root['v'] !== VERSION || !isRecord(root['gates'])) return new Map();
  return new Map(
    Object.entries(root['gates']).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
