import { expect, test } from 'vitest';
import { conditionsOf } from '#core/conditions.ts';
import { initialState } from '#core/state.ts';
import { OperatorError } from '#lib/errors.ts';
import { createVersionCheck, judgeVersions } from '#operator/versions.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { silentLog } from '#runtime/json-log.ts';

/** Versions as clusters and distributions write them. */

// kills: versions compared as text (1.9 after 1.30), a suffix that hides the number, unknown taken for too old.
test.each([
  { kubernetes: 'v1.36.1', old: false },
  { kubernetes: 'v1.30.0', old: false },
  { kubernetes: 'v1.29.14', old: true },
  { kubernetes: 'v1.9.11', old: true },
  { kubernetes: 'v1.30.2-gke.1587003', old: false },
  { kubernetes: 'v1.28.15-eks-7f9249a', old: true },
  { kubernetes: 'v1.31.4+k3s1', old: false },
  { kubernetes: 'v2.0.0', old: false },
  { kubernetes: 'edge', old: false },
])('Kubernetes $kubernetes, too old: $old', ({ kubernetes, old }) => {
  expect(judgeVersions({ kubernetes }).map(({ what }) => what)).toEqual(old ? ['Kubernetes'] : []);
});

test.each([
  { gatewayApi: 'v1.6.3', old: false },
  { gatewayApi: 'v1.1.0', old: false },
  { gatewayApi: 'v1.1.0-rc2', old: false },
  { gatewayApi: 'v1.0.0', old: true },
  { gatewayApi: 'v0.8.1', old: true },
])('Gateway API $gatewayApi, too old: $old', ({ gatewayApi, old }) => {
  expect(judgeVersions({ gatewayApi }).map(({ what }) => what)).toEqual(old ? ['Gateway API'] : []);
});

function crd(annotations: Record<string, string>): KubeObject {
  const metadata = { name: 'httproutes.gateway.networking.k8s.io', annotations };
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata };
}

async function look(version: () => Promise<string>, get: () => Promise<KubeObject>) {
  let changed = 0;
  const errors: unknown[] = [];
  const log = { ...silentLog, error: (_: string, fields?: object) => void errors.push(fields) };
  const check = createVersionCheck({ api: { get }, serverVersion: version, log, changed: () => void changed++ });
  const before = check.tooOld();
  await check.look();
  return { before, found: check.tooOld(), changed, errors };
}

test('both are read, logged as errors, and every Rollout is looked at again', async () => {
  const bundle = { 'gateway.networking.k8s.io/bundle-version': 'v0.8.1' };
  const { before, found, changed, errors } = await look(
    async () => 'v1.27.3',
    async () => crd(bundle),
  );
  const [kubernetes, gateway] = [
    'Kubernetes v1.27.3 is older than 1.30, the oldest that Headgate works with: upgrade the cluster',
    "the Gateway API's CRDs are of v0.8.1, older than 1.1, the oldest that Headgate works with: install newer ones",
  ];
  expect(before).toEqual([]);
  expect(found.map(({ message }) => message)).toEqual([kubernetes, gateway]);
  expect(changed).toBe(1);
  expect(errors).toEqual([{ message: kubernetes }, { message: gateway }]);
});

test.each([
  { name: 'nobody answers', error: new OperatorError('KUBE_UNAVAILABLE', 'down') },
  { name: 'there is no Gateway API', error: new OperatorError('KUBE_NOT_FOUND', 'not found') },
  { name: 'the rights are of an older release', error: new OperatorError('KUBE_FORBIDDEN', 'forbidden') },
])('$name: what cannot be read is no reason not to work', async ({ error }) => {
  const fails = async () => {
    throw error;
  };
  expect((await look(fails, fails)).found).toEqual([]);
});

test('a condition says it on every Rollout', () => {
  const notices = [{ type: 'ClusterTooOld', reason: 'TooOld', message: 'Kubernetes v1.27.3 is older' }] as const;
  const seen = { problems: [], routes: [], replicaSets: [], deleting: false, notices: [...notices] };
  expect(conditionsOf(initialState(0), seen)).toContainEqual({ ...notices[0], status: 'True' });
});
