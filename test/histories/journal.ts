import type { Effect } from '#core/effect.ts';
import type { GateReading } from '#core/gate.ts';
import type { State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import type { PodInfo, TickSamples } from '#gates/samples.ts';
import type { Millis } from '#lib/units.ts';

/**
 * The text of a history: one JSON value a line. The first says what it is; each other one holds what was observed, as a
 * merge patch (RFC 7396) on what was observed before, and what was decided, as a merge patch on the decision before.
 */

/** What makes a history: where it came from, and what replaying needs beside the observations. */
export interface Header {
  history: string;
  about: string;
  /** What the code that recorded it was told of the world. */
  from: string;
  /** State of the operator before the first line. */
  state: State;
  /** What the gates knew, by name, as they were saved. */
  gates: Record<string, string>;
  budget: { targetSpend: number; maxSpend: number };
  tickMs: Millis;
  scrapeMs: Millis;
}

/** A tick of the source, or a pass of the operator. */
export interface Observed {
  at: Millis;
  /** Samples of each gate that has a new tick. */
  ticks?: Record<string, TickSamples>;
  pods?: readonly PodInfo[];
  /** The operator starts again, with what it had stored. */
  restart?: boolean;
  /** Undefined at a tick. */
  seen?: Omit<Seen, 'gates'>;
}

/** What is compared. Sentences are left out: they may be put in better words without a reason. */
export interface Decided {
  readings?: Pick<GateReading, 'verdict' | 'cause' | 'stable'>[];
  state?: unknown;
  effects?: readonly unknown[];
  requeueAt?: Millis;
}

export interface Line {
  see: Observed;
  do: Decided;
}

/** Members that hold sentences, and what changes with each look and decides nothing by itself. */
const SENTENCES = new Set(['message', 'why', 'earlierBreach', 'exposure']);

/** A value without its sentences, with numbers that another processor computes alike. */
export function told(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(9));
  if (Array.isArray(value)) return value.map(told);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) =>
      SENTENCES.has(key) || member === undefined ? [] : [[key, told(member)]],
    ),
  );
}

export function decidedOf(parts: {
  readings: readonly GateReading[];
  next: State;
  effects: readonly Effect[];
  requeueAt: Millis | undefined;
}): Decided {
  const readings = parts.readings.map(({ verdict, cause, stable }) =>
    cause === undefined ? { verdict, stable } : { verdict, cause, stable },
  );
  const decided = { readings, state: told(parts.next), effects: parts.effects.map(told) };
  return parts.requeueAt === undefined ? decided : { ...decided, requeueAt: parts.requeueAt };
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Lists whose members have names are written as objects by name, so that a patch holds what changed alone. */
const NAMED: Record<string, string> = { samples: 'process', pods: 'pod', targets: 'pod' };

function packed(value: unknown, key = ''): Json {
  if (typeof value === 'number' && !Number.isFinite(value)) return `#${value}`;
  if (Array.isArray(value)) {
    const name = NAMED[key];
    const keyed = name !== undefined && value.every((one) => typeof one === 'object' && name in one);
    if (!keyed || value.length === 0) return value.map((one) => packed(one));
    return { '#': Object.fromEntries(value.map((one) => [String(one[name]), packed(one)])) };
  }
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === undefined ? [] : [[name, packed(member, name)]])),
  );
}

function unpacked(value: Json): unknown {
  if (typeof value === 'string' && value.startsWith('#')) return Number(value.slice(1));
  if (Array.isArray(value)) return value.map(unpacked);
  if (typeof value !== 'object' || value === null) return value;
  const list = value['#'];
  if (typeof list === 'object' && list !== null) return Object.values(list).map((one) => unpacked(one as Json));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unpacked(member)]));
}

function patchOf(before: Json | undefined, after: Json): Json | undefined {
  if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
  if (!isObject(before) || !isObject(after)) return after;
  const patch: { [key: string]: Json } = {};
  for (const key of Object.keys(before)) if (!(key in after)) patch[key] = null;
  for (const [key, member] of Object.entries(after)) {
    const inner = patchOf(before[key], member);
    if (inner !== undefined) patch[key] = inner;
  }
  return patch;
}

function patched(before: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const after: { [key: string]: Json } = isObject(before) ? { ...before } : {};
  for (const [key, member] of Object.entries(patch)) {
    if (member === null) delete after[key];
    else after[key] = patched(after[key], member);
  }
  return after;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Ticks and passes have little in common: each kind is a patch on the last one of its kind. */
type Kind = 'tick' | 'pass' | 'restart';

function kindOf({ see }: Line): Kind {
  if (see.restart === true) return 'restart';
  return see.seen === undefined ? 'tick' : 'pass';
}

export function printHistory(header: Header, lines: readonly Line[]): string {
  const before: Partial<Record<Kind, Json>> = {};
  const patches = lines.map((line) => {
    const kind = kindOf(line);
    const after = packed(line);
    const patch = patchOf(before[kind], after) ?? {};
    before[kind] = after;
    return JSON.stringify({ [kind]: patch });
  });
  return `${[JSON.stringify(packed(header)), ...patches].join('\n')}\n`;
}

export function parseHistory(text: string): { header: Header; lines: Line[] } {
  const [first = '', ...rest] = text.trimEnd().split('\n');
  const known: Partial<Record<Kind, Json>> = {};
  const lines = rest.map((line) => {
    const [entry] = Object.entries(JSON.parse(line) as Record<Kind, Json>);
    const [kind, patch] = entry as [Kind, Json];
    const after = patched(known[kind], patch);
    known[kind] = after;
    return unpacked(after) as Line;
  });
  return { header: unpacked(JSON.parse(first) as Json) as Header, lines };
}
