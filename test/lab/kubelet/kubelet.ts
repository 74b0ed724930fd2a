/**
 * The lab's kubelet and scheduler in one: every pod of the cluster becomes an HTTP server in this process.
 *
 *   const kubelet = startKubelet({ api, watch, clock, random, log, createPod, httpGet, podCidr: '10.99.0.0/16' });
 *   kubelet.fault({ namespace: 'shop', labels: { 'headgate.dev/canary': 'true' }, behaviour: 'errors-50' });
 *   kubelet.stop();
 *
 * What it does as a real one: binding, status and conditions, readiness probes, crash loops, graceful deletion (not
 * ready at once, serving on, closed, deleted). What it leaves out: volumes, init containers, resources, liveness and
 * startup probes, restart policies other than Always, logs and exec.
 */

import type { Clock } from '#ports/clock.ts';
import type { KubeApi, KubeObject } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import type { Random } from '#ports/random.ts';
import { parseParts } from '../pods/behaviour.ts';
import type { CreatePod } from '../pods/pod.ts';
import { createAddresses } from './addresses.ts';
import { type Pod, podResource } from './pod-object.ts';
import { createWorker, type PodWorker } from './pod-worker.ts';
import type { HttpGet } from './readiness.ts';
import type { WatchObjects } from './watch.ts';

export interface KubeletDeps {
  api: KubeApi;
  watch: WatchObjects;
  clock: Clock;
  random: Random;
  log: Log;
  createPod: CreatePod;
  httpGet: HttpGet;
  /** At least a /22; its first 256 addresses are never given to pods. */
  podCidr: string;
  /** [lab-node] */
  nodeName?: string;
  /** `hostIP` of every pod. [10.99.0.1] */
  nodeAddress?: string;
}

export interface Fault {
  namespace: string;
  /** One pod by name, or all that carry these labels. */
  pod?: string;
  labels?: Record<string, string>;
  /** Parts of the image grammar (`errors-50`, `freeze`), or `ok`. Stays with the pod through its restarts. */
  behaviour: string;
}

export interface Kubelet {
  /** The pods this kubelet runs now. */
  pods(): KubeObject[];
  /** Changes the behaviour of running pods; returns their names. Throws on a behaviour that is not in the grammar. */
  fault(fault: Fault): string[];
  /** Ends every process at once, as a node that loses power. Nothing is written. */
  stop(): void;
}

export function startKubelet(deps: KubeletDeps): Kubelet {
  const nodeName = deps.nodeName ?? 'lab-node';
  const nodeAddress = deps.nodeAddress ?? '10.99.0.1';
  const addresses = createAddresses(deps.podCidr, deps.random());
  const workers = new Map<string, PodWorker>();
  const stopped = new AbortController();

  function set(object: KubeObject): void {
    const pod = object as Pod;
    const uid = pod.metadata.uid ?? '';
    const worker = workers.get(uid);
    if (worker !== undefined) {
      worker.update(pod);
      return;
    }
    const { nodeName: bound = nodeName } = pod.spec;
    if (bound !== nodeName || ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '')) return;
    const fresh = createWorker({ ...deps, addresses, nodeName, nodeAddress }, pod);
    workers.set(uid, fresh);
    fresh.start();
  }
  function gone({ metadata: { uid = '' } }: KubeObject): void {
    workers.get(uid)?.removed();
    workers.delete(uid);
  }
  const failed = (error: unknown) => deps.log.warn('watch of pods lost', { error: String(error) });
  deps.watch({ resource: podResource }, { set, gone, failed }, stopped.signal);

  return {
    pods: () => [...workers.values()].map((worker) => worker.pod()),
    fault({ namespace, pod, labels, behaviour: text }) {
      if (pod === undefined && labels === undefined) throw new Error('a fault needs `pod` or `labels`');
      const { behaviour, error } = parseParts(text);
      if (behaviour === undefined) throw new Error(error);
      const chosen = [...workers.values()].filter((worker) => matches(worker.pod(), { namespace, pod, labels }));
      for (const worker of chosen) worker.behave(behaviour);
      return chosen.map((worker) => worker.pod().metadata.name);
    },
    stop() {
      stopped.abort();
      for (const worker of workers.values()) worker.removed();
      workers.clear();
    },
  };
}

interface Choice {
  namespace: string;
  pod: string | undefined;
  labels: Record<string, string> | undefined;
}

function matches({ metadata }: KubeObject, { namespace, pod, labels = {} }: Choice): boolean {
  const named = pod === undefined || metadata.name === pod;
  const labelled = Object.entries(labels).every(([label, value]) => metadata.labels?.[label] === value);
  return metadata.namespace === namespace && named && labelled;
}
