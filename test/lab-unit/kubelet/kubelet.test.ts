import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { silentLog } from '#runtime/json-log.ts';
import { startKubelet } from '../../lab/kubelet/kubelet.ts';
import type { Pod } from '../../lab/kubelet/pod-object.ts';
import type { HttpGet } from '../../lab/kubelet/readiness.ts';
import type { PodSpec, RunningPod } from '../../lab/pods/pod.ts';
import { handClock } from '../hand-clock.ts';
import { fakeCluster } from './fake-cluster.ts';

/** A pod process that does what the test says. */
interface FakeProcess extends RunningPod {
  spec: PodSpec;
  isReady: boolean;
  state: 'new' | 'running' | 'stopping' | 'stopped' | 'killed';
  /** Ends a graceful stop. */
  close(): void;
}

function fakeProcess(spec: PodSpec, isReady: boolean): FakeProcess {
  const closed = Promise.withResolvers<void>();
  let behaviour = spec.behaviour;
  return {
    spec,
    isReady,
    state: 'new',
    async start() {
      this.state = 'running';
      return { port: spec.port };
    },
    async stop() {
      this.state = 'stopping';
      await closed.promise;
      this.state = 'stopped';
    },
    kill() {
      if (this.state !== 'stopped') this.state = 'killed';
    },
    ready() {
      return this.isReady;
    },
    behave(next) {
      behaviour = next;
    },
    behaviour: () => behaviour,
    close: closed.resolve,
  };
}

function world({
  ready = true,
  httpGet = async () => 200 as number | undefined,
}: {
  ready?: boolean;
  httpGet?: HttpGet;
} = {}) {
  const clock = handClock();
  const cluster = fakeCluster(clock);
  const processes: FakeProcess[] = [];
  const createPod = (spec: PodSpec) => {
    const process = fakeProcess(spec, ready);
    processes.push(process);
    return {
      ...process,
      start: process.start.bind(process),
      stop: process.stop.bind(process),
      kill: process.kill.bind(process),
      ready: process.ready.bind(process),
    };
  };
  const deps = { clock, log: silentLog, createPod, httpGet, podCidr: '10.99.0.0/16' };
  const start = (random = 0) => startKubelet({ ...deps, random: () => random, api: cluster.api, watch: cluster.watch });
  /** Lets everything happen that needs no time. */
  const settle = async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
  };
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  const latest = () => processes.at(-1) as FakeProcess;
  return { clock, cluster, processes, latest, start, settle, pass };
}

const readyIn = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
// biome-ignore lint/suspicious/noExplicitAny: a status is looked at field by field, as a person reads it.
const containerIn = (pod: Pod) => pod.status?.containerStatuses?.[0] as any;

test('a new pod is bound, served on an address of its own and reported ready', async () => {
  const { cluster, start, settle, latest } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  cluster.add('shop-2', 'lab/shop:v1');
  await settle();
  const [one, two] = [cluster.pod('shop-1'), cluster.pod('shop-2')];
  expect(one.spec.nodeName).toBe('lab-node');
  expect(one.status).toMatchObject({ phase: 'Running', podIP: '10.99.1.0', podIPs: [{ ip: '10.99.1.0' }] });
  expect(two.status?.podIP).toBe('10.99.1.1');
  expect(one.status?.conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
    'PodScheduled=True',
    'Initialized=True',
    'ContainersReady=True',
    'Ready=True',
  ]);
  expect(containerIn(one)).toMatchObject({ ready: true, started: true, restartCount: 0, image: 'lab/shop:v1' });
  expect(containerIn(one).imageID).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(latest().spec.address).toBe('10.99.1.1');
});

test('a tag with an unknown part never runs and says why', async () => {
  const { cluster, start, settle, processes } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1-bogus');
  await settle();
  expect(containerIn(cluster.pod('shop-1')).state.waiting).toMatchObject({
    reason: 'ErrImagePull',
    message: expect.stringContaining('"bogus"'),
  });
  expect(cluster.pod('shop-1').status?.phase).toBe('Pending');
  expect(processes).toEqual([]);
});

test('a process that has not started is not ready, and becomes it without a probe', async () => {
  const { cluster, start, settle, pass, latest } = world({ ready: false });
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  expect(readyIn(cluster.pod('shop-1'))).toBe('False');
  latest().isReady = true;
  await pass(100);
  expect(readyIn(cluster.pod('shop-1'))).toBe('True');
});

test('a readiness probe is called every period and decides by its thresholds', async () => {
  let status: number | undefined = 503;
  const urls: string[] = [];
  const httpGet: HttpGet = async (url) => {
    urls.push(url);
    return status;
  };
  const { cluster, start, settle, pass, clock } = world({ httpGet });
  start();
  const readinessProbe = { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 2, failureThreshold: 2 };
  cluster.add('shop-1', 'lab/shop:v1', { ports: [{ name: 'http', containerPort: 8000 }], readinessProbe });
  await settle();
  await pass(0);
  expect(readyIn(cluster.pod('shop-1')), 'kills: ready before the probe has passed').toBe('False');
  status = 200;
  await pass(2000);
  expect(readyIn(cluster.pod('shop-1'))).toBe('True');
  expect(urls).toEqual(['http://10.99.1.0:8000/healthz', 'http://10.99.1.0:8000/healthz']);
  const since = cluster.pod('shop-1').status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  expect(since).toBe(`${new Date(clock.now()).toISOString().slice(0, 19)}Z`);
  status = undefined;
  await pass(2000);
  expect(readyIn(cluster.pod('shop-1')), 'one failure is below the threshold').toBe('True');
  await pass(2000);
  expect(readyIn(cluster.pod('shop-1'))).toBe('False');
});

test('a crash is restarted after 1, 2, 4, 8, 10 and 10 seconds, on the same address', async () => {
  const { cluster, start, settle, pass, processes, latest } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    latest().spec.onExit(1);
    await settle();
    const { state, lastState, ready } = containerIn(cluster.pod('shop-1'));
    expect([state.waiting.reason, lastState.terminated.exitCode, ready]).toEqual(['CrashLoopBackOff', 1, false]);
    expect(cluster.pod('shop-1').status?.phase).toBe('Running');
    const before = processes.length;
    await pass(seconds * 1000 - 1);
    expect(processes.length, `not before ${seconds} s`).toBe(before);
    await pass(1);
    expect(processes.length).toBe(before + 1);
  }
  expect(containerIn(cluster.pod('shop-1'))).toMatchObject({ restartCount: 6, ready: true });
  expect(new Set(processes.map(({ spec }) => spec.address)).size).toBe(1);
  expect(new Set(processes.map(({ spec }) => spec.seed)).size, 'each run has random numbers of its own').toBe(7);
});

test('a deleted pod is not ready at once, serves on, and is deleted for good when it has closed', async () => {
  const { cluster, start, settle, latest } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  cluster.requestDeletion('shop-1', 30);
  await settle();
  expect(readyIn(cluster.pod('shop-1'))).toBe('False');
  expect(latest().state, 'kills: closing before the endpoints have heard').toBe('stopping');
  expect(cluster.has('shop-1')).toBe(true);
  latest().close();
  await settle();
  expect(cluster.has('shop-1')).toBe(false);
});

test('a pod that is removed by force loses its process at once', async () => {
  const { cluster, start, settle, latest } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  cluster.remove('shop-1');
  await settle();
  expect(latest().state).toBe('killed');
});

test('an address that was given back is used again only after all the others', async () => {
  const { cluster, start, settle, latest } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  cluster.remove('shop-1');
  cluster.add('shop-2', 'lab/shop:v1');
  await settle();
  expect(latest().spec.address).toBe('10.99.1.1');
});

test('changed labels leave the process alone', async () => {
  const { cluster, start, settle, processes } = world();
  start();
  cluster.add('shop-1', 'lab/shop:v1');
  await settle();
  cluster.label('shop-1', { 'headgate.dev/canary': 'true' });
  await settle();
  expect(processes.map(({ state }) => state)).toEqual(['running']);
});

test('an API server that refuses and loses calls is asked until it answers', async () => {
  const { cluster, start, settle, pass, latest } = world();
  start();
  cluster.failNext(4, new OperatorError('KUBE_UNAVAILABLE', 'connection lost'));
  cluster.add('shop-1', 'lab/shop:v1');
  for (let i = 0; i < 20; i++) await pass(1000);
  expect(readyIn(cluster.pod('shop-1'))).toBe('True');
  cluster.failNext(2, new OperatorError('KUBE_UNAVAILABLE', 'connection lost'));
  latest().spec.onExit(1);
  for (const ms of [100, 200, 200]) await pass(ms);
  // kills: dropping a status whose write failed
  expect(containerIn(cluster.pod('shop-1')).state.waiting.reason).toBe('CrashLoopBackOff');
  await pass(1000);
  cluster.failNext(3, new OperatorError('KUBE_UNAVAILABLE', 'connection lost'));
  cluster.requestDeletion('shop-1', 30);
  await settle();
  latest().close();
  for (let i = 0; i < 20; i++) await pass(1000);
  expect(cluster.has('shop-1')).toBe(false);
});

test('a kubelet that is restarted serves its pods on their addresses again, as a restart of each', async () => {
  const { cluster, start, settle, latest, processes } = world();
  const first = start();
  cluster.add('shop-1', 'lab/shop:v1');
  cluster.add('shop-2', 'lab/shop:v1');
  await settle();
  first.stop();
  expect(processes.map(({ state }) => state)).toEqual(['killed', 'killed']);
  start(0.5);
  await settle();
  // kills: a new address, with which every open connection and endpoint would be wrong
  expect(cluster.pod('shop-2').status?.podIP).toBe('10.99.1.1');
  expect(latest().spec.address).toBe('10.99.1.1');
  expect(containerIn(cluster.pod('shop-2'))).toMatchObject({ restartCount: 1, ready: true });
});

test('a fault changes the chosen running pods, stays through a restart and can be taken back', async () => {
  const { cluster, start, settle, pass, processes } = world();
  const kubelet = start();
  cluster.add('old-1', 'lab/shop:v1');
  cluster.add('new-1', 'lab/shop:v2');
  cluster.label('new-1', { 'headgate.dev/canary': 'true' });
  await settle();
  const labels = { 'headgate.dev/canary': 'true' };
  expect(kubelet.fault({ namespace: 'shop', labels, behaviour: 'errors-50' })).toEqual(['new-1']);
  expect(processes.map((process) => process.behaviour().errorPercent)).toEqual([0, 50]);
  processes[1]?.spec.onExit(1);
  await pass(1000);
  expect(processes[2]?.spec.behaviour.errorPercent).toBe(50);
  expect(kubelet.fault({ namespace: 'shop', pod: 'new-1', behaviour: 'ok' })).toEqual(['new-1']);
  expect(processes[2]?.behaviour().errorPercent).toBe(0);
  expect(() => kubelet.fault({ namespace: 'shop', pod: 'new-1', behaviour: 'err' })).toThrow('unknown part "err"');
  expect(() => kubelet.fault({ namespace: 'shop', behaviour: 'ok' })).toThrow('`pod` or `labels`');
});
