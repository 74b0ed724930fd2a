import { canonicalJson, isRecord } from '#lib/json.ts';
import type { Structural } from '#schema/structural.ts';
import type { FieldError } from './refused.ts';

/** The schemas of CRDs at work: what is unknown, what is filled in, what is wrong, in the API server's words. */

export type Schema = Structural;
export type Rule = NonNullable<Structural['x-kubernetes-validations']>[number];

export function at(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

/**
 * Parts of stored objects, by their schema: complete and right. Objects of the store never change and writes share what they
 * do not touch, so most of each write was looked at before.
 */
const settled = new WeakMap<Schema, WeakSet<object>>();

/** Says that the value, complete as it is, was found right: it is not looked at again. */
export function settle(value: unknown, schema: Schema | undefined): void {
  if (schema === undefined || !isRecord(value)) return;
  const known = settled.get(schema) ?? new WeakSet();
  known.add(value);
  settled.set(schema, known);
}

export function isSettled(value: object, schema: Schema): boolean {
  return settled.get(schema)?.has(value) === true;
}

/**
 * The value without what the schema does not know; its places are added to `unknown`. What loses nothing is not copied, so
 * that a later comparison with the object it came from is quick.
 */
export function prune(value: unknown, schema: Schema, unknown: string[], path = ''): unknown {
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    return sharedList(value, (item, index) => prune(item, items, unknown, at(path, index)));
  }
  if (!isRecord(value) || isSettled(value, schema)) return value;
  const { properties, additionalProperties } = schema;
  if (properties === undefined && additionalProperties === undefined) return value;
  const kept: Record<string, unknown> = {};
  let changed = false;
  for (const key of Object.keys(value)) {
    const known = properties?.[key] ?? additionalProperties;
    if (known === undefined) unknown.push(at(path, key));
    else kept[key] = prune(value[key], known, unknown, at(path, key));
    changed ||= kept[key] !== value[key] || known === undefined;
  }
  return changed ? kept : value;
}

function sharedList(list: unknown[], effect: (item: unknown, index: number) => unknown): unknown[] {
  const mapped = list.map(effect);
  return mapped.every((item, index) => item === list[index]) ? list : mapped;
}

/**
 * The value in which every absent member with a default has it; not copied where none was absent. Null counts as absent
 * where null is not allowed.
 */
export function fillDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : sharedList(value, (item) => fillDefaults(item, items));
  }
  if (!isRecord(value) || isSettled(value, schema)) return value;
  const { properties = {}, additionalProperties } = schema;
  const filled: Record<string, unknown> = { ...value };
  for (const key in properties) {
    const member = properties[key] ?? {};
    const given = filled[key] ?? defaultOf(member) ?? filled[key];
    if (given !== undefined) filled[key] = fillDefaults(given, member);
  }
  if (additionalProperties !== undefined)
    for (const key of Object.keys(filled)) filled[key] = fillDefaults(filled[key], additionalProperties);
  return Object.keys(filled).every((key) => filled[key] === value[key]) ? value : filled;
}

/** A copy for each object; few members have one, and a copy of nothing takes time too. */
function defaultOf({ default: given }: Schema): unknown {
  return typeof given === 'object' ? structuredClone(given) : given;
}

/** After these the API server looks no further: rules would only repeat them. */
const BLOCKING = new Set([
  'FieldValueRequired',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

export function isBlocking({ reason }: FieldError): boolean {
  return BLOCKING.has(reason);
}

/** Everything that is wrong with a value's shape. */
export function checkShape(value: unknown, schema: Schema, path: string): FieldError[] {
  const mistyped = typeError(value, schema, path);
  if (mistyped !== undefined) return [mistyped];
  if (typeof value === 'string') return checkString(value, schema, path);
  if (typeof value === 'number') return checkNumber(value, schema, path);
  if (Array.isArray(value)) return checkList(value, schema, path);
  return isRecord(value) && !isSettled(value, schema) ? checkMembers(value, schema, path) : [];
}

function invalid(path: string, value: unknown, says: string): FieldError {
  const said = isRecord(value) || Array.isArray(value) ? '' : `${JSON.stringify(value)}: `;
  return { field: path, reason: 'FieldValueInvalid', text: `Invalid value: ${said}${says}` };
}

function typeNameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function typeError(value: unknown, schema: Schema, path: string): FieldError | undefined {
  const found = typeNameOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (found === 'integer' || found === 'string') return undefined;
    return mistyped(path, found, 'integer,string');
  }
  if (schema.type === undefined || schema.type === found) return undefined;
  return mistyped(path, found, schema.type);
}

function mistyped(field: string, found: string, wanted: string): FieldError {
  const text = `Invalid value: "${found}": ${field} in body must be of type ${wanted}: "${found}"`;
  return { field, reason: 'FieldValueTypeInvalid', text };
}

function checkString(value: string, { enum: words, pattern, minLength = 0, maxLength }: Schema, path: string) {
  const errors: FieldError[] = [];
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength)
    errors.push({
      field: path,
      reason: 'FieldValueTooLong',
      text: `Too long: may not be more than ${maxLength} bytes`,
    });
  if (length < minLength)
    errors.push(invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  if (pattern !== undefined && !new RegExp(pattern).test(value))
    errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
  if (words !== undefined && !words.includes(value)) {
    const known = words.map((word) => JSON.stringify(word)).join(', ');
    const text = `Unsupported value: ${JSON.stringify(value)}: supported values: ${known}`;
    errors.push({ field: path, reason: 'FieldValueNotSupported', text });
  }
  return errors;
}

function checkNumber(value: number, { minimum, maximum }: Schema, path: string): FieldError[] {
  if (minimum !== undefined && value < minimum)
    return [invalid(path, value, `${path} in body should be greater than or equal to ${minimum}`)];
  if (maximum !== undefined && value > maximum)
    return [invalid(path, value, `${path} in body should be less than or equal to ${maximum}`)];
  return [];
}

function checkList(list: unknown[], schema: Schema, path: string): FieldError[] {
  const { items = {}, minItems = 0, maxItems } = schema;
  const errors: FieldError[] = [];
  if (maxItems !== undefined && list.length > maxItems) errors.push(tooMany(path, list.length, maxItems));
  if (list.length < minItems)
    errors.push(invalid(path, list.length, `${path} in body should have at least ${minItems} items`));
  for (const [index, item] of list.entries()) errors.push(...checkShape(item, items, at(path, index)));
  return [...errors, ...duplicates(list, schema, path)];
}

function tooMany(field: string, found: number, most: number): FieldError {
  return { field, reason: 'FieldValueTooMany', text: `Too many: ${found}: must have at most ${most} items` };
}

function duplicates(list: unknown[], schema: Schema, path: string): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'];
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'set' && keys === undefined) return [];
  const seen = new Set<string>();
  return list.flatMap((item, index): FieldError[] => {
    const key = canonicalJson(keys === undefined || !isRecord(item) ? item : keyFields(item, keys));
    if (!seen.has(key)) {
      seen.add(key);
      return [];
    }
    return [{ field: at(path, index), reason: 'FieldValueDuplicate', text: `Duplicate value: ${key}` }];
  });
}

/** The members of a list item that name it. */
export function keyFields(item: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.map((key) => [key, item[key]]));
}

function checkMembers(value: Record<string, unknown>, schema: Schema, path: string): FieldError[] {
  const { properties, additionalProperties, required = [], maxProperties } = schema;
  const errors: FieldError[] = [];
  const count = Object.keys(value).length;
  if (maxProperties !== undefined && count > maxProperties) errors.push(tooMany(path, count, maxProperties));
  for (const key of required)
    if (value[key] === undefined)
      errors.push({ field: at(path, key), reason: 'FieldValueRequired', text: 'Required value' });
  for (const [key, member] of Object.entries(value)) {
    const known = properties?.[key] ?? additionalProperties;
    if (known !== undefined && member !== undefined) errors.push(...checkShape(member, known, at(path, key)));
  }
  return errors;
}
