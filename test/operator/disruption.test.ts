import { expect, test } from 'vitest';
import { sharedBudgets } from '#operator/disruption.ts';
import type { KubeObject } from '#ports/kube-api.ts';

const rollout = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'web', namespace: 'shop' },
};

function budget(spec: object): KubeObject {
  return {
    ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' },
    metadata: { name: 'web', namespace: 'shop' },
    spec,
  };
}

const app = { matchLabels: { app: 'web' } };
const stableOnly = { matchLabels: { app: 'web', 'headgate.dev/stable': 'true' } };

// kills: a share taken for a number; a selector that is not looked at; an arm's own budget reported.
test.each([
  { name: 'an integer for both', spec: { minAvailable: 3, selector: app }, shared: true },
  { name: 'every pod of the namespace', spec: { minAvailable: 3, selector: {} }, shared: true },
  {
    name: 'expressions',
    spec: { minAvailable: 1, selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] } },
    shared: true,
  },
  {
    name: 'all but the canary',
    spec: {
      minAvailable: 1,
      selector: { ...app, matchExpressions: [{ key: 'headgate.dev/canary', operator: 'DoesNotExist' }] },
    },
    shared: false,
  },
  { name: 'a share', spec: { minAvailable: '75%', selector: app }, shared: false },
  { name: 'maxUnavailable', spec: { maxUnavailable: 1, selector: app }, shared: false },
  { name: 'nothing to keep', spec: { minAvailable: 0, selector: app }, shared: false },
  { name: 'one arm alone', spec: { minAvailable: 3, selector: stableOnly }, shared: false },
  { name: 'other pods', spec: { minAvailable: 3, selector: { matchLabels: { app: 'db' } } }, shared: false },
  { name: 'no selector', spec: { minAvailable: 3 }, shared: false },
])('$name: shared $shared', ({ spec, shared }) => {
  const found = sharedBudgets({ rollout, budgets: [budget(spec)], podLabels: { app: 'web' }, replicas: 4 });
  expect(found.length > 0).toBe(shared);
});

test('the condition has the patch that mends it, and never one that stops every drain', () => {
  const say = (replicas: number) =>
    sharedBudgets({
      ...{ rollout, podLabels: { app: 'web' }, replicas },
      budgets: [budget({ minAvailable: 3, selector: app })],
    });
  const patch = (most: number) =>
    `PodDisruptionBudget web keeps 3 pods of both arms together, so during a release a drain may take all of one arm: kubectl patch pdb web -n shop --type merge -p '{"spec":{"minAvailable":null,"maxUnavailable":${most}}}'`;
  expect(say(5)).toEqual([{ type: 'SharedDisruptionBudget', reason: 'MinAvailableOfBothArms', message: patch(2) }]);
  expect(say(3)[0]?.message).toBe(patch(1));
});
