import { expect, test } from 'vitest';
import type { Plan, ReleaseState, State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { allowances } from '#operator/allowances.ts';
import type { Stores } from '#operator/stores.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { readRollout } from '#schema/translate.ts';
import { rollout as sample } from '../schema/objects.ts';

const NOW = 1_700_000_000_000;

const rollout: KubeObject = {
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: 'shop', namespace: 'shop', uid: 'uid-shop' },
};

/** A record of an attempt that failed, and what it burnt of a budget. */
function failed(name: string, revision: string): KubeObject {
  const metadata = { name, namespace: 'shop', ownerReferences: [{ uid: 'uid-shop' }] };
  const status = {
    startedAt: new Date(NOW - 60_000).toISOString(),
    attempts: 1,
    breach: { cause: 'Worse', message: 'a: 5% bad' },
    exposure: { excess: 500 },
    gates: [{ gate: 'a', spend: '0.4%' }],
  };
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Release',
    metadata,
    spec: { revision, attempt: 1 },
    status,
  } as unknown as KubeObject;
}

const DAY = 86_400_000;
const plan = {
  gates: [{ name: 'a', slo: { name: 'a', windowMs: 28 * DAY, sli: { kind: 'events' } } }],
} as unknown as Plan;

/** What is seen by a Rollout of three releases, whose newest template is v3. */
function seen(release: Partial<ReleaseState> | undefined) {
  const wish = readRollout(sample({}));
  if (!wish.ok) throw new Error('the sample is fine');
  const releases = { byIndex: () => [failed('shop-1', 'v3'), failed('shop-2', 'v2')] };
  const stores = { releases, rollouts: {} } as unknown as Stores;
  const state: State = { ...initialState(NOW), stable: 'v1', ...(release && { release: release as ReleaseState }) };
  const places = { sight: () => ({ namespace: 'shop', others: [] }) };
  const spec = { ...wish.spec, revision: 'v3' };
  return allowances(rollout, state, { wish, spec, proposal: plan }, { stores, places, figures: [], now: NOW });
}

const ending = { kind: 'Superseded', at: NOW, why: '' } as const;
const under = { name: 'shop-2', revision: 'v2', stage: 'Holding' } as const;

// kills: `tried` and budgets for a beginning without a release before it alone
test('what begins in the very pass in which another release ends knows of its own failures, and of what that one burnt', () => {
  const { tried, budget, places } = seen({ ...under, ending });
  expect(tried).toEqual({ attempts: 1, breach: 'a: 5% bad' });
  expect(budget?.budgets.map(({ carried }) => carried)).toEqual([0.008]);
  expect(places).toBeDefined();
  expect(seen(undefined)).toEqual({ tried, budget, places });
});

test.each<{ name: string; because: string; release: Partial<ReleaseState> }>([
  { name: 'on a step', because: 'nothing begins', release: { ...under, revision: 'v3' } },
  {
    name: 'that waits for a person',
    because: 'a retry is the same attempts',
    release: { ...under, revision: 'v3', ending },
  },
])('no record is read for a release $name: $because', ({ release }) => {
  const { tried, budget } = seen(release);
  expect({ tried, budget }).toEqual({});
});

// kills: a release that counts against its own budget, or as its own failure
test('one that prepares is no earlier one', () => {
  const { tried, budget } = seen({ ...under, revision: 'v3', name: 'shop-1', stage: 'Preparing' });
  expect(tried).toBeUndefined();
  expect(budget?.budgets.map(({ carried }) => carried)).toEqual([0.004]);
});
