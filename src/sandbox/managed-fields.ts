import { sameJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import {
  type FieldSet,
  fromFieldsV1,
  leavesOf,
  overlay,
  type Path,
  spokenPath,
  toFieldsV1,
  without,
} from './field-sets.ts';
import type { Owned } from './ownership.ts';
import { type Cause, Refused } from './refused.ts';

/** Who wrote what: metadata.managedFields, kept as the API server keeps it, and server-side apply on top. */

export interface ManagedEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  /** RFC 3339, whole seconds. */
  time: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Record<string, unknown>;
  subresource?: string;
}

export interface Writer {
  manager: string;
  subresource: string | undefined;
  apiVersion: string;
  time: string;
}

/** No manager's name is longer. */
const MANAGER_MAX = 128;

/** The field manager of a request that names none: the program's name in its user agent. */
export function managerOf(fieldManager: string | null, userAgent: string | undefined): string {
  const name = fieldManager ?? (userAgent ?? 'unknown').split('/')[0] ?? 'unknown';
  return name.slice(0, MANAGER_MAX);
}

export function entriesOf({ metadata }: KubeObject): ManagedEntry[] {
  return (metadata.managedFields ?? []) as unknown as ManagedEntry[];
}

function withEntries(object: KubeObject, entries: readonly ManagedEntry[]): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  if (entries.length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, managedFields: entries as unknown as never } };
}

/** Most leaves are plain values, and objects that nobody touched are shared with the one before. */
function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && sameJson(a, b));
}

/** After a create, update or patch: what changed belongs to the writer now, and to nobody else. */
export function afterUpdate(
  { before, after }: { before: KubeObject | undefined; after: KubeObject },
  writer: Writer,
  root: Owned,
): KubeObject {
  const parts = changedParts(before, after);
  const old = before === undefined ? new Map<Path, unknown>() : leavesOf(pick(before, parts), root);
  const now = before === undefined ? bornLeaves(after, root) : leavesOf(pick(after, parts), root);
  const isThere = (path: Path) => now.has(path) || !parts.has(partOf(path));
  const changed = [...now].filter(([path, value]) => !old.has(path) || !same(old.get(path), value));
  const taken = new Set([...changed.map(([path]) => path), ...[...old.keys()].filter((path) => !now.has(path))]);
  const entries = before === undefined ? [] : entriesOf(before);
  const isMine = (entry: ManagedEntry) => isBy(entry, writer, 'Update');
  const mine = entries.find(isMine);
  const owned = new Set(changed.map(([path]) => path));
  for (const path of mine === undefined ? [] : fromFieldsV1(mine.fieldsV1)) if (isThere(path)) owned.add(path);
  const others = entries.filter((entry) => !isMine(entry)).flatMap((entry) => strip(entry, taken));
  // Taking away alone is no sign of life: the time of the entry stays.
  const time = changed.length === 0 ? mine?.time : writer.time;
  const entry = time === undefined ? undefined : entryOf({ ...writer, time }, 'Update', { owned, before: mine });
  return withEntries(after, entry === undefined || owned.size === 0 ? others : sorted([...others, entry]));
}

/** The members of the object itself that a write has touched: the leaves of all others are what they were. */
function changedParts(before: KubeObject | undefined, after: KubeObject): ReadonlySet<string> {
  const all = new Set([...Object.keys(before ?? {}), ...Object.keys(after)]);
  return before === undefined ? all : new Set([...all].filter((key) => !sameJson(before[key], after[key])));
}

function pick(object: KubeObject, parts: ReadonlySet<string>): object {
  return Object.fromEntries(Object.entries(object).filter(([key]) => parts.has(key)));
}

/** The member of the object that a path leads into. */
function partOf(path: Path): string {
  const end = path.indexOf('\n');
  return path.slice('f:'.length, end < 0 ? undefined : end);
}

/** What the server puts into the status of a new object is nobody's. */
function bornLeaves(object: KubeObject, root: Owned): Map<Path, unknown> {
  return new Map([...leavesOf(object, root)].filter(([path]) => !path.startsWith('f:status')));
}

function isBy({ manager, operation, subresource }: ManagedEntry, writer: Writer, wanted: string): boolean {
  return manager === writer.manager && operation === wanted && subresource === writer.subresource;
}

/** The entry without some places; none when nothing is left. */
function strip(entry: ManagedEntry, taken: FieldSet): ManagedEntry[] {
  const all = fromFieldsV1(entry.fieldsV1);
  const left = [...all].filter((path) => !taken.has(path));
  if (left.length === all.size) return [entry];
  return left.length === 0 ? [] : [{ ...entry, fieldsV1: toFieldsV1(left) }];
}

function entryOf(
  { manager, apiVersion, time, subresource }: Writer,
  operation: 'Apply' | 'Update',
  { owned, before }: { owned: FieldSet; before: ManagedEntry | undefined },
): ManagedEntry {
  // Who writes the same places again and again, as a status, goes on with what names them.
  const known = before !== undefined && isSame(owned, fromFieldsV1(before.fieldsV1)) ? before.fieldsV1 : undefined;
  const fieldsV1 = known ?? toFieldsV1(owned);
  const base = { manager, operation, apiVersion, time, fieldsType: 'FieldsV1' as const, fieldsV1 };
  return subresource === undefined ? base : { ...base, subresource };
}

function isSame(a: FieldSet, b: FieldSet): boolean {
  return a.size === b.size && [...a].every((path) => b.has(path));
}

/** Those who apply first, then by age; the order is total, or a write that changes nothing would look like one. */
function sorted(entries: ManagedEntry[]): ManagedEntry[] {
  const rank = ({ operation, time, manager, subresource = '' }: ManagedEntry) =>
    [operation, time, manager, subresource].join('\n');
  return entries.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

export interface Applied {
  /** What is there now; undefined when the apply creates it. */
  live: KubeObject | undefined;
  config: KubeObject;
  force: boolean;
}

/** The object after a server-side apply. Throws 409 when others own what is to change. */
export function afterApply({ live, config, force }: Applied, writer: Writer, root: Owned): KubeObject {
  const wanted = leavesOf(config, root);
  const entries = live === undefined ? [] : entriesOf(live);
  const mine = entries.find((entry) => isBy(entry, writer, 'Apply'));
  const others = entries.filter((entry) => entry !== mine);
  const has = live === undefined ? new Map<Path, unknown>() : leavesOf(live, root);
  const differs = (path: Path) => has.has(path) && !same(has.get(path), wanted.get(path));
  const contested = others.flatMap((entry) =>
    [...fromFieldsV1(entry.fieldsV1)]
      .filter((path) => wanted.has(path) && differs(path))
      .map((path) => ({ entry, path })),
  );
  if (contested.length > 0 && !force) throw applyConflict(contested);
  const owned = new Set(others.flatMap((entry) => [...fromFieldsV1(entry.fieldsV1)]));
  const dropped = [...(mine === undefined ? [] : fromFieldsV1(mine.fieldsV1))].filter(
    (path) => !wanted.has(path) && !owned.has(path),
  );
  const kept = live === undefined ? config : (without(live, new Set(dropped), root) as KubeObject);
  const merged = overlay(kept, config, root) as KubeObject;
  const taken = new Set(contested.map(({ path }) => path));
  const entry = entryOf(writer, 'Apply', { owned: new Set(wanted.keys()), before: mine });
  const unchanged =
    mine !== undefined &&
    sameJson(mine.fieldsV1, entry.fieldsV1) &&
    dropped.length === 0 &&
    ![...wanted.keys()].some((path) => !has.has(path) || differs(path));
  return withEntries(merged, sorted([...others.flatMap((other) => strip(other, taken)), unchanged ? mine : entry]));
}

function applyConflict(contested: readonly { entry: ManagedEntry; path: Path }[]): Refused {
  const causes: Cause[] = contested
    .map(({ entry, path }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${named(entry)}`,
      field: spokenPath(path),
    }))
    .sort((a, b) => (a.message + a.field < b.message + b.field ? -1 : 1));
  return new Refused({ code: 409, reason: 'Conflict', message: conflictMessage(causes), details: { causes } });
}

function named({ manager, operation, apiVersion, subresource }: ManagedEntry): string {
  const by = `"${manager}"${subresource === undefined ? '' : ` with subresource "${subresource}"`}`;
  return operation === 'Update' ? `${by} using ${apiVersion}` : by;
}

function conflictMessage(causes: readonly Cause[]): string {
  const count = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
  const [only] = causes;
  if (causes.length === 1) return `${count}: ${only?.message}: ${only?.field}`;
  const byOwner = Map.groupBy(causes, ({ message }) => message.replace(/^conflict/, 'conflicts'));
  const parts = [...byOwner].map(
    ([owner, fields]) => `${owner}:\n${fields.map(({ field }) => `- ${field}`).join('\n')}`,
  );
  return `${count}: ${parts.join('\n')}`;
}
