import { canonicalJson, isRecord } from '#lib/json.ts';
import type { Owned } from './ownership.ts';

/** Which members of an object somebody owns: sets of paths, and the form of managedFields (FieldsV1). */

/** One step of a path: a member `f:name`, a list item `k:{…}`, a member of a set `v:…`, or `.`, the item itself. */
type Step = string;
/** Steps joined by a line break, which no step holds. */
export type Path = string;
export type FieldSet = ReadonlySet<Path>;

const SEPARATOR = '\n';
/** What belongs to the system and to nobody. */
const UNOWNED = new Set([
  'f:apiVersion',
  'f:kind',
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'managedFields',
    'selfLink',
  ].map((member) => `f:metadata${SEPARATOR}f:${member}`),
]);

/** Every owned place of an object with what stands there. */
export function leavesOf(object: unknown, owned: Owned): Map<Path, unknown> {
  const leaves = new Map<Path, unknown>();
  walk(object, { path: '', owned }, leaves);
  for (const path of leaves.keys()) if (UNOWNED.has(path)) leaves.delete(path);
  return leaves;
}

interface Place {
  path: Path;
  owned: Owned;
}

function under(path: Path, step: Step): Path {
  return path === '' ? step : path + SEPARATOR + step;
}

function walk(value: unknown, { path, owned }: Place, leaves: Map<Path, unknown>): void {
  if (value === undefined || UNOWNED.has(path)) return;
  if (Array.isArray(value)) {
    walkList(value, { path, owned }, leaves);
  } else if (isRecord(value) && owned.ownership !== 'atomic' && Object.keys(value).length > 0) {
    for (const key of Object.keys(value))
      walk(value[key], { path: under(path, `f:${key}`), owned: owned.within(key) }, leaves);
  } else {
    leaves.set(path, value);
  }
}

function walkList(list: unknown[], { path, owned }: Place, leaves: Map<Path, unknown>): void {
  const { ownership = 'atomic' } = owned;
  if (ownership === 'atomic' || ownership === 'members') {
    leaves.set(path, list);
    return;
  }
  for (const item of list) {
    const step = under(path, itemStep(item, ownership));
    if (ownership === 'set') {
      leaves.set(step, true);
      continue;
    }
    leaves.set(under(step, '.'), true);
    walk(item, { path: step, owned: owned.within('*') }, leaves);
  }
}

/** How FieldsV1 names an item. Keys that are left out have their default, which for ports is TCP. */
export function itemStep(item: unknown, ownership: 'set' | readonly string[]): Step {
  if (ownership === 'set' || !isRecord(item)) return `v:${JSON.stringify(item)}`;
  const keys = ownership.map((key) => [key, item[key] ?? (key === 'protocol' ? 'TCP' : undefined)]);
  return `k:${canonicalJson(Object.fromEntries(keys))}`;
}

export function toFieldsV1(set: Iterable<Path>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const path of [...set].sort()) {
    let node = root;
    for (const step of path.split(SEPARATOR)) {
      const next = (node[step] ?? {}) as Record<string, unknown>;
      node[step] = next;
      node = next;
    }
  }
  return root;
}

/** Entries of managedFields never change: each is read once. */
const read = new WeakMap<object, FieldSet>();

export function fromFieldsV1(fields: object): FieldSet {
  const known = read.get(fields);
  if (known !== undefined) return known;
  const set = new Set<Path>();
  gather(fields, '', set);
  read.set(fields, set);
  return set;
}

function gather(node: unknown, path: Path, set: Set<Path>): void {
  const members = isRecord(node) ? Object.keys(node) : [];
  if (members.length === 0 && path !== '') set.add(path);
  for (const step of members) gather((node as Record<string, unknown>)[step], under(path, step), set);
}

/** `.spec.ports[port=80].name`, as conflicts name a place. */
export function spokenPath(path: Path): string {
  return path
    .split(SEPARATOR)
    .filter((step) => step !== '.')
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      if (step.startsWith('v:')) return `[=${step.slice(2)}]`;
      const keys = Object.entries(JSON.parse(step.slice(2)) as object);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    })
    .join('');
}

/** A copy of `object` without the places in `gone`; items whose `.` goes, go whole. */
export function without(object: unknown, gone: FieldSet, owned: Owned): unknown {
  return gone.size === 0 ? object : cut(object, { path: '', owned }, gone);
}

function cut(value: unknown, { path, owned }: Place, gone: FieldSet): unknown {
  if (Array.isArray(value)) {
    const { ownership } = owned;
    if (ownership === undefined || ownership === 'atomic' || ownership === 'members') return value;
    return value.flatMap((item) => {
      const step = under(path, itemStep(item, ownership));
      const key = ownership === 'set' ? step : under(step, '.');
      return gone.has(key) ? [] : [cut(item, { path: step, owned: owned.within('*') }, gone)];
    });
  }
  if (!isRecord(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const step = under(path, `f:${key}`);
    if (gone.has(step)) continue;
    const rest = cut(member, { path: step, owned: owned.within(key) }, gone);
    // What was emptied by the cut goes with it; what was empty before stays.
    const emptied = isEmpty(rest) && !isEmpty(member);
    if (!emptied) kept[key] = rest;
  }
  return kept;
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0;
}

/** `live` with everything that `applied` says: maps by member, lists by item where items have names. */
export function overlay(live: unknown, applied: unknown, owned: Owned): unknown {
  const { ownership } = owned;
  if (isRecord(live) && isRecord(applied) && ownership !== 'atomic') {
    const merged: Record<string, unknown> = { ...live };
    for (const [key, member] of Object.entries(applied)) merged[key] = overlay(live[key], member, owned.within(key));
    return merged;
  }
  const byItem = ownership !== undefined && ownership !== 'atomic' && ownership !== 'members';
  if (!byItem || !Array.isArray(live) || !Array.isArray(applied)) return applied;
  const mine = new Map(applied.map((item) => [itemStep(item, ownership), item]));
  const known = live.map((item) => {
    const step = itemStep(item, ownership);
    const wish = mine.get(step);
    mine.delete(step);
    return wish === undefined ? item : overlay(item, wish, owned.within('*'));
  });
  return [...known, ...mine.values()];
}
