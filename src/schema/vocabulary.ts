import * as z from 'zod';
import { DURATION_PATTERN, PERCENT_PATTERN, parseDuration, parsePercent } from '#lib/units.ts';

/**
 * The closed vocabulary of our CRDs. Each word is a zod schema that a structural schema can express, with the
 * bounds that the API server needs to price CEL rules. `toStructural` refuses everything else.
 */

/** Key of the CEL rules in a schema's metadata. */
const RULES = 'x-kubernetes-validations';

/**
 * One rule in both languages: the API server evaluates `cel`, and reading an object evaluates `holds`. Rules about
 * the change itself (`oldSelf`) have no `holds`, because a reader sees no change. `message` names the fix.
 */
export interface Rule<T> {
  cel: string;
  message: string;
  /** Member that the error is shown at, such as `.weight`; the ruled value itself by default. */
  field?: string;
  holds?: (value: T) => boolean;
}

/** Attaches rules to a schema, after those it has. */
export function ruled<S extends z.ZodType>(schema: S, ...rules: Rule<z.output<S>>[]): S {
  const before = (schema.meta()?.[RULES] ?? []) as unknown[];
  const added = rules.map(({ cel, message, field }) => ({
    rule: cel,
    message,
    ...(field === undefined ? {} : { fieldPath: field }),
  }));
  let result = schema;
  for (const { holds, message, field } of rules) {
    if (holds === undefined) continue;
    const path = field === undefined ? [] : field.split('.').slice(1);
    result = result.refine((value) => holds(value as z.output<S>), { message, path });
  }
  return result.meta({ [RULES]: [...before, ...added] });
}

/** Refuses every later change. `message` says what to do instead. */
export function immutable<S extends z.ZodType>(schema: S, message: string): S {
  return ruled(schema, { cel: 'self == oldSelf', message });
}

/** A string of at most `max` code points. */
export function text({ max, min = 0 }: { max: number; min?: number }) {
  return min === 0 ? z.string().max(max) : z.string().min(min).max(max);
}

/** A string that matches `pattern` (RE2 and JavaScript alike). `says` is what a person reads: the grammar by example. */
export function grammar({ max, pattern, says }: { max: number; pattern: RegExp; says: string }) {
  const quote = pattern.source.includes("'") ? '"' : "'";
  return ruled(z.string().max(max), {
    cel: `self.matches(r${quote}${pattern.source}${quote})`,
    message: says,
    holds: (given) => pattern.test(given),
  });
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Name of an object whose kind allows labels only, such as a Service (RFC 1123 label). */
export function label(max = 63) {
  return grammar({ max, pattern: LABEL, says: 'must be a name of lower case letters, digits and "-"' });
}

/** Name of an object, as most kinds allow it (RFC 1123 subdomain). */
export function name() {
  return grammar({ max: 253, pattern: SUBDOMAIN, says: 'must be a name of lower case letters, digits, "-" and "."' });
}

/** A Go duration without sign: `90s`, `1h30m`. Read it with `parseDuration`. */
export function duration() {
  const says = 'must be a duration such as 90s, 1m30s or 250ms';
  return grammar({ max: 32, pattern: new RegExp(DURATION_PATTERN), says });
}

/** CEL for the number in a percent that may be an int (`5`) or a string (`"0.5%"`). */
export function percentCel(value: string): string {
  return `(type(${value}) == int ? double(${value}) : double(${value}.substring(0, size(${value}) - 1)))`;
}

/** The least a percent may be: `above` leaves it out, `from` takes it in. */
type PercentBounds = { above: number; upTo: number } | { from: number; upTo: number };

/** A percent, `5` or `"0.5%"`, within its bounds. Read it with `parsePercent`. */
export function percent(given: PercentBounds & { example: string }) {
  const value = z.union([z.int(), z.string().max(8).regex(new RegExp(PERCENT_PATTERN))]);
  const { upTo } = given;
  const [least, open] = 'above' in given ? [given.above, true] : [given.from, false];
  const bounds = `p ${open ? '>' : '>='} ${least.toFixed(3)} && p <= ${upTo.toFixed(3)}`;
  const says = open ? `must be above ${least}% and at most ${upTo}%` : `must be from ${least}% to ${upTo}%`;
  return ruled(value.meta({ 'x-kubernetes-int-or-string': true }), {
    // Read once: API servers before 1.36 price each reading of an int-or-string as if it were as long as a request.
    cel: `[${percentCel('self')}].all(p, ${bounds})`,
    message: `${says}, such as ${given.example}`,
    holds: (written) => {
      const weight = parsePercent(written);
      return weight !== undefined && (open ? weight > least * 1000 : weight >= least * 1000) && weight <= upTo * 1000;
    },
  });
}

const SURGE = /^(100|[1-9][0-9]?)%$/;

/** So many pods, `5`, or a share of them in whole percent, `"10%"`, as a Deployment's maxSurge; never none. */
export function surge() {
  // By bounds and pattern alone: rules over int-or-string are dear, and steps have as many as they may.
  const value = z.union([z.int().min(1).max(10_000), z.string().max(4).regex(SURGE)]);
  return value.meta({ 'x-kubernetes-int-or-string': true });
}

/** A whole number. */
export function int({ min, max }: { min: number; max: number }) {
  return z.int().min(min).max(max);
}

/** An instant, in milliseconds since the Unix epoch. */
export function instant() {
  return int({ min: 0, max: 8_640_000_000_000_000 });
}

export function flag() {
  return z.boolean();
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words);
}

interface ListOptions {
  max: number;
  min?: number;
  /** `set`: members are unique. Keys: members are maps, unique by these keys. Otherwise the list is one value. */
  unique?: 'set' | [string, ...string[]];
}

export function list<S extends z.ZodType>(item: S, { max, min = 0, unique }: ListOptions) {
  const bounded = min === 0 ? z.array(item).max(max) : z.array(item).min(min).max(max);
  if (unique === undefined) return bounded.meta({ 'x-kubernetes-list-type': 'atomic' });
  const distinct = bounded.refine(
    (all) => isDistinct(all, unique),
    `must not have two entries of the same ${unique === 'set' ? 'value' : unique.join(', ')}`,
  );
  if (unique === 'set') return distinct.meta({ 'x-kubernetes-list-type': 'set' });
  return distinct.meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': unique });
}

function isDistinct(all: readonly unknown[], unique: 'set' | string[]): boolean {
  const keys = all.map((entry) =>
    JSON.stringify(unique === 'set' ? entry : unique.map((key) => (entry as Record<string, unknown>)[key])),
  );
  return new Set(keys).size === keys.length;
}

/** A map of at most `max` members with any keys. */
export function map<S extends z.ZodType>(value: S, { max }: { max: number }) {
  return z
    .record(z.string().max(317), value)
    .refine((given) => Object.keys(given).length <= max, `must have at most ${max} members`)
    .meta({ maxProperties: max });
}

/** An object with the members of `shape` and no others. The API server refuses or drops others; reading ignores them. */
export function group<S extends z.ZodRawShape>(shape: S) {
  return z.object(shape);
}

/** An object that another API defines: kept as it is. */
export function freeform() {
  return z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true });
}

const ROLLING = /^([1-9][0-9]{0,2}d|([0-9]{1,9}([.][0-9]{1,3})?(ms|s|m|h)){1,4})$/;
const DAY_MS = 86_400_000;

/** The length of a budget window: days (`28d`), which Go durations lack, or a Go duration. Read it with `parseWindow`. */
export function windowLength() {
  return grammar({ max: 32, pattern: ROLLING, says: 'must be days such as 28d, or a duration such as 36h' });
}

/** Milliseconds of a window length, or undefined outside its grammar. */
export function parseWindow(given: string): number | undefined {
  const days = /^([1-9][0-9]{0,2})d$/.exec(given);
  return days === null ? parseDuration(given) : Number(days[1]) * DAY_MS;
}
