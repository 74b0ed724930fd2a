import type { BadObject } from './bad-object.ts';
import { rollout, type Sample } from './objects.ts';

/** A Rollout whose pods are described elsewhere, or nowhere. */
export function withoutPods(changes: Record<string, unknown>): Sample {
  const { template: _, selector: _selector, ...spec } = rollout(changes).spec;
  return { ...rollout(), spec };
}

const SHRINKS =
  "shrinkStable needs traffic: without routes the canary's share is that of its pods. Name a route, or leave shrinkStable out";

/** Mistakes about what the pods are, and how many. */
export const badPods: BadObject[] = [
  {
    name: 'a Deployment and a template',
    because: 'which of the two says what the pods are',
    object: rollout({ workloadRef: { kind: 'Deployment', name: 'shop' } }),
    refused: 'spec: Invalid value: give either workloadRef, or template and selector',
    read: { field: 'spec', message: 'give either workloadRef, or template and selector' },
  },
  {
    name: 'neither a Deployment nor a template',
    because: 'there would be no pods',
    object: withoutPods({}),
    refused: 'spec: Invalid value: give either workloadRef, or template and selector',
    read: { field: 'spec', message: 'give either workloadRef, or template and selector' },
  },
  {
    name: 'another kind of workload',
    because: 'only a Deployment is taken over',
    object: withoutPods({ workloadRef: { kind: 'StatefulSet', name: 'shop' } }),
    refused:
      '[spec.workloadRef.kind: Unsupported value: "StatefulSet": supported values: "Deployment", <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]',
    read: { field: 'spec.workloadRef.kind', message: 'must be one of Deployment' },
  },
  {
    name: 'no pod at a time',
    because: 'the canary would never come',
    object: rollout({ maxSurge: 0 }),
    refused: 'spec.maxSurge: Invalid value: 0: spec.maxSurge in body should be greater than or equal to 1',
    read: { field: 'spec.maxSurge', message: 'must be at least 1' },
  },
  {
    name: 'none in percent at a time',
    because: 'what is rounded up is a pod, and nothing says so here',
    object: rollout({ steps: [{ weight: 5, maxSurge: '0%' }] }),
    refused:
      'spec.steps[0].maxSurge: Invalid value: "0%": spec.steps[0].maxSurge in body should match \'^(100|[1-9][0-9]?)%$\'',
    read: { field: 'spec.steps[0].maxSurge', message: 'must match /^(100|[1-9][0-9]?)%$/' },
  },
  {
    name: 'a stable that shrinks without routes',
    because: 'fewer of its pods would be a larger share for the canary',
    object: rollout({ shrinkStable: true, traffic: [] }),
    refused: `spec.shrinkStable: Invalid value: ${SHRINKS}`,
    read: { field: 'spec.shrinkStable', message: SHRINKS },
  },
];
