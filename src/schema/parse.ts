import type * as z from 'zod';
import type { Problem } from '#core/seen.ts';
import { isRecord } from '#lib/json.ts';

/** What reading an object gives: its value, or everything that is wrong with it. Reading never throws. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; problems: Problem[] };

/** Most problems of one object that are told: the rest come after these are mended. */
const PROBLEMS_MAX = 16;

/**
 * Reads one part (`spec`, `status`) of an object. An object in the cluster may be older than its schema, so each is read
 * anew; members that the schema does not know are left out.
 */
export function readPart<S extends z.ZodType>(
  object: unknown,
  part: 'spec' | 'status',
  schema: S,
): Parsed<z.output<S>> {
  const given = isRecord(object) ? object[part] : undefined;
  return readValue(given, part, schema);
}

/** Reads any value; `root` is the path that problems begin with. */
export function readValue<S extends z.ZodType>(given: unknown, root: string, schema: S): Parsed<z.output<S>> {
  const result = schema.safeParse(given, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues
    .slice(0, PROBLEMS_MAX)
    .map((issue) => ({ field: fieldOf(root, issue.path), message: sayIssue(issue) }));
  return { ok: false, problems };
}

export function failed(field: string, message: string): { ok: false; problems: Problem[] } {
  return { ok: false, problems: [{ field, message }] };
}

/** `spec` and `['steps', 0, 'weight']` → `spec.steps[0].weight`. */
function fieldOf(root: string, path: PropertyKey[]): string {
  return path.reduce<string>((at, key) => (typeof key === 'number' ? `${at}[${key}]` : `${at}.${String(key)}`), root);
}

function sayIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    return issue.input === undefined
      ? `is missing: give a value of type ${issue.expected}`
      : `must be of type ${issue.expected}`;
  }
  if (issue.code === 'invalid_union') return 'must be a whole number such as 5, or a percent such as "10%"';
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_format') return `must match ${'pattern' in issue ? String(issue.pattern) : issue.format}`;
  if (issue.code === 'too_big') return `must ${amount('at most', issue.maximum, issue.origin)}`;
  if (issue.code === 'too_small') return `must ${amount('at least', issue.minimum, issue.origin)}`;
  return issue.message;
}

function amount(most: string, bound: number | bigint, origin: string): string {
  if (origin === 'string') return `have ${most} ${bound} characters`;
  if (origin === 'array') return `have ${most} ${bound} ${Number(bound) === 1 ? 'entry' : 'entries'}`;
  return `be ${most} ${bound}`;
}
