import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import { FINALIZER } from '#core/labels.ts';
import { OperatorError } from '#lib/errors.ts';
import { createReconcile } from '#operator/reconcile.ts';
import type { Stores } from '#operator/stores.ts';
import type { Log } from '#ports/log.ts';
import { storable } from '#schema/translate.ts';
import { releasing, World } from '#test/core/world.ts';
import { rollout as sampleRollout } from '#test/schema/objects.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

/** The order of one pass: down is free, up needs a record, and only who leads writes. */

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => quiet };

interface Turn {
  storeFails?: boolean;
  lowerFails?: Error;
  /** What asking the API server about a new template comes to. */
  prepare?: () => Promise<void>;
  /** Ask number at which leadership is gone; 0 means never had. */
  leadsFor?: number;
  /** HTTPRoutes may not be read. */
  closed?: boolean;
  /** Rollout.spec, as far as the pass itself reads it. */
  spec?: Record<string, unknown>;
}

/** One reconcile over what the world looks like; tells what was written, in order. */
async function pass(
  world: World,
  {
    storeFails = false,
    lowerFails,
    leadsFor = Number.POSITIVE_INFINITY,
    prepare = async () => {},
    closed = false,
    spec = { traffic: [] },
  }: Turn = {},
) {
  const written: string[] = [];
  const told: string[] = [];
  let asked = 0;
  let followed = 0;
  let shown = 0;
  const clock = createVirtualClock({ wall: world.now });
  const metadata = { name: 'shop', namespace: 'shop', uid: 'u-1', resourceVersion: '1', finalizers: [FINALIZER] };
  const status = { state: storable(world.state), stable: { replicas: 4 } };
  const rollout = { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata, spec, status };
  const caches = {
    rollouts: { get: () => rollout, fresh: () => true },
    services: { fresh: () => ++shown > 0 },
    sets: { byIndex: () => [{ metadata: { name: 'shop-v2' } }], fresh: () => ++shown > 0 },
    routes: new Map([['HTTPRoute', { resource: { group: 'x', plural: 'y' }, forbidden: closed, fresh: () => true }]]),
  };
  const done = createReconcile({
    api: {
      mergePatch(_: unknown, patch: unknown) {
        written.push(`patch ${JSON.stringify(patch)}`);
        return Promise.reject(new OperatorError('KUBE_FORBIDDEN', 'a policy'));
      },
    } as never,
    stores: caches as unknown as Stores,
    clock,
    log: quiet,
    telemetry: recordTelemetry(),
    prepare,
    decided: () => undefined,
    look: () => ({ seen: world.seen(), pods: [] }),
    async apply(_, effect) {
      if (lowerFails !== undefined && nameOf(effect) === 'lower') throw lowerFails;
      written.push(nameOf(effect));
    },
    status: {
      async write(_, { changed }) {
        if (storeFails) throw new OperatorError('KUBE_CONFLICT', 'somebody wrote first');
        if (changed) written.push('store');
      },
      forget() {},
    },
    follow() {
      followed += 1;
    },
    settle: async () => {},
    forget() {},
    tell: (_, { reason }) => void told.push(reason),
    isLeader: () => asked++ < leadsFor,
  })('shop/shop', new AbortController().signal);
  const error = await done.then(() => undefined).catch((thrown: unknown) => thrown);
  return { failed: error !== undefined, error, written, told, followed, shown };
}

function nameOf(effect: Effect): string {
  if (effect.kind !== 'SetWeight') return effect.kind;
  return effect.raise ? 'raise' : 'lower';
}

const before = (stage: string): World => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === stage);
  world.now += 60_000;
  return world;
};

function breaching(): World {
  const world = before('Holding');
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  return world;
}

// kills: acting before storing
test('a raise comes after the store of its record, and never without it', async () => {
  const world = before('Probing');
  const { written } = await pass(world);
  expect(written.filter((word) => word === 'store' || word === 'raise')).toEqual(['store', 'raise']);
  expect(await pass(world, { storeFails: true })).toMatchObject({ failed: true, written: [] });
});

// kills: lowering after the store
test('a lowering does not wait for the store, and happens without it', async () => {
  const { failed, written } = await pass(breaching(), { storeFails: true });
  expect({ failed, written }).toEqual({ failed: true, written: ['lower'] });
});

// kills: a fence that is written while the record of it is lost
test('a fence over traffic that somebody has taken away waits for its record', async () => {
  const world = breaching();
  Object.assign(world.routes[0] as object, { weight: 0, manager: 'kubectl-edit' });
  expect(await pass(world, { storeFails: true })).toMatchObject({ failed: true, written: [] });
  expect((await pass(world)).written.slice(0, 2)).toEqual(['store', 'lower']);
});

// kills: a lowering in the back-off of everything else
test('a lowering that fails is tried again within seconds, however often it has failed', async () => {
  const lowerFails = new OperatorError('KUBE_UNAVAILABLE', 'the webhook of the gateway is down');
  const { error, written } = await pass(breaching(), { lowerFails });
  expect(error).toMatchObject({ code: 'KUBE_UNAVAILABLE', message: lowerFails.message, retryWithinMs: 4000 });
  expect(written).toEqual(['store']);
});

// kills: a route that nobody may see, taken for one that is gone
test('nothing is decided while what the Rollout names may not be read', async () => {
  const seen = await pass(breaching(), { closed: true });
  expect(seen).toMatchObject({ error: { code: 'KUBE_FORBIDDEN' }, written: [], told: ['RightMissing'] });
  expect(await pass(breaching(), { closed: true, leadsFor: 0 })).toMatchObject({ failed: true, told: [] });
});

// kills: a right that is missing stands before a lowering that is on record
test('what is on record is taken down, whatever may not be read', async () => {
  const world = breaching();
  world.state = decide(world.state, world.seen(), world.now).next;
  const seen = await pass(world, { closed: true });
  expect(seen).toMatchObject({ error: { code: 'KUBE_FORBIDDEN' }, written: ['lower'] });
});

// kills: probes of a stay that nobody could store, begun anew at every try
test('gates and probes follow what is stored, and nothing else', async () => {
  expect(await pass(before('Probing'))).toMatchObject({ followed: 1 });
  expect(await pass(before('Probing'), { storeFails: true })).toMatchObject({ followed: 0 });
  expect(await pass(before('Probing'), { leadsFor: 0 })).toMatchObject({ followed: 0 });
});

// kills: a dead watch of ReplicaSets that is believed for as long as it says nothing
test('each pass asks whether the sizes that were written show, and the selector', async () => {
  expect(await pass(before('Holding'), { spec: { service: 'shop' } })).toMatchObject({ failed: false, shown: 2 });
});

// kills: a leader that is asked once a pass
test('who has lost the lease in the middle of a pass raises nothing; who never had it still lowers', async () => {
  expect((await pass(before('Probing'), { leadsFor: 1 })).written).toEqual(['store']);
  expect((await pass(breaching(), { leadsFor: 0 })).written).toEqual(['lower']);
});

// kills: asking about a new template before looking at the traffic
test('a template that cannot be checked holds back no lowering, and is asked about again', async () => {
  const prepare = () => Promise.reject(new OperatorError('KUBE_UNAVAILABLE', 'no answer'));
  const { failed, written } = await pass(breaching(), { prepare });
  expect(failed).toBe(true);
  expect(written).toContain('lower');
  expect(written).toContain('store');
});

// kills: replicas that are filled in before the look
test('a spec that nobody may write holds back no lowering', async () => {
  const { spec } = sampleRollout();
  const { failed, written } = await pass(breaching(), { spec });
  expect(written).toContain('lower');
  // kills: an autoscaler that reads 0 until the release is over; one pod, where four serve
  expect(written.at(-1)).toBe('patch {"metadata":{"resourceVersion":"1"},"spec":{"replicas":4}}');
  expect(failed, 'it has done all that matters').toBe(false);
  const atRest = await pass(new World(), { spec });
  expect(atRest.failed).toBe(true);
  expect(atRest.written).toEqual([expect.stringContaining('"spec":{"replicas":4}')]);
});

/** The moment at which one bad pod of three is blamed for the second time. */
function blaming(): World {
  const world = releasing();
  world.plan = { ...world.plan, steps: [{ weight: 5000, holdMs: 600_000, canaryReplicas: 3 }] };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  const pod = world.pods.find(({ set }) => set === 'shop-v2')?.name ?? '';
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets', cause: 'SinglePod', pod });
  world.counts = { at: 1, canary: { total: 400, bad: 4 } };
  world.tick();
  world.counts = { at: 2, canary: { total: 500, bad: 8 } };
  return world;
}

// kills: a pod that is deleted before anybody knows why, or by one who does not lead any more
test('a bad pod goes after the store of its record, and never without it or without the lease', async () => {
  const { written } = await pass(blaming());
  expect(written.filter((word) => word === 'store' || word === 'DeletePod')).toEqual(['store', 'DeletePod']);
  expect(await pass(blaming(), { storeFails: true })).toMatchObject({ failed: true, written: [] });
  expect((await pass(blaming(), { leadsFor: 1 })).written).toEqual(['store']);
});
