import { expect, test } from 'vitest';
import { DEPLOYMENT } from '#kube/resources.ts';
import { deploymentOf, missingReplicas, observeWorkload, trimDeployment } from '#operator/adopt.ts';
import { scalerKinds, scalerProblems } from '#operator/scalers.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createStore, type Store } from '#runtime/cache.ts';
import type { InformerSpec } from '#runtime/informers.ts';
import { silentLog } from '#runtime/json-log.ts';
import { readRollout, revisionOf } from '#schema/translate.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const template = {
  metadata: { labels: { app: 'web', 'headgate.dev/stable': 'true' }, creationTimestamp: null },
  spec: { containers: [{ name: 'app', image: 'web:1' }] },
};

function deployment(spec: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'web',
      namespace: 'shop',
      generation: 4,
      managedFields: [
        {
          manager: 'helm',
          operation: 'Apply',
          time: '2026-03-02T03:00:00Z',
          fieldsV1: { 'f:spec': { 'f:replicas': {} } },
        },
        { manager: 'headgate', time: '2026-03-02T03:00:05Z', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
        { manager: 'kubectl', time: '2026-03-02T03:00:09Z', fieldsV1: { 'f:spec': { 'f:template': {} } } },
      ],
    },
    spec: {
      replicas: 3,
      minReadySeconds: 7,
      selector: { matchLabels: { app: 'web' } },
      strategy: {},
      template,
      ...spec,
    },
    status: { observedGeneration: 4, replicas: 3, updatedReplicas: 3, availableReplicas: 2, conditions: [] },
  };
}

const rollout = (spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'web', namespace: 'shop', uid: 'u' },
  spec: { workloadRef: { kind: 'Deployment', name: 'web' }, service: 'web', ...spec },
});

function storeOf(
  { resource, transform = (object) => object, indexes = {} }: InformerSpec,
  objects: KubeObject[],
): Store {
  const store = createStore({ resource, indexes, clock: createVirtualClock(), log: silentLog });
  for (const object of objects) store.apply({ kind: 'put', object: transform(object) });
  return store;
}

const kind: InformerSpec = { resource: DEPLOYMENT, transform: trimDeployment };

test('what is kept of a Deployment is all that is read of it', () => {
  const whole = deployment();
  const deployments = storeOf(kind, [whole]);
  const { workload } = observeWorkload(rollout(), {}, { deployments });
  expect(workload).toEqual({
    name: 'web',
    deployment: {
      name: 'web',
      replicas: 3,
      // Our own labels come and go, and name no other revision.
      revision: revisionOf({ metadata: { labels: { app: 'web' } }, spec: template.spec }),
      generation: 4,
      observed: true,
      pods: 3,
      updated: 3,
      available: 2,
      // kills: our own scaling taken for somebody's word; the newest writer of anything blamed for the replicas
      manager: 'helm',
    },
  });
  const kept = deployments.get({ namespace: 'shop', name: 'web' });
  expect(kept).not.toHaveProperty('spec.strategy');
  expect(kept).not.toHaveProperty('status.conditions');
});

test.each([
  { name: 'missing', objects: [] },
  {
    name: 'being deleted',
    objects: [{ ...deployment(), metadata: { ...deployment().metadata, deletionTimestamp: 'x' } }],
  },
])('a Deployment that is $name is nobody to go by, and a Rollout without workloadRef names none', ({ objects }) => {
  const stores = { deployments: storeOf(kind, objects) };
  expect(deploymentOf(rollout(), stores)).toBeUndefined();
  expect(observeWorkload(rollout(), {}, stores)).toEqual({ workload: { name: 'web' } });
  expect(observeWorkload({ ...rollout(), spec: {} }, {}, stores)).toEqual({});
});

test.each([
  { name: 'as many as serve', status: { stable: { replicas: 8 } }, want: 8 },
  {
    name: 'as many as stable is whole with',
    status: { stable: { replicas: 6 }, state: { release: { full: 10 } } },
    want: 10,
  },
  { name: 'those of the Deployment while none serve', status: { stable: { replicas: 0 } }, want: 3 },
])('replicas that are taken out of a living Rollout mean $name', ({ status, want }) => {
  expect(readRollout({ ...rollout(), status }, deployment())).toMatchObject({ ok: true, spec: { replicas: want } });
});

test.each([
  { name: 'what it says', given: { replicas: 2 }, adopted: undefined, want: 2 },
  { name: 'what the Deployment has', given: {}, adopted: undefined, want: 3 },
  { name: 'what the Deployment had', given: {}, adopted: { replicas: 5 }, want: 5 },
])('the replicas of a Rollout are $name', ({ given, adopted, want }) => {
  const object = { ...rollout(given), ...(adopted === undefined ? {} : { status: { state: { adopted } } }) };
  const read = readRollout(object, deployment());
  expect(read).toMatchObject({ ok: true, spec: { replicas: want, minReadyMs: 7000 } });
  // kills: replicas that are filled in where somebody gave some
  const filled = missingReplicas(object, { deployments: storeOf(kind, [deployment()]) });
  expect(filled).toBe('replicas' in given ? undefined : want);
});

test("whose change it is says the Deployment's template, where that describes the pods", () => {
  const annotations = { 'headgate.dev/change-author': 'ana' };
  const described = { ...template, metadata: { ...template.metadata, annotations } };
  // kills: an author whom nobody knows, and who so may approve a change of their own
  expect(readRollout(rollout(), deployment({ template: described }))).toMatchObject({ change: { author: 'ana' } });
});

test('a Rollout whose Deployment is missing says which', () => {
  expect(readRollout(rollout())).toEqual({
    ok: false,
    problems: [
      { field: 'spec.workloadRef', message: 'Deployment web does not exist: create it, or delete the Rollout' },
    ],
  });
});

function scaler(spec: Record<string, unknown>, ownerReferences: { kind: string }[] = []): KubeObject {
  const metadata = { name: 'web', namespace: 'shop', ownerReferences } as KubeObject['metadata'];
  return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata, spec };
}

test.each([
  { name: 'that points at it', object: scaler({ scaleTargetRef: { kind: 'Deployment', name: 'web' } }), told: true },
  {
    name: 'of another Deployment',
    object: scaler({ scaleTargetRef: { kind: 'Deployment', name: 'api' } }),
    told: false,
  },
  { name: 'of the Rollout', object: scaler({ scaleTargetRef: { kind: 'Rollout', name: 'web' } }), told: false },
  {
    name: 'that a ScaledObject keeps',
    object: scaler({ scaleTargetRef: { kind: 'Deployment', name: 'web' } }, [{ kind: 'ScaledObject' }]),
    told: false,
  },
])('an autoscaler $name', ({ object, told }) => {
  const [first] = scalerKinds;
  const problems = first === undefined ? [] : scalerProblems(rollout(), [storeOf(first, [object])]);
  const message = `HorizontalPodAutoscaler web scales Deployment web: point it at the Rollout with kubectl patch horizontalpodautoscaler web -n shop --type=merge -p '{"spec":{"scaleTargetRef":{"apiVersion":"headgate.dev/v1alpha1","kind":"Rollout","name":"web"}}}'`;
  expect(problems).toEqual(told ? [{ field: 'spec.workloadRef', message, barsPods: true }] : []);
});
