import { expect, test } from 'vitest';
import { conditionsOf } from '#core/conditions.ts';
import { initialState } from '#core/state.ts';
import { OperatorError } from '#lib/errors.ts';
import { createProtection } from '#operator/protection.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import { silentLog } from '#runtime/json-log.ts';
import { createVirtualClock, settle } from '../support/virtual-clock.ts';

const refusal = new OperatorError('KUBE_INVALID', "ValidatingAdmissionPolicy 'headgate-actions' denied request");
const withGroups = new OperatorError(
  'KUBE_INVALID',
  "ValidatingAdmissionPolicy 'headgate-actions' denied request: spec.groups must name groups that you are in",
);
const forbidden = new OperatorError('KUBE_FORBIDDEN', 'rolloutactions is forbidden');

// kills: taking any error for a refusal; counting actions before the guard was seen to work.
test.each([
  {
    name: 'the policy refuses',
    answer: withGroups,
    counts: true,
    groups: true,
    open: false,
    because: 'only its own refusal proves it',
  },
  {
    name: 'a policy without the rule about groups refuses',
    answer: refusal,
    counts: true,
    groups: false,
    open: false,
    because: 'a group that nobody checked is a word',
  },
  {
    name: 'the forged action is taken',
    answer: undefined,
    counts: false,
    groups: false,
    open: true,
    because: 'anybody could have written any action',
  },
  {
    name: 'RBAC refuses',
    answer: forbidden,
    counts: false,
    groups: false,
    open: false,
    because: 'that says nothing about other people',
  },
])('$name: $because', async ({ answer, counts, groups, open }) => {
  const create = async (_resource: unknown, object: KubeObject, options?: { dryRun?: boolean }) => {
    expect(options?.dryRun, 'nothing is ever stored').toBe(true);
    if (answer !== undefined) throw answer;
    return object;
  };
  const api = { create } as unknown as KubeApi;
  const protection = createProtection({
    api,
    namespace: 'x',
    clock: createVirtualClock(),
    log: silentLog,
    changed: () => undefined,
  });
  expect(protection.protected(), 'unproven is unprotected').toBe(false);
  protection.run(new AbortController().signal);
  await settle();
  const proven = { counts: protection.protected(), groups: protection.groups(), open: protection.open() };
  expect(proven).toEqual({ counts, groups, open });
});

test('unprotected actions are a condition that names the fix', () => {
  const conditions = conditionsOf(initialState(0), {
    ...{ problems: [], routes: [], replicaSets: [], deleting: false },
    actionsUnprotected: true,
  });
  expect(conditions.at(-1)).toMatchObject({
    type: 'ActionsUnprotected',
    status: 'True',
    message: expect.stringContaining('deploy/admission-policy.yaml'),
  });
});
