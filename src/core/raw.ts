import { isRecord } from '#lib/json.ts';
import type { Millis, Weight } from '#lib/units.ts';
import { parseDuration, parsePercent } from '#lib/units.ts';

/**
 * Reads fields of objects that other versions of Headgate may have written: whatever is absent, or of
 * another type than we know, reads as undefined or empty and never throws.
 */
export type Raw = { readonly [field: string]: unknown };

const NOTHING: Raw = {};

/** The object behind a path of fields, empty when there is none. */
export function record(value: unknown, ...path: string[]): Raw {
  let here = value;
  for (const field of path) here = isRecord(here) ? here[field] : undefined;
  return isRecord(here) ? here : NOTHING;
}

/** The members of a list that are objects. */
export function records(value: unknown): Raw[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

/** A finite number; NaN and the infinities do not survive JSON and mean nothing here. */
export function figure(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** An instant: milliseconds, or RFC 3339 as Kubernetes writes it. */
export function instant(value: unknown): Millis | undefined {
  if (typeof value === 'number') return figure(value);
  // biome-ignore lint/style/noRestrictedGlobals: parsing a text reads no clock
  const parsed = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}

/** A length of time: milliseconds, or a Go duration. */
export function span(value: unknown): Millis | undefined {
  return typeof value === 'string' ? parseDuration(value) : figure(value);
}

/** A weight as people write it (`20`, `"20%"`), in 1/100,000. */
export function percent(value: unknown): Weight | undefined {
  return typeof value === 'number' || typeof value === 'string' ? parsePercent(value) : undefined;
}

/** A share of one: as a number, or in percent as status prints it (`"0.3%"` is 0.003). */
export function share(value: unknown): number | undefined {
  if (typeof value === 'number') return figure(value);
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?(?:e-?\d+)?) ?%?$/.exec(value) : null;
  return match === null ? undefined : Number(match[1]) / 100;
}

/** The entry itself without its undefined members, as `exactOptionalPropertyTypes` wants it. */
export function present<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  const there: Partial<T> = {};
  for (const key in value) if (value[key] !== undefined) there[key] = value[key];
  return there as T;
}
