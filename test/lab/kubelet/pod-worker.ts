/** The life of one pod: bound, given an address, served, restarted after crashes, drained and deleted. */

import { hasCode } from '#lib/errors.ts';
import type { Millis } from '#lib/units.ts';
import { type Clock, sleep } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import { type Behaviour, parseImage } from '../pods/behaviour.ts';
import type { CreatePod, RunningPod } from '../pods/pod.ts';
import type { Addresses } from './addresses.ts';
import {
  bindingResource,
  type Condition,
  deletionGraceMs,
  mainContainer,
  type Pod,
  podRef,
  portOf,
} from './pod-object.ts';
import { type ContainerView, type PodStatus, podStatus } from './pod-status.ts';
import { type HttpGet, watchReadiness } from './readiness.ts';
import { createStatusWriter } from './status-writer.ts';

export interface WorkerDeps {
  api: KubeApi;
  clock: Clock;
  log: Log;
  addresses: Addresses;
  createPod: CreatePod;
  httpGet: HttpGet;
  nodeName: string;
  nodeAddress: string;
}

export interface PodWorker {
  /** Begins to work. Apart from making it, because its first write may already come back as an update. */
  start(): void;
  /** The newest object from the watch. Labels and annotations may change; they mean nothing here. */
  update(pod: Pod): void;
  /** The object is gone from the API: the process goes at once. */
  removed(): void;
  /** Changes the running process, and every restart of it in this pod. */
  behave(behaviour: Behaviour): void;
  pod(): Pod;
}

/** Restart delays are 1, 2, 4, 8, 10, 10 … seconds; a run of a minute forgets the ones before it. */
const FIRST_RESTART_MS = 1000;
const LONGEST_RESTART_MS = 10_000;
const LONG_RUN_MS = 60_000;
const RETRY_MS = 500;

export function createWorker(deps: WorkerDeps, first: Pod): PodWorker {
  const { api, clock, addresses } = deps;
  const writer = createStatusWriter({ api, clock, pod: first });
  const startedAt = clock.now();
  const container = mainContainer(first);
  let pod = first;
  let view: ContainerView = {
    state: { kind: 'waiting', reason: 'ContainerCreating' },
    ready: false,
    restartCount: 0,
    last: undefined,
  };
  let conditions: readonly Condition[] = first.status?.conditions ?? [];
  let address: string | undefined;
  let server: RunningPod | undefined;
  let override: Behaviour | undefined;
  let ending = false;
  let ended = false;
  let crashes = 0;
  let stopWatching = () => {};
  let cancelRestart = () => {};

  function show(change: Partial<ContainerView>): void {
    view = { ...view, ...change };
    const input = { pod, container: view, address, hostAddress: deps.nodeAddress, startedAt, previous: conditions };
    const status: PodStatus = podStatus({ ...input, now: clock.now() });
    conditions = status.conditions;
    writer.put(status);
  }

  async function begin(): Promise<void> {
    const { behaviour, error } = parseImage(container.image);
    if (behaviour === undefined) return show({ state: { kind: 'waiting', reason: 'ErrImagePull', message: error } });
    address = takeAddress(addresses, pod);
    // A kubelet that was restarted lost the process: to the pod that is one more restart.
    const before = pod.status?.containerStatuses?.[0]?.restartCount;
    if (pod.status?.podIP === address && before !== undefined) view = { ...view, restartCount: before + 1 };
    await launch(behaviour);
  }

  async function launch(behaviour: Behaviour): Promise<void> {
    if (ending || address === undefined) return;
    const launchedAt = clock.now();
    const port = portOf(container);
    const { name, namespace = 'default', uid = name } = pod.metadata;
    const seed = `${uid}/${view.restartCount}`;
    const onExit = (code: number) => exited({ code, launchedAt, behaviour });
    const identity = { image: container.image, pod: name, namespace, seed };
    const next = deps.createPod({ ...identity, behaviour: override ?? behaviour, address, port, clock, onExit });
    server = next;
    try {
      await next.start();
    } catch (error) {
      deps.log.warn('pod did not start', { pod: name, namespace, error: String(error) });
      return exited({ code: 128, launchedAt, behaviour, message: String(error) });
    }
    if (server !== next || ending) return;
    show({ state: { kind: 'running', startedAt: launchedAt } });
    const changed = (ready: boolean) => show({ ready });
    const { httpGet } = deps;
    stopWatching = watchReadiness({ container, address, port, selfReady: next.ready, clock, httpGet, changed });
  }

  function exited({ code, launchedAt, behaviour, message }: Exit): void {
    stopWatching();
    server = undefined;
    if (ending) return;
    const finishedAt = clock.now();
    crashes = finishedAt - launchedAt >= LONG_RUN_MS ? 1 : crashes + 1;
    const delayMs = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** (crashes - 1));
    const backoff = `back-off ${delayMs / 1000}s restarting failed container ${container.name}`;
    show({
      ready: false,
      state: { kind: 'waiting', reason: 'CrashLoopBackOff', message: backoff },
      last: { exitCode: code, startedAt: launchedAt, finishedAt, message },
    });
    cancelRestart = clock.timer(delayMs, () => {
      view = { ...view, restartCount: view.restartCount + 1 };
      void launch(behaviour);
    });
  }

  async function finish(): Promise<void> {
    show({ ready: false });
    stopWatching();
    cancelRestart();
    await server?.stop(deletionGraceMs(pod));
    release();
    await deleteForGood(deps, pod);
  }

  function release(): void {
    if (ended) return;
    ended = true;
    writer.stop();
    stopWatching();
    cancelRestart();
    server?.kill();
    if (address !== undefined) addresses.free(address);
  }

  function update(next: Pod): void {
    pod = next;
    if (ending || next.metadata.deletionTimestamp === undefined) return;
    ending = true;
    void finish();
  }

  return {
    start() {
      if (first.metadata.deletionTimestamp !== undefined) update(first);
      else void bindToNode(deps, () => (ending ? undefined : pod)).then((bound) => (bound ? begin() : undefined));
    },
    update,
    removed() {
      ending = true;
      release();
    },
    behave(behaviour) {
      override = behaviour;
      server?.behave(behaviour);
    },
    pod: () => pod,
  };
}

interface Exit {
  code: number;
  launchedAt: Millis;
  /** Of the image: what the next run does. */
  behaviour: Behaviour;
  /** Why it never ran, e.g. an address in use. */
  message?: string;
}

function takeAddress(addresses: Addresses, { status }: Pod): string {
  const before = status?.podIP;
  return before !== undefined && addresses.adopt(before) ? before : addresses.take();
}

/** Binds the pod to the node; true when it is ours, false when it ended or went to another node meanwhile. */
async function bindToNode(deps: WorkerDeps, current: () => Pod | undefined): Promise<boolean> {
  for (let pod = current(); pod !== undefined; pod = current()) {
    const bound = pod.spec.nodeName ?? (await tryBinding(deps, pod));
    if (bound !== undefined) return bound === deps.nodeName;
    await sleep(deps.clock, RETRY_MS);
  }
  return false;
}

/** The node that the pod is bound to now, empty when the pod is gone, or undefined when it has to be tried again. */
async function tryBinding({ api, nodeName }: WorkerDeps, { metadata, spec }: Pod): Promise<string | undefined> {
  if ((spec.schedulingGates ?? []).length > 0) return undefined;
  const { name, namespace = 'default', uid } = metadata;
  const identity = { name, namespace, ...(uid === undefined ? {} : { uid }) };
  const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
  try {
    await api.create(bindingResource, { apiVersion: 'v1', kind: 'Binding', metadata: identity, target });
    return nodeName;
  } catch (error) {
    // After a conflict the watch tells which node somebody else bound it to.
    return hasCode(error, 'KUBE_NOT_FOUND') ? '' : undefined;
  }
}

async function deleteForGood({ api, clock }: WorkerDeps, pod: Pod): Promise<void> {
  const { uid } = pod.metadata;
  for (;;) {
    try {
      await api.delete(podRef(pod), { graceSeconds: 0, ...(uid === undefined ? {} : { uid }) });
      return;
    } catch (error) {
      // Not found, or the name belongs to a newer pod: either way this one is gone.
      if (hasCode(error, 'KUBE_NOT_FOUND', 'KUBE_CONFLICT')) return;
    }
    await sleep(clock, RETRY_MS);
  }
}
