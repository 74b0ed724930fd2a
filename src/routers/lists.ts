import { isRecord } from '#lib/json.ts';
import type { RouteObject } from './define.ts';
import type { Backend, Rule } from './rule-view.ts';

/**
 * Lists of a route as they are found. Schemas see to it that a list is one, but those of old CRDs keep anything: what is not
 * as it should be is left alone and told of, for a lens that throws stands before every lowering.
 */

/** A list's entries in their places; what is no object is an empty one, and what is no list has none. */
export function entriesOf(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.map((entry) => (isRecord(entry) ? entry : {})) : [];
}

/** The entries that are objects. */
export function recordsOf(list: unknown): Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** A list of objects, or none at all. */
export function isListOfObjects(list: unknown): boolean {
  return list === undefined || (Array.isArray(list) && list.every(isRecord));
}

/** The backends of a rule; none of a list that no lens could give back as it was. */
export function backendsOf(list: unknown): Backend[] {
  return areBackends(list) ? (list ?? []) : [];
}

/** A list of objects whose weights are numbers, or none at all. */
export function areBackends(list: unknown): list is Backend[] | undefined {
  return isListOfObjects(list) && recordsOf(list).every(({ weight = 0 }) => typeof weight === 'number' && weight >= 0);
}

/** A value as people may read it: text is itself, anything else is JSON. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

/** `rules[1]`, or `rules[1] (pay)` when the rule has a name. */
export function labelOf(place: string, index: number, name: unknown): string {
  return typeof name === 'string' ? `${place}[${index}] (${name})` : `${place}[${index}]`;
}

/** `spec`, or nothing where it is no object. */
export function specOf({ spec }: RouteObject): Record<string, unknown> {
  return isRecord(spec) ? spec : {};
}

/** The rules of a list as a kind reads them, or one rule that says that it is no list. */
export function rulesIn(
  place: string,
  list: unknown,
  read: (rule: Record<string, unknown>, index: number) => Rule,
): Rule[] {
  const short = place.replace('spec.', '');
  if (list === undefined) return [];
  if (Array.isArray(list))
    return list.map((entry, index) =>
      isRecord(entry) ? read(entry, index) : { ...read({}, index), flaw: `${short}[${index}]` },
    );
  return [{ label: place, path: `/${place.replaceAll('.', '/')}`, backends: [], content: place, flaw: place }];
}
