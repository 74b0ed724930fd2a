import type { RouteObject } from './define.ts';
import { FIELD_MANAGER, TRAFFIC_FIELD_MANAGER } from './gateway-status.ts';

interface ManagedFields {
  manager?: string;
  time?: string;
  fieldsV1?: { 'f:metadata'?: { 'f:annotations'?: Record<string, unknown> } };
}

/** Who wrote one of these annotations last, other than us. */
export function lastAnnotator({ metadata }: RouteObject, names: readonly string[]): string | undefined {
  const own = [FIELD_MANAGER, TRAFFIC_FIELD_MANAGER];
  const wanted = names.map((name) => `f:${name}`);
  const entries = ((metadata.managedFields ?? []) as ManagedFields[]).filter(({ manager = '', fieldsV1 }) => {
    const written = fieldsV1?.['f:metadata']?.['f:annotations'] ?? {};
    return !own.includes(manager) && wanted.some((name) => name in written);
  });
  entries.sort((a, b) => ((a.time ?? '') < (b.time ?? '') ? -1 : 1));
  return entries.at(-1)?.manager;
}

/** Where an annotation stands, as a JSON pointer. */
export function annotationPointer(name: string): string {
  return `/metadata/annotations/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
