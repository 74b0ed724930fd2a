import { expect, test } from 'vitest';
import { observePod, observeSet } from '#operator/observe-pods.ts';

interface Row {
  name: string;
  because: string;
  status: Record<string, unknown>;
  want: string | undefined;
}

const ready = (status: string) => ({ type: 'Ready', status });
const waiting = (reason: string) => ({ name: 'app', state: { waiting: { reason } } });
const running = { name: 'app', state: { running: { startedAt: '2026-01-01T00:00:00Z' } } };

test.each<Row>([
  {
    name: 'a pod that comes up',
    because: 'every pod passes through these words, and they would alarm for nothing',
    status: { conditions: [ready('False')], containerStatuses: [waiting('ContainerCreating')] },
    want: undefined,
  },
  {
    name: 'a crash loop',
    because: "the kubelet's own word is what people search for",
    status: { conditions: [ready('False')], containerStatuses: [running, waiting('CrashLoopBackOff')] },
    want: 'CrashLoopBackOff',
  },
  {
    name: 'a container that ended',
    because: 'between two starts the kubelet says why the last one ended',
    status: { containerStatuses: [{ name: 'app', state: { terminated: { reason: 'OOMKilled' } } }] },
    want: 'OOMKilled',
  },
  {
    name: 'a pod without a node',
    because: 'without a node there is no container to have a reason',
    status: { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }] },
    want: 'Unschedulable',
  },
  {
    name: 'a pod that runs and never gets ready',
    because: 'no container waits, so a deadline would pass without any reason given',
    status: { conditions: [ready('False')], containerStatuses: [running] },
    want: 'NotReady',
  },
  {
    name: 'a pod that serves',
    because: 'nothing is wrong with it',
    status: { conditions: [ready('True')], containerStatuses: [running] },
    want: undefined,
  },
])('trouble of $name', ({ status, want, because }) => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'shop-1' }, status };
  expect(observePod(pod, { minReadyMs: 0, now: 0 }).trouble, because).toBe(want);
});

test('a set says why its pods are refused, in the same words at every try', () => {
  const said = (pod: string, status = 'True') =>
    observeSet(
      {
        ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'shop-1a2b' }, spec: { replicas: 3 } },
        status: {
          conditions: [
            {
              ...{ type: 'ReplicaFailure', status, reason: 'FailedCreate' },
              message: `pods "${pod}" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4`,
            },
          ],
        },
      },
      [],
    ).refused;
  // kills: the name of a pod that changes at every try, and with it the condition.
  expect(said('shop-1a2b-x7x7x')).toBe('exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4');
  expect(said('shop-1a2b-y8y8y')).toBe(said('shop-1a2b-x7x7x'));
  expect(said('shop-1a2b-x7x7x', 'False')).toBeUndefined();
});
