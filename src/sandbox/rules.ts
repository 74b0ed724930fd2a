import { isRecord, sameJson } from '#lib/json.ts';
import type { FieldError } from './refused.ts';
import { at, isSettled, keyFields, type Rule, type Schema } from './structural.ts';

/**
 * The rules beside a schema. The API server evaluates CEL; here the few forms that every kind uses are read, and what
 * remains is asked of the zod twin of each rule (`holds` in src/schema): one truth, written down next to the CEL.
 */

/** What the twin found wrong: the place, and the rule's own message. */
export type Findings = ReadonlySet<string>;

export function findingKey(field: string, message: string): string {
  return `${field}\n${message}`;
}

interface Look {
  findings: Findings;
  errors: FieldError[];
}

/** Errors of all rules of `value`; `old` is what stands there now, for rules about the change. */
export function checkRules(
  { value, old, schema, path = '' }: { value: unknown; old: unknown; schema: Schema; path?: string },
  findings: Findings,
): FieldError[] {
  const look: Look = { findings, errors: [] };
  visit({ value, old, schema, path }, look);
  return look.errors;
}

interface Node {
  value: unknown;
  old: unknown;
  schema: Schema;
  path: string;
}

function visit({ value, old, schema, path }: Node, look: Look): void {
  if (value === undefined || value === null) return;
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    const field = path + (rule.fieldPath ?? '');
    const holds = readRule(rule, value, old) ?? !look.findings.has(findingKey(field, rule.message));
    if (!holds)
      look.errors.push({
        field: field === '' ? '<nil>' : field,
        reason: 'FieldValueInvalid',
        text: textOf(value, rule),
      });
  }
  if (Array.isArray(value)) visitList({ value, old, schema, path }, look);
  else if (isRecord(value) && !(value === old && isSettled(value, schema)))
    visitMembers({ value, old, schema, path }, look);
}

/** Objects and lists are not quoted. */
function textOf(value: unknown, { message }: Rule): string {
  return isRecord(value) || Array.isArray(value)
    ? `Invalid value: ${message}`
    : `Invalid value: ${JSON.stringify(value)}: ${message}`;
}

function visitList({ value, old, schema, path }: Node & { value: unknown[] }, look: Look): void {
  const { items } = schema;
  if (items === undefined) return;
  const keys = schema['x-kubernetes-list-map-keys'];
  for (const [index, item] of value.entries()) {
    // Only items with a name can be told again in the list as it was.
    const before =
      keys === undefined || !Array.isArray(old) || !isRecord(item)
        ? undefined
        : old.find((one) => isRecord(one) && sameJson(keyFields(one, keys), keyFields(item, keys)));
    visit({ value: item, old: before, schema: items, path: at(path, index) }, look);
  }
}

function visitMembers({ value, old, schema, path }: Node & { value: Record<string, unknown> }, look: Look): void {
  const before = isRecord(old) ? old : {};
  for (const [key, member] of Object.entries(value)) {
    const known = schema.properties?.[key] ?? schema.additionalProperties;
    if (known !== undefined) visit({ value: member, old: before[key], schema: known, path: at(path, key) }, look);
  }
}

/** True or false where the rule has a form that is read here; undefined: ask the twin. */
function readRule({ rule }: Rule, value: unknown, old: unknown): boolean | undefined {
  if (rule === 'self == oldSelf') return old === undefined || sameJson(value, old);
  // A member that comes or goes.
  const kept = /^has\(self\.(\w+)\) == has\(oldSelf\.\1\)$/.exec(rule)?.[1];
  if (kept !== undefined) return !isRecord(old) || !isRecord(value) || kept in old === kept in value;
  const name = /^size\(self\.metadata\.name\) <= (\d+)$/.exec(rule);
  if (name !== null) return nameOf(value).length <= Number(name[1]);
  const pattern = /^self\.matches\(r(['"])(.*)\1\)$/.exec(rule)?.[2];
  if (pattern !== undefined && typeof value === 'string') return new RegExp(pattern).test(value);
  return undefined;
}

function nameOf(value: unknown): string {
  const metadata = isRecord(value) ? value['metadata'] : undefined;
  return isRecord(metadata) ? String(metadata['name'] ?? '') : '';
}
