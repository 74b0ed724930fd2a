import { canonicalJson, isRecord } from '#lib/json.ts';
import type { Schema } from './structural.ts';

/** Which members of an object somebody owns: sets of paths, and the form of managedFields (FieldsV1). */

/** One step of a path: a member `f:name`, a list item `k:{…}`, a member of a set `v:…`, or `.`, the item itself. */
type Step = string;
/** Steps joined by a line break, which no step holds. */
export type Path = string;
export type FieldSet = ReadonlySet<Path>;

/** How a list or map is owned: as one value, by member, as a set, or by items with these keys. */
export type Ownership = 'atomic' | 'members' | 'set' | readonly string[];
export type OwnershipOf = (steps: readonly string[]) => Ownership | undefined;

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

/** Metadata is alike for every kind. */
const METADATA: Record<string, Ownership> = { 'metadata.finalizers': 'set', 'metadata.ownerReferences': ['uid'] };

/** Ownership by paths such as `spec.ports`; `*` stands for an item of a list. */
export function ownershipByTable(table: Readonly<Record<string, Ownership>>): OwnershipOf {
  return (steps) => table[steps.join('.')] ?? METADATA[steps.join('.')];
}

/** Ownership as a CRD's schema has it. */
export function ownershipBySchema(schema: Schema): OwnershipOf {
  return (steps) => {
    const path = steps.join('.');
    if (steps[0] === 'metadata') return METADATA[path];
    const node = steps.reduce<Schema | undefined>(
      (known, step) => (step === '*' ? known?.items : (known?.properties?.[step] ?? known?.additionalProperties)),
      schema,
    );
    const type = node?.['x-kubernetes-list-type'];
    if (type === 'set') return 'set';
    return type === 'map' ? (node?.['x-kubernetes-list-map-keys'] ?? 'atomic') : undefined;
  };
}

/** Every owned place of an object with what stands there. */
export function leavesOf(object: unknown, ownershipOf: OwnershipOf): Map<Path, unknown> {
  const leaves = new Map<Path, unknown>();
  walk({ value: object, steps: [], names: [] }, { leaves, ownershipOf });
  for (const path of leaves.keys()) if (UNOWNED.has(path)) leaves.delete(path);
  return leaves;
}

interface Place {
  value: unknown;
  steps: readonly Step[];
  /** The same way without keys of items, as `OwnershipOf` wants it. */
  names: readonly string[];
}

interface Gathering {
  leaves: Map<Path, unknown>;
  ownershipOf: OwnershipOf;
}

function walk({ value, steps, names }: Place, gathering: Gathering): void {
  if (UNOWNED.has(steps.join(SEPARATOR)) || value === undefined) return;
  const ownership = names.length === 0 ? undefined : gathering.ownershipOf(names);
  if (Array.isArray(value)) {
    walkList({ value, steps, names }, ownership ?? 'atomic', gathering);
  } else if (isRecord(value) && ownership !== 'atomic' && Object.keys(value).length > 0) {
    for (const [key, member] of Object.entries(value))
      walk({ value: member, steps: [...steps, `f:${key}`], names: [...names, key] }, gathering);
  } else {
    gathering.leaves.set(steps.join(SEPARATOR), value);
  }
}

function walkList(
  { value, steps, names }: Place & { value: unknown[] },
  ownership: Ownership,
  gathering: Gathering,
): void {
  if (ownership === 'atomic' || ownership === 'members') {
    gathering.leaves.set(steps.join(SEPARATOR), value);
    return;
  }
  for (const item of value) {
    const step = itemStep(item, ownership);
    if (ownership === 'set') {
      gathering.leaves.set([...steps, step].join(SEPARATOR), true);
      continue;
    }
    gathering.leaves.set([...steps, step, '.'].join(SEPARATOR), true);
    walk({ value: item, steps: [...steps, step], names: [...names, '*'] }, gathering);
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

export function fromFieldsV1(fields: unknown): Set<Path> {
  const set = new Set<Path>();
  const visit = (node: unknown, steps: readonly Step[]): void => {
    const members = isRecord(node) ? Object.entries(node) : [];
    if (members.length === 0 && steps.length > 0) set.add(steps.join(SEPARATOR));
    for (const [step, member] of members) visit(member, [...steps, step]);
  };
  visit(fields, []);
  return set;
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
export function without(object: unknown, gone: FieldSet, ownershipOf: OwnershipOf): unknown {
  return gone.size === 0 ? object : cut({ value: object, steps: [], names: [] }, gone, ownershipOf);
}

function cut({ value, steps, names }: Place, gone: FieldSet, ownershipOf: OwnershipOf): unknown {
  const ownership = names.length === 0 ? undefined : ownershipOf(names);
  if (Array.isArray(value)) {
    if (ownership === undefined || ownership === 'atomic' || ownership === 'members') return value;
    return value.flatMap((item) => {
      const step = [...steps, itemStep(item, ownership)];
      const key = [...step, ...(ownership === 'set' ? [] : ['.'])].join(SEPARATOR);
      return gone.has(key) ? [] : [cut({ value: item, steps: step, names: [...names, '*'] }, gone, ownershipOf)];
    });
  }
  if (!isRecord(value)) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const step = [...steps, `f:${key}`];
    if (gone.has(step.join(SEPARATOR))) continue;
    const rest = cut({ value: member, steps: step, names: [...names, key] }, gone, ownershipOf);
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
export function overlay(live: unknown, applied: unknown, ownershipOf: OwnershipOf): unknown {
  return lay(live, applied, { ownershipOf, names: [] });
}

function lay(live: unknown, applied: unknown, way: { ownershipOf: OwnershipOf; names: readonly string[] }): unknown {
  const { ownershipOf, names } = way;
  const ownership = names.length === 0 ? undefined : ownershipOf(names);
  if (isRecord(live) && isRecord(applied) && ownership !== 'atomic') {
    const merged: Record<string, unknown> = { ...live };
    for (const [key, member] of Object.entries(applied))
      merged[key] = lay(live[key], member, { ownershipOf, names: [...names, key] });
    return merged;
  }
  const byItem = ownership !== undefined && ownership !== 'atomic' && ownership !== 'members';
  if (!byItem || !Array.isArray(live) || !Array.isArray(applied)) return applied;
  const mine = new Map(applied.map((item) => [itemStep(item, ownership), item]));
  const deeper = { ownershipOf, names: [...names, '*'] };
  const known = live.map((item) => {
    const step = itemStep(item, ownership);
    const wish = mine.get(step);
    mine.delete(step);
    return wish === undefined ? item : lay(item, wish, deeper);
  });
  return [...known, ...mine.values()];
}
