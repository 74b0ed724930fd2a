import { expect, test } from 'vitest';
import { mergedApprovalProblems } from '#operator/merged-approvals.ts';
import { readRollout } from '#schema/translate.ts';
import { rollout } from '../schema/objects.ts';

/** Steps that become one on coarse shares, and whom that one asks. */

const asking = (weight: number | string, ...groups: string[]) => ({ weight, approval: { groups } });
const coarse = [{ apisixRoute: 'shop' }];

function problemsOf(spec: Record<string, unknown>) {
  const wish = readRollout(rollout(spec));
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  return mergedApprovalProblems(wish).map(({ field }) => field);
}

// kills: people of one group who are not asked because another step has the same share
test.each([
  {
    name: 'two that become one, of other groups',
    because: 'who approves the one has not approved the other',
    spec: { traffic: coarse, steps: [asking('1%', 'sre'), asking('1.2%', 'owners')] },
    want: ['spec.steps[0].approval.groups'],
  },
  {
    name: 'the same without a route',
    because: 'of two replicas each step is one pod',
    spec: { traffic: [], replicas: 2, steps: [asking(5, 'sre'), asking(10, 'owners')] },
    want: ['spec.steps[0].approval.groups'],
  },
  {
    name: 'a common group',
    because: 'its people are asked by both',
    spec: { traffic: coarse, steps: [asking('1%', 'sre', 'leads'), asking('1.2%', 'owners', 'leads')] },
    want: [],
  },
  {
    name: 'anybody, and one group',
    because: 'whoever is of the group is somebody',
    spec: { traffic: coarse, steps: [asking('1%'), asking('1.2%', 'owners')] },
    want: [],
  },
  {
    name: 'shares that stay apart',
    because: 'each step asks its own',
    spec: { steps: [asking('1%', 'sre'), asking('1.2%', 'owners')] },
    want: [],
  },
  {
    name: 'a step without a weight',
    because: 'it becomes one with none',
    spec: {
      steps: [{ mirror: { percent: 5 }, approval: { groups: ['sre'] } }, asking('1%', 'owners')],
    },
    want: [],
  },
])('$name: $because', ({ spec, want, because }) => {
  expect(problemsOf(spec), because).toEqual(want);
});
