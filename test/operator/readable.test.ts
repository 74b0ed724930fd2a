import { expect, test } from 'vitest';
import { initialState } from '#core/state.ts';
import { missingRight } from '#operator/readable.ts';
import { type Stores, storesOf, watched } from '#operator/stores.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createStore } from '#runtime/cache.ts';
import { silentLog } from '#runtime/json-log.ts';
import { storable } from '#schema/translate.ts';
import { releasing } from '#test/core/world.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

/** Stores as informers leave them, those of some kinds closed. */
function storesWithout(plurals: readonly string[]): Stores {
  const made = watched.map(({ resource, indexes = {} }) => {
    const store = createStore({ resource, indexes, clock: createVirtualClock(), log: silentLog });
    const forbidden = plurals.includes(resource.plural);
    for (const change of [{ kind: 'begin' }, { kind: 'commit', forbidden }] as const) store.apply(change);
    return store;
  });
  const find = (resource: unknown) => made.find((store) => store.resource === resource);
  return storesOf({ store: find } as unknown as Parameters<typeof storesOf>[0]);
}

const world = releasing();
world.runUntil(({ state }) => state.release?.stage === 'Holding');
const stored = (state: typeof world.state) => ({ state: storable(state) });
const adopted = { ...initialState(0), stable: 'v1', adopted: { deployment: 'shop', replicas: 2, at: 0 } };
const named = { workloadRef: { kind: 'Deployment', name: 'shop' } };

interface Row {
  name: string;
  because: string;
  closed: string[];
  spec: Record<string, unknown>;
  status?: unknown;
  want: RegExp | undefined;
}

// kills: routes and Deployments that are taken for gone because nobody may see them
test.each<Row>([
  {
    name: 'kinds that it does not name',
    because: 'one Rollout on Istio must not stop those on the Gateway API',
    closed: ['virtualservices', 'deployments', 'resourcequotas', 'poddisruptionbudgets', 'scaledobjects'],
    spec: { traffic: [{ httpRoute: 'shop' }] },
    want: undefined,
  },
  {
    name: 'its route',
    because: 'a route that nobody may see still sends to the canary',
    closed: ['httproutes'],
    spec: { traffic: [{ httpRoute: 'shop' }] },
    want: /may not list and watch httproutes\.gateway\.networking\.k8s\.io.*apply the roles/,
  },
  {
    name: 'the route of its release, no longer in its spec',
    because: 'the release goes on with what it began with',
    closed: ['httproutes'],
    spec: { traffic: [] },
    status: stored(world.state),
    want: /httproutes/,
  },
  {
    name: 'a route that came into the spec in the middle of its release',
    because: 'a breach of that release must still reach weight 0',
    closed: ['ingresses'],
    spec: { traffic: [{ httpRoute: 'shop' }, { nginxIngress: 'shop' }] },
    status: stored(world.state),
    want: undefined,
  },
  {
    name: 'ReferenceGrants, with a route of another namespace',
    because: 'a grant that nobody may see is not one that is missing',
    closed: ['referencegrants'],
    spec: { traffic: [{ httpRoute: 'public', namespace: 'edge' }] },
    want: /referencegrants\.gateway/,
  },
  {
    name: 'ReferenceGrants, with routes of its own namespace',
    because: 'they need none',
    closed: ['referencegrants'],
    spec: { traffic: [{ httpRoute: 'shop', namespace: 'shop' }] },
    want: undefined,
  },
  {
    name: 'its Deployment',
    because: 'a Deployment that nobody may see is not one that is gone: our pods would leave without it',
    closed: ['deployments'],
    spec: { traffic: [] },
    status: stored(adopted),
    want: /deployments\.apps/,
  },
  {
    name: 'autoscalers, before the Deployment is taken over',
    because: 'they would scale against us',
    closed: ['horizontalpodautoscalers'],
    spec: { traffic: [], ...named },
    want: /horizontalpodautoscalers\.autoscaling/,
  },
  {
    name: 'autoscalers, after it',
    because: 'a breach of a release must still reach weight 0',
    closed: ['horizontalpodautoscalers'],
    spec: { traffic: [], ...named },
    status: stored(adopted),
    want: undefined,
  },
])('closed are $name: $because', ({ closed, spec, status, want }) => {
  const metadata = { name: 'shop', namespace: 'shop', uid: 'u-1' };
  const rollout: KubeObject = { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata, spec, status };
  const error = missingRight(rollout, storesWithout(closed));
  if (want === undefined) expect(error).toBeUndefined();
  else expect(error).toMatchObject({ code: 'KUBE_FORBIDDEN', message: expect.stringMatching(want) });
});
