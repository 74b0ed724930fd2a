import { describe, expect, test } from 'vitest';
import { ENDPOINT_SLICE, HTTP_ROUTE, POD, REPLICA_SET, SERVICE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { createActor } from '#sandbox/actor.ts';
import { runCluster } from '#sandbox/cluster.ts';
import { dig } from '#sandbox/kind.ts';
import { readySince } from '#sandbox/replica-set-controller.ts';
import { createSandbox } from '#sandbox/sandbox.ts';
import type { Course } from '#sandbox/virtual-kubelet.ts';
import { parseImage } from '#test/lab/pods/behaviour.ts';
import { createVirtualClock, seededRandom } from '#test/support/virtual-clock.ts';

/** What a cluster does by itself, in time that passes when told to. */

function build() {
  const clock = createVirtualClock();
  const sandbox = createSandbox({ clock, random: seededRandom(3) });
  const actor = createActor(sandbox, 'tester');
  return { clock, sandbox, actor, cluster: runCluster(sandbox, { courseOf }) };
}

/** The lab's images mean the same here. */
function courseOf(image: string): Course {
  const { behaviour } = parseImage(image);
  if (behaviour === undefined) return { readyMs: undefined, stopMs: 0 };
  return { readyMs: behaviour.neverReady ? undefined : behaviour.slowStartMs, stopMs: behaviour.slowStopMs };
}

type World = ReturnType<typeof build>;

const labels = { app: 'shop' };
const ref = (resource: typeof POD, name: string) => ({ resource, namespace: 'default', name });

function addSet({ actor }: World, { image = 'shop:v1', replicas = 2, minReadySeconds = 0 } = {}): void {
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image }] } };
  actor.create(REPLICA_SET, {
    metadata: { name: 'shop', namespace: 'default' },
    spec: { replicas, minReadySeconds, selector: { matchLabels: labels }, template },
  });
}

function addService({ actor }: World): void {
  const spec = { selector: labels, ports: [{ port: 80, targetPort: 8080 }] };
  actor.create(SERVICE, { metadata: { name: 'shop', namespace: 'default' }, spec });
}

const pods = ({ actor }: World) => actor.list(POD, 'default');
const setStatus = ({ actor }: World) => actor.get(ref(REPLICA_SET, 'shop'))?.['status'];
const names = (objects: KubeObject[]) => objects.map(({ metadata }) => metadata.name);

describe('a ReplicaSet', () => {
  test('has its pods made, and knows when they are ready and available', async () => {
    const world = build();
    addSet(world, { minReadySeconds: 5 });
    await world.clock.advance(100);
    expect(setStatus(world)).toMatchObject({ replicas: 2, readyReplicas: 0, observedGeneration: 1 });
    await world.clock.advance(2000);
    expect(setStatus(world)).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 0 });
    await world.clock.advance(10_000);
    expect(setStatus(world)).toMatchObject({ availableReplicas: 2 });
  });

  test('loses the pods that do not serve first', async () => {
    const world = build();
    addSet(world, { replicas: 3 });
    await world.clock.advance(2000);
    const [first = '', , last = ''] = names(pods(world));
    world.cluster.kubelet.setBroken(first, true);
    world.actor.merge(ref(REPLICA_SET, 'shop'), { spec: { replicas: 2 } });
    await world.clock.advance(5000);
    expect(names(pods(world))).not.toContain(first);
    expect(names(pods(world))).toContain(last);
  });

  test('lets go of a pod that lost its labels, and makes another', async () => {
    const world = build();
    addSet(world, { replicas: 1 });
    await world.clock.advance(2000);
    const [name = ''] = names(pods(world));
    world.actor.merge(ref(POD, name), { metadata: { labels: { app: null } } });
    await world.clock.advance(2000);
    expect(pods(world).map(({ metadata }) => metadata.ownerReferences?.length ?? 0)).toEqual(
      expect.arrayContaining([0, 1]),
    );
  });

  test.each([
    { name: 'an image that never becomes ready', image: 'shop:v2-neverready' },
    { name: 'an image that means nothing', image: 'shop:v2-nonsense' },
  ])('$name never is', async ({ image }) => {
    const world = build();
    addSet(world, { image });
    await world.clock.advance(60_000);
    expect(setStatus(world)).toMatchObject({ replicas: 2, readyReplicas: 0 });
  });
});

test('endpoints follow pods, from ready to terminating', async () => {
  const world = build();
  addSet(world, { image: 'shop:v1-slowstop-3s', replicas: 1 });
  addService(world);
  const endpoints = () =>
    dig(world.actor.list(ENDPOINT_SLICE, 'default')[0], ['endpoints']) as { conditions: object }[];
  await world.clock.advance(2000);
  expect(endpoints()).toMatchObject([{ conditions: { ready: true, serving: true, terminating: false } }]);
  const [pod = ''] = names(pods(world));
  world.actor.remove(ref(POD, pod), {});
  await world.clock.advance(500);
  expect(endpoints()).toMatchObject([{ conditions: { ready: false, terminating: true } }, ...endpoints().slice(1)]);
  await world.clock.advance(5000);
  expect(endpoints()).toMatchObject([{ conditions: { ready: true } }]);
});

test('a route is accepted first and used a little later, and a frozen gateway uses nothing', async () => {
  const world = build();
  const live = () => Object.fromEntries(world.cluster.gateway.live('default/shop'));
  const backend = (weight: number) => ({
    spec: { parentRefs: [{ name: 'gate' }], rules: [{ backendRefs: [{ name: 'shop', port: 80, weight }] }] },
  });
  world.actor.create(HTTP_ROUTE, { metadata: { name: 'shop', namespace: 'default' }, ...backend(1) });
  await world.clock.advance(150);
  const accepted = ['status', 'parents', '0', 'conditions', '0', 'status'];
  expect([dig(world.actor.get(ref(HTTP_ROUTE, 'shop')), accepted), live()]).toEqual(['True', {}]);
  await world.clock.advance(300);
  expect(live()).toEqual({ shop: 1 });
  world.cluster.gateway.frozen = true;
  world.actor.merge(ref(HTTP_ROUTE, 'shop'), backend(7));
  await world.clock.advance(3000);
  expect(live()).toEqual({ shop: 1 });
  world.cluster.gateway.frozen = false;
  await world.clock.advance(3000);
  expect(live()).toEqual({ shop: 7 });
});

test('a cluster at rest writes nothing', async () => {
  const world = build();
  addSet(world);
  addService(world);
  await world.clock.advance(10_000);
  const before = world.sandbox.store.version;
  await world.clock.advance(600_000);
  expect([world.sandbox.store.version, pods(world).map(readySince).length]).toEqual([before, 2]);
});
