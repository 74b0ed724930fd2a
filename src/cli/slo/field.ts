import { isRecord } from '#lib/json.ts';

/**
 * A document is read through fields that remember where they stand. Whatever is read, lost or refused is settled; what
 * is left at the end nobody looked at, and it is lost too. So nothing can be dropped without being named.
 */

export type Grade =
  | 'Loss' // its meaning has no place in what is written
  | 'Remark'; // it is not written, and nothing is missing without it

/** One field of the input, and what became of it. */
export interface Finding {
  /** File and number of the document. */
  document: string;
  field: string;
  grade: Grade;
  why: string;
}

/** A finding that forbids any output: `why` says what to change. */
export type Refusal = Omit<Finding, 'grade'>;

/** One object of the input with everything that was found out about it. */
export interface Page {
  document: string;
  findings: Finding[];
  refusals: Refusal[];
  /** Paths whose whole value is accounted for, and those that hold such a path. */
  settled: Set<string>;
  touched: Set<string>;
}

export interface Field {
  readonly page: Page;
  readonly path: string;
  readonly value: unknown;
  readonly parent?: Field;
}

/** The outermost field of a new page. `path` is where the object stands in its document: empty, or in a list. */
export function openPage(document: string, value: unknown, path = ''): Field {
  return { page: { document, findings: [], refusals: [], settled: new Set(), touched: new Set() }, path, value };
}

/** The field behind `keys`; its value is undefined where there is none. */
export function at(field: Field, ...keys: string[]): Field {
  return keys.reduce((here, key) => {
    const value = isRecord(here.value) && Object.hasOwn(here.value, key) ? here.value[key] : undefined;
    return { page: here.page, path: join(here.path, key), value, parent: here };
  }, field);
}

/** The first of several spellings of a key that is there; else the first. */
export function oneOf(field: Field, first: string, ...others: string[]): Field {
  return [first, ...others].map((key) => at(field, key)).find(isThere) ?? at(field, first);
}

export function members(field: Field): Field[] {
  if (!Array.isArray(field.value)) return [];
  const { page, path } = field;
  return field.value.map((value: unknown, index) => ({ page, path: `${path}[${index}]`, value, parent: field }));
}

export function isThere({ value }: Field): boolean {
  return value !== undefined && value !== null;
}

/** Its text, which is then accounted for; a number counts as its shortest text. */
export function textOf(field: Field): string | undefined {
  const { value } = field;
  if (typeof value !== 'string' && !(typeof value === 'number' && Number.isFinite(value))) return undefined;
  settle(field);
  return String(value);
}

/** Its value for a message: on one line, and no longer than one reads. */
export function shown({ value }: Field): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  const line = text.replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

/** Says that the value, with all that it holds, is accounted for. */
export function settle(field: Field): void {
  field.page.settled.add(field.path);
  for (let here: Field | undefined = field; here !== undefined; here = here.parent) here.page.touched.add(here.path);
}

/** Says what becomes of a field. The same is said once. */
export function note(field: Field, grade: Grade, why: string): void {
  if (!isThere(field)) return;
  settle(field);
  const { document, findings } = field.page;
  if (findings.some((known) => known.field === nameOf(field) && known.why === why)) return;
  findings.push({ document, field: nameOf(field), grade, why });
}

export function refuse(field: Field, why: string): undefined {
  settle(field);
  const { document, refusals } = field.page;
  if (refusals.some((known) => known.field === nameOf(field) && known.why === why)) return;
  refusals.push({ document, field: nameOf(field), why });
}

/** Why fields whose path (without the numbers of list members) matches have no place. The first that fits is told. */
export interface Reason {
  path: RegExp;
  why: string;
  grade?: Grade;
}

const UNKNOWN = 'a ServiceLevelObjective has no such field';

/** Names as lost what nobody has settled: as a whole, where no part of it was. */
export function sweep(field: Field, reasons: readonly Reason[]): void {
  const { page, path, value } = field;
  if (page.settled.has(path) || isEmpty(value)) return;
  if (page.touched.has(path)) {
    for (const inner of partsOf(field)) sweep(inner, reasons);
    return;
  }
  const general = path.replace(/\[\d+\]/g, '[]').replace(/^items\[\]\./, '');
  const reason = reasons.find((known) => known.path.test(general));
  note(field, reason?.grade ?? 'Loss', reason?.why ?? UNKNOWN);
}

function partsOf(field: Field): Field[] {
  if (Array.isArray(field.value)) return members(field);
  return isRecord(field.value) ? Object.keys(field.value).map((key) => at(field, key)) : [];
}

/** Holds nothing that could be lost. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  if (Array.isArray(value)) return value.every(isEmpty);
  return isRecord(value) && Object.values(value).every(isEmpty);
}

function nameOf({ path }: Field): string {
  return path === '' ? '.' : path;
}

function join(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
