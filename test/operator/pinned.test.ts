import { expect, test } from 'vitest';
import type { State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { underPin, wishedRevision } from '#operator/pinned.ts';
import type { Stores } from '#operator/stores.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { RolloutWish } from '#schema/translate.ts';

const rollout: KubeObject = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'shop', namespace: 'shop', uid: 'mine' },
};

const template = (image: string, labels: Record<string, string> = {}) => ({
  metadata: { labels: { app: 'shop', ...labels } },
  spec: { containers: [{ name: 'app', image }] },
});

function setOf(uid: string): KubeObject {
  const labels = { 'headgate.dev/rollout': 'shop', 'headgate.dev/revision': 'v1', 'headgate.dev/stable': 'true' };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    metadata: {
      ...{ name: 'shop-v1', namespace: 'shop' },
      ownerReferences: [{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', name: 'shop', uid }],
    },
    spec: { template: template('shop:v1', labels) },
  };
}

const wishFor = (revision: string) =>
  ({
    spec: { revision, replicas: 3 },
    source: { template: template(`shop:${revision}`), minReadySeconds: 7 },
    change: { author: 'bob' },
  }) as unknown as RolloutWish;

const pinned = { revision: 'v1', over: 'v2', by: 'ann' };
const refused = [{ field: 'spec.template', message: 'no' }];

interface Row {
  name: string;
  because: string;
  given: { revision: string; found?: typeof refused; set?: KubeObject; state?: Partial<State> };
  want: { revision: string; image: string; template?: string; problems: string[] };
}

const v1 = { revision: 'v1', image: 'shop:v1', template: 'v2', problems: [] };

// kills: a pin that an edit ends which the API server refuses; pods of somebody else's ReplicaSet
test.each<Row>([
  {
    name: 'nothing pinned',
    because: 'the Rollout says it',
    given: { revision: 'v2', state: {} },
    want: { revision: 'v2', image: 'shop:v2', problems: [] },
  },
  { name: 'pinned over the template', because: 'its ReplicaSet says it', given: { revision: 'v2' }, want: v1 },
  {
    name: 'a new template',
    because: 'the pin was over another one',
    given: { revision: 'v3', found: [] },
    want: { revision: 'v3', image: 'shop:v3', problems: [] },
  },
  { name: 'one that nobody knows yet', because: 'it may be refused', given: { revision: 'v3' }, want: v1 },
  {
    name: 'one that is refused',
    because: 'an invalid edit replaces nothing',
    given: { revision: 'v3', found: refused },
    want: { ...v1, problems: ['spec.template'] },
  },
  {
    name: 'a ReplicaSet that is gone',
    because: 'a person must choose another one',
    given: { revision: 'v2', set: setOf('other') },
    want: { ...v1, image: 'shop:v2', problems: ['status.state.pinned'] },
  },
])('$name: $because', ({ given: { revision, found, set = setOf('mine'), state = { pinned } }, want }) => {
  const stores = { sets: { get: () => set }, releases: { byIndex: () => [] } } as unknown as Stores;
  const known = { wish: wishFor(revision), sets: [], stores, templateProblems: () => found };
  const { wish, template: over, problems } = underPin(rollout, { ...initialState(0), ...state }, known);
  expect(wish.spec).toMatchObject({ revision: want.revision, replicas: 3 });
  expect(wish.source.template).toEqual(template(want.image));
  expect(over).toBe(want.template);
  expect(problems.map(({ field }) => field)).toEqual(want.problems);
});

test('nobody is named as the author where no record is kept, and never the author of the template', () => {
  const stores = { sets: { get: () => setOf('mine') }, releases: { byIndex: () => [] } } as unknown as Stores;
  const known = { wish: wishFor('v2'), sets: [], stores, templateProblems: () => undefined };
  expect(underPin(rollout, { ...initialState(0), pinned }, known).wish.change).toEqual({});
});

test.each([
  { revision: 'v2', want: 'v1' },
  { revision: 'v3', want: 'v3' },
])('with the template $revision a release would try $want', ({ revision, want }) => {
  expect(wishedRevision({ ...initialState(0), pinned }, revision)).toBe(want);
});
