import { record, records, text } from '#core/raw.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/**
 * What the store keeps of a Service: of its managedFields who wrote its spec, and when. They say who takes our label off
 * its selector; whole they would be half of the bytes of every Service of the cluster.
 */
export function withSpecWriters(object: KubeObject): KubeObject {
  const { managedFields, ...metadata } = object.metadata;
  if (managedFields === undefined) return object;
  const writers = records(managedFields).flatMap((entry) => {
    const manager = text(entry['manager']);
    const wroteSpec = entry['subresource'] === undefined && 'f:spec' in record(entry, 'fieldsV1');
    const selector = 'f:selector' in record(entry, 'fieldsV1', 'f:spec') ? { 'f:selector': {} } : {};
    return manager === undefined || !wroteSpec
      ? []
      : [{ manager, time: text(entry['time']) ?? '', fieldsV1: { 'f:spec': selector } }];
  });
  return { ...object, metadata: { ...metadata, managedFields: writers } };
}
