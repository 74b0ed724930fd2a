import type { KubeObject } from '#ports/kube-api.ts';
import type { FieldError } from './refused.ts';

/** Checks of metadata that are alike for every kind. */

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const NAME_SAYS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const VALUE_SAYS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

export function checkMetadata(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const { name, labels = {}, finalizers = [], deletionTimestamp } = object.metadata;
  const errors: FieldError[] = [];
  if (!SUBDOMAIN.test(name) || name.length > 253)
    errors.push({
      field: 'metadata.name',
      reason: 'FieldValueInvalid',
      text: `Invalid value: ${JSON.stringify(name)}: ${NAME_SAYS}`,
    });
  for (const value of Object.values(labels))
    if (typeof value !== 'string' || !LABEL_VALUE.test(value) || value.length > 63)
      errors.push({
        field: 'metadata.labels',
        reason: 'FieldValueInvalid',
        text: `Invalid value: ${JSON.stringify(value)}: ${VALUE_SAYS}`,
      });
  const added = finalizers.filter((one) => !(old?.metadata.finalizers ?? []).includes(one));
  if (deletionTimestamp !== undefined && old !== undefined && added.length > 0) {
    const list = added.map((one) => JSON.stringify(one)).join(', ');
    const says = 'no new finalizers can be added if the object is being deleted, found new finalizers';
    errors.push({
      field: 'metadata.finalizers',
      reason: 'FieldValueForbidden',
      text: `Forbidden: ${says} []string{${list}}`,
    });
  }
  return errors;
}
