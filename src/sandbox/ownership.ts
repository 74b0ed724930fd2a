import type { Schema } from './structural.ts';

/** How a list or map is owned: as one value, by member, as a set, or by items with these keys. */
export type Ownership = 'atomic' | 'members' | 'set' | readonly string[];

/** A place in objects of a kind: how it is owned, and the places in it. Made once a kind, so that a walk only follows. */
export interface Owned {
  readonly ownership: Ownership | undefined;
  /** The place of a member; `*` stands for an item of a list. */
  within(name: string): Owned;
}

/** Where nothing is said. */
const FREE: Owned = { ownership: undefined, within: () => FREE };

type Table = Readonly<Record<string, Ownership>>;

/** Metadata is alike for every kind. */
const METADATA: Table = { 'metadata.finalizers': 'set', 'metadata.ownerReferences': ['uid'] };

/** Ownership by paths such as `spec.ports.*`. */
export function ownedByTable(table: Table): Owned {
  return branch(Object.entries({ ...METADATA, ...table }).map(([path, ownership]) => [path.split('.'), ownership]));
}

function branch(entries: readonly (readonly [steps: readonly string[], ownership: Ownership])[]): Owned {
  const own = entries.find(([steps]) => steps.length === 0)?.[1];
  const deeper = Map.groupBy(
    entries.filter(([steps]) => steps.length > 0),
    ([steps]) => steps[0] ?? '',
  );
  const parts = new Map(
    [...deeper].map(([name, some]) => [name, branch(some.map(([[, ...rest], ownership]) => [rest, ownership]))]),
  );
  return { ownership: own, within: (name) => parts.get(name) ?? FREE };
}

/** Ownership as a CRD's schema has it. */
export function ownedBySchema(schema: Schema): Owned {
  const root = ofSchema(schema);
  const metadata = ownedByTable({}).within('metadata');
  return { ownership: undefined, within: (name) => (name === 'metadata' ? metadata : root.within(name)) };
}

function ofSchema(schema: Schema): Owned {
  const parts = new Map<Schema, Owned>();
  return {
    ownership: said(schema),
    within(name) {
      const part = name === '*' ? schema.items : (schema.properties?.[name] ?? schema.additionalProperties);
      if (part === undefined) return FREE;
      const known = parts.get(part) ?? ofSchema(part);
      parts.set(part, known);
      return known;
    },
  };
}

function said(schema: Schema): Ownership | undefined {
  const type = schema['x-kubernetes-list-type'];
  if (type === 'set') return 'set';
  return type === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? 'atomic') : undefined;
}
