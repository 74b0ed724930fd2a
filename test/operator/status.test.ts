import { expect, test } from 'vitest';
import type { State } from '#core/model.ts';
import { OperatorError } from '#lib/errors.ts';
import { createStatusWriter } from '#operator/status.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { Store } from '#runtime/cache.ts';
import { releasing } from '#test/core/world.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

const releasingWorld = releasing();
releasingWorld.runUntil(({ state }) => state.release?.stage === 'Holding');

/** A fleet whose sentences change at every tick, as the figures of a gate do. */
function fleet(size: number) {
  const world = releasingWorld;
  const clock = createVirtualClock({ wall: world.now });
  const rollouts = new Map<string, KubeObject>();
  for (let i = 0; i < size; i++) {
    const metadata = { name: `shop-${i}`, namespace: 'shop', uid: `u-${i}`, generation: 1 };
    rollouts.set(metadata.name, { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata });
  }
  let writes = 0;
  const api: Pick<KubeApi, 'replace'> = {
    async replace(_, object) {
      writes++;
      rollouts.set(object.metadata.name, object);
      return object;
    },
  };
  const store: Pick<Store, 'noteWrite'> = { noteWrite() {} };
  const writer = createStatusWriter({ api: api as KubeApi, store: store as Store, clock });
  const sight = { seen: world.seen(), pods: [] };
  const write = async (more: Partial<State>, changed = false) => {
    const next = { ...world.state, ...more };
    const answers: (number | undefined)[] = [];
    for (const rollout of rollouts.values()) answers.push(await writer.write(rollout, { next, sight, changed }));
    return answers;
  };
  const taken = () => {
    const count = writes;
    writes = 0;
    return count;
  };
  const status = () => rollouts.get('shop-0')?.['status'];
  return { clock, write, taken, status };
}

// kills: writing whatever differs; a condition that repeats the sentence and so makes it urgent
test('hundreds of moving releases do not write hundreds of statuses a second', async () => {
  const { clock, write, taken } = fleet(400);
  await write({ message: 'Holding: 0 of 100 samples' }, true);
  taken();
  // A minute, looked at as often as one release alone would be written.
  for (let tick = 1; tick <= 12; tick++) {
    clock.freeze(5000);
    await write({ message: `Holding: ${tick} of 100 samples` });
  }
  const written = taken();
  expect(written, 'fifty a second at most').toBeLessThanOrEqual(60 * 50);
  expect(written, 'and each in its turn').toBeGreaterThanOrEqual(1500);
});

test('one release alone tells its figures every five seconds, and says when those that wait are due', async () => {
  const { clock, write, taken } = fleet(1);
  await write({ message: 'Holding: 0 of 100 samples' }, true);
  clock.freeze(2000);
  expect(await write({ message: 'Holding: 2 of 100 samples' })).toEqual([3000]);
  expect(taken()).toBe(1);
  clock.freeze(3000);
  expect(await write({ message: 'Holding: 5 of 100 samples' })).toEqual([undefined]);
  expect(taken()).toBe(1);
});

// kills: a state that waits with its figures
test('a change of state and of its conditions waits for nothing', async () => {
  const { write, taken } = fleet(1);
  await write({}, true);
  await write({ message: 'Holding: 1 of 100 samples' }, true);
  expect(taken()).toBe(2);
  await write({ phase: 'Paused', reason: 'User' });
  expect(taken()).toBe(1);
});

// kills: an autoscaler that acts on an arm with hardly any traffic, on one that waits for it, or on one that has gone back
test.each([
  { weight: 49_999, arrivedAt: 1, ending: false, arm: 'stable', because: 'most requests are still there' },
  {
    weight: 50_000,
    arrivedAt: 1,
    ending: false,
    arm: 'canary',
    because: 'from the half on the canary is the one to size',
  },
  {
    weight: 50_000,
    arrivedAt: undefined,
    ending: false,
    arm: 'stable',
    because: 'its pods are still coming, without load',
  },
  { weight: 95_000, arrivedAt: 1, ending: true, arm: 'stable', because: 'the traffic is on its way back' },
])('scale shows $arm at $weight, ending: $ending: $because', async ({ weight, arrivedAt, ending, arm }) => {
  const { write, status } = fleet(1);
  const { release } = releasingWorld.state;
  if (release === undefined) throw new Error('there is a release');
  const gone = { ending: { kind: 'Retreat', at: 0, why: 'test' } } as const;
  const { arrivedAt: _, ...rest } = { ...release, step: 2, weight };
  const arrived = arrivedAt === undefined ? {} : { arrivedAt };
  await write({ release: { ...rest, ...arrived, ...(ending ? gone : {}) } }, true);
  const revision = arm === 'canary' ? 'v2' : 'v1';
  expect(status()).toMatchObject({
    selector: `headgate.dev/rollout=shop-0,headgate.dev/revision=${revision}`,
    replicas: arm === 'canary' ? 1 : 4,
  });
});

// kills: a conflict of which the store never hears. A watch that fell silent would be believed for a minute and a half,
// and every record of a new leader be refused meanwhile (seed 200349 of the stormy worlds).
test.each([
  { name: 'a conflict', code: 'KUBE_CONFLICT', told: 1, because: 'the store is older than the API server' },
  { name: 'an outage', code: 'KUBE_UNAVAILABLE', told: 0, because: 'it says nothing about versions' },
] as const)('$name: the store hears of $told: $because', async ({ code, told }) => {
  const world = releasingWorld;
  const metadata = { name: 'shop', namespace: 'shop', uid: 'u', resourceVersion: '1' };
  const rollout = { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata };
  const judged: KubeObject[] = [];
  const api: Pick<KubeApi, 'replace'> = { replace: () => Promise.reject(new OperatorError(code, 'refused')) };
  const store: Pick<Store, 'noteWrite' | 'noteConflict'> = {
    noteWrite() {},
    noteConflict: (object) => void judged.push(object),
  };
  const writer = createStatusWriter({ api: api as KubeApi, store: store as Store, clock: createVirtualClock() });
  const sight = { seen: world.seen(), pods: [] };
  await expect(writer.write(rollout, { next: world.state, sight, changed: true })).rejects.toThrow('refused');
  expect(judged).toEqual(told === 1 ? [rollout] : []);
});
