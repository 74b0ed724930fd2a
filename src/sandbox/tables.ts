import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { SandboxKind } from './kind.ts';
import type { Line } from './watching.ts';

/** The form in which `kubectl get` asks for lists: rows of cells, made by the server. */

export function wantsTable(accept: string | undefined): boolean {
  return accept !== undefined && /as=Table\b/.test(accept) && /v=v1\b/.test(accept);
}

export function tableOf(
  { kind, clock }: { kind: SandboxKind; clock: Clock },
  objects: readonly KubeObject[],
  metadata: object,
): object {
  const name = { name: 'Name', type: 'string', format: 'name', description: 'Name', priority: 0 };
  const columns = kind.columns.map(({ name: title, type, priority = 0, description = title }) => ({
    name: title,
    // Ages are shown as texts, which only the server can make of a date.
    type: type === 'date' ? 'string' : type,
    format: '',
    description,
    priority,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [name, ...columns],
    rows: objects.map((object) => rowOf({ kind, clock }, object)),
  };
}

function rowOf({ kind, clock }: { kind: SandboxKind; clock: Clock }, object: KubeObject): object {
  const cells = kind.columns.map(({ type, read }) => {
    const value = read(object);
    if (type === 'date') return typeof value === 'string' ? ageText(clock.now() - Date.parse(value)) : '<unknown>';
    return Array.isArray(value) ? JSON.stringify(value) : (value ?? '');
  });
  const { metadata } = object;
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
  return { cells: [metadata.name, ...cells], object: partial };
}

/** A line of a watch in that form. */
export function tableLine(at: { kind: SandboxKind; clock: Clock }, line: Line): Line {
  if (line.type === 'ERROR') return line;
  const object = line.object as KubeObject;
  const { resourceVersion } = object.metadata;
  if (line.type === 'BOOKMARK') return { ...line, object: tableOf(at, [], object.metadata) };
  return { ...line, object: tableOf(at, [object], { resourceVersion }) };
}

/** As kubectl writes ages: one unit, or two while they say something. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  return days < 8 && hours % 24 !== 0 ? `${days}d${hours % 24}h` : `${days}d`;
}
