import { expect, test } from 'vitest';
import type { Raw } from '#core/raw.ts';
import { podResources } from '#operator/pod-resources.ts';
import { roomProblems } from '#operator/quota.ts';
import type { KubeObject } from '#ports/kube-api.ts';

function quota(hard: object, used: object = {}, spec: object = {}): KubeObject {
  const metadata = { name: 'team', namespace: 'shop' };
  return { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard, ...spec }, status: { hard, used } };
}

const pod = {
  containers: [{ resources: { requests: { cpu: '300m', memory: '128Mi' }, limits: { memory: '256Mi' } } }],
};

const short = (text: string) => [
  {
    field: 'spec.replicas',
    message: `ResourceQuota team has no room for the 4 pods that the release adds: ${text}: raise the quota, or lower spec.replicas`,
  },
];

interface Row {
  name: string;
  because: string;
  quota: KubeObject;
  pod?: Raw;
  want: ReturnType<typeof roomProblems>;
}

// kills: used not taken off; one pod counted for all; requests taken for limits; a scope that is not looked at.
test.each<Row>([
  {
    name: 'room to the last pod',
    because: 'what fits exactly fits',
    quota: quota({ pods: '8', 'requests.cpu': '2400m' }, { pods: '4', 'requests.cpu': '1200m' }),
    want: [],
  },
  {
    name: 'one pod too few',
    because: 'a canary that cannot become whole can never be promoted',
    quota: quota({ pods: '7' }, { pods: '4' }),
    want: short('pods needs 4, free 3 of 7'),
  },
  {
    name: 'several resources',
    because: 'whoever raises a quota wants to do it once',
    quota: quota({ cpu: '2', 'limits.memory': '1Gi', memory: '1Gi' }, { cpu: '1200m', 'limits.memory': '1Gi' }),
    want: short('cpu needs 1200m, free 800m of 2; limits.memory needs 1Gi, free 0 of 1Gi'),
  },
  {
    name: 'a quota whose controller has not counted yet',
    because: 'nothing is used so far as anybody knows, and the API server has the last word',
    quota: { ...quota({ 'count/pods': '3' }), status: {} },
    want: short('count/pods needs 4, free 3 of 3'),
  },
  {
    name: 'a quota lowered below what is used',
    because: 'there is never less than no room',
    quota: quota({ pods: '2' }, { pods: '4' }),
    want: short('pods needs 4, free 0 of 2'),
  },
  {
    name: 'one ReplicaSet too many',
    because: 'each revision has one of its own',
    quota: quota({ 'count/replicasets.apps': '6' }, { 'count/replicasets.apps': '6' }),
    want: short('count/replicasets.apps needs 1, free 0 of 6'),
  },
  {
    name: 'other things',
    because: 'what a pod does not take cannot be lacking',
    quota: quota({ services: '0', 'requests.nvidia.com/gpu': '0', persistentvolumeclaims: '0' }),
    want: [],
  },
  {
    name: 'an extended resource',
    because: 'it is counted by its full name',
    quota: quota({ 'requests.nvidia.com/gpu': '4' }, { 'requests.nvidia.com/gpu': '2' }),
    pod: { containers: [{ resources: { limits: { 'nvidia.com/gpu': 1 } } }] },
    want: short('requests.nvidia.com/gpu needs 4, free 2 of 4'),
  },
  {
    name: 'pods without requests',
    because: 'this quota is for others',
    quota: quota({ pods: '1' }, {}, { scopes: ['BestEffort'] }),
    want: [],
  },
  {
    name: 'pods that run for ever',
    because: 'these are such pods',
    quota: quota({ pods: '1' }, {}, { scopes: ['NotTerminating', 'NotBestEffort'] }),
    want: short('pods needs 4, free 1 of 1'),
  },
  {
    name: 'a priority class of others',
    because: 'their quota is not ours',
    quota: quota({ pods: '1' }, {}, priority('In', 'batch')),
    pod: { ...pod, priorityClassName: 'web' },
    want: [],
  },
  {
    name: 'our priority class',
    because: 'it is counted there',
    quota: quota({ pods: '1' }, {}, priority('In', 'web', 'batch')),
    pod: { ...pod, priorityClassName: 'web' },
    want: short('pods needs 4, free 1 of 1'),
  },
  {
    name: 'a scope that came later',
    because: 'the API server knows it: a wrong refusal would be worse than a late one',
    quota: quota({ pods: '1' }, {}, { scopes: ['OfTomorrow'] }),
    want: [],
  },
])('$name: $because', ({ quota: one, pod: given = pod, want }) => {
  expect(roomProblems({ quotas: [one], pod: given, pods: 4 })).toEqual(want);
});

function priority(operator: string, ...values: string[]) {
  return { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator, values }] } };
}

// kills: init containers added up; a sidecar forgotten; limits that are no requests.
test.each([
  {
    name: 'an init container that is larger than all that runs',
    pod: { containers: [cpu('1')], initContainers: [cpu('3'), cpu('2')] },
    want: 3,
  },
  {
    name: 'a sidecar goes on beside the rest',
    pod: { containers: [cpu('1')], initContainers: [{ ...cpu('500m'), restartPolicy: 'Always' }, cpu('1')] },
    want: 1.5,
  },
  { name: 'a limit without a request', pod: { containers: [{ resources: { limits: { cpu: '2' } } }] }, want: 2 },
  {
    name: 'a pod that asks as a whole',
    pod: { containers: [cpu('1')], resources: { requests: { cpu: '4' } } },
    want: 4,
  },
  { name: 'what its sandbox takes', pod: { containers: [cpu('1')], overhead: { cpu: '250m' } }, want: 1.25 },
  { name: 'nonsense', pod: { containers: [cpu('lots')] }, want: 0 },
  // kills: a template with an empty field, which the API server takes, ends every pass of its Rollout
  { name: 'fields left empty', pod: { containers: [{ resources: null }, cpu('1')], initContainers: null }, want: 1 },
  {
    name: 'nulls further in',
    pod: { containers: [{ resources: { requests: null, limits: { cpu: '2' } } }], overhead: null, resources: null },
    want: 2,
  },
  { name: 'other types than there may be', pod: { containers: [null, 7, cpu('1')], initContainers: 'x' }, want: 1 },
])('requests of a pod: $name', ({ pod: given, want }) => {
  expect(podResources(given).requests['cpu']).toBe(want);
});

function cpu(amount: string) {
  return { resources: { requests: { cpu: amount } } };
}
