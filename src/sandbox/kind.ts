import type { KubeObject, Resource } from '#ports/kube-api.ts';
import type { Owned } from './ownership.ts';
import type { FieldError } from './refused.ts';
import type { Selectable } from './selectors.ts';
import type { Schema } from './structural.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  name: string;
  type: string;
  /** 0 is shown always, 1 with `-o wide`. */
  priority?: number;
  description?: string;
  read(object: KubeObject): unknown;
}

/** One kind as the sandbox serves it. Everything that differs from kind to kind is here, and nowhere else. */
export interface SandboxKind {
  resource: Resource;
  singular: string;
  shortNames: readonly string[];
  categories: readonly string[];
  columns: readonly PrinterColumn[];
  /** `status` is written by its own path alone, and main writes keep it. */
  hasStatus: boolean;
  scale?: ScalePaths;
  /** Counts changes of everything but metadata and, where there is a status path, status. */
  countsGenerations: boolean;
  /** Replacing without a resourceVersion is allowed. */
  unconditional: boolean;
  /** Members beside apiVersion, kind and metadata; undefined: the schema knows. */
  members?: readonly string[];
  schema?: Schema;
  owned: Owned;
  selectable: Selectable;
  /** What the server fills in before it stores a new object or a changed one. */
  complete?(object: KubeObject, old: KubeObject | undefined, server: Filling): KubeObject;
  check?(object: KubeObject, old: KubeObject | undefined): FieldError[];
  /** Seconds that a deleted object stays for somebody to end it; 0: gone at once. */
  graceSeconds?(object: KubeObject): number;
}

/** What the server has that an object cannot know. */
export interface Filling {
  /** A free address for a Service. */
  nextAddress(): string;
}

export interface ScalePaths {
  specReplicas: readonly string[];
  statusReplicas: readonly string[];
  /** A selector as text, or a LabelSelector that is turned into one. */
  selector: readonly string[];
}

/** The member at a path of plain names. */
export function dig(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[key] : undefined),
    value,
  );
}

/** A copy with the member at the path set. */
export function plant(value: unknown, [key, ...rest]: readonly string[], leaf: unknown): unknown {
  if (key === undefined) return leaf;
  const node = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  return { ...node, [key]: plant(node[key], rest, leaf) };
}

/** `apps/v1`, `v1`. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** How the store knows a kind. */
export function kindId({ plural, group }: Pick<Resource, 'plural' | 'group'>): string {
  return `${plural}.${group}`;
}
