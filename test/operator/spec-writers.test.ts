import { expect, test } from 'vitest';
import { withSpecWriters } from '#operator/spec-writers.ts';
import { lastSpecManager } from '#routers/gateway-status.ts';

const fieldsV1 = { 'f:spec': { 'f:selector': {}, 'f:ports': {} } };

test('who wrote the spec of a Service last is still known, and the fields of nobody are kept', () => {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'shop',
      managedFields: [
        { manager: 'kubectl', operation: 'Apply', time: '2026-03-02T03:00:00Z', fieldsV1 },
        { manager: 'gitops', operation: 'Apply', time: '2026-03-02T03:05:00Z', fieldsV1 },
        { manager: 'headgate', operation: 'Update', time: '2026-03-02T03:06:00Z', fieldsV1 },
        { manager: 'labels', operation: 'Update', time: '2026-03-02T03:07:00Z', fieldsV1: { 'f:metadata': {} } },
      ],
    },
    spec: { selector: { app: 'shop' } },
  };
  const kept = withSpecWriters(service);
  // kills: a Service whose widening nobody did, because the store had dropped who it was.
  expect(lastSpecManager(kept)).toBe('gitops');
  expect(JSON.stringify(kept)).not.toContain('f:ports');
  expect(kept.metadata.managedFields).toHaveLength(3);
});
