import type { Resource } from '#ports/kube-api.ts';
import { dig, type PrinterColumn, type SandboxKind } from './kind.ts';
import { type Ownership, ownedByTable } from './ownership.ts';

/** What the kinds of Kubernetes are described with. */

const age: PrinterColumn = { name: 'Age', type: 'date', read: ({ metadata }) => metadata.creationTimestamp };

export type Given = { resource: Resource } & Partial<Omit<SandboxKind, 'resource' | 'columns' | 'owned'>> & {
    columns?: PrinterColumn[];
    ownership?: Record<string, Ownership>;
  };

/** Most kinds have no surprises. */
export function builtIn({ resource, columns = [], ownership = {}, ...rest }: Given): SandboxKind {
  return {
    resource,
    singular: resource.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    hasStatus: false,
    countsGenerations: false,
    unconditional: true,
    selectable: {},
    ...rest,
    columns: [...columns, age],
    owned: ownedByTable(ownership),
  };
}

export function column(name: string, path: string, { type = 'string', priority = 0 } = {}): PrinterColumn {
  return { name, type, priority, read: (object) => dig(object, path.split('.')) };
}

export const POD_LISTS: Record<string, Ownership> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  'containers.*.ports': ['containerPort', 'protocol'],
  'containers.*.env': ['name'],
  'containers.*.volumeMounts': ['mountPath'],
};

export function under(prefix: string, table: Record<string, Ownership>): Record<string, Ownership> {
  return Object.fromEntries(Object.entries(table).map(([path, how]) => [`${prefix}.${path}`, how]));
}

export const CONDITIONS: Record<string, Ownership> = { 'status.conditions': ['type'] };
