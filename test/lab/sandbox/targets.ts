/** Tells Prometheus of the pods, in a file and with the label names of its own discovery (podtargets.go of the lab). */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '#ports/clock.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import type { Log } from '#ports/log.ts';
import { type Container, type Pod, podResource } from '../kubelet/pod-object.ts';
import type { WatchObjects } from '../kubelet/watch.ts';

export interface TargetsDeps {
  watch: WatchObjects;
  clock: Clock;
  log: Log;
  file: string;
}

/** Gathers the changes of one burst into one file. */
const SETTLE_MS = 50;

/** Follows the pods until the returned function is called. */
export function writeTargets({ watch, clock, log, file }: TargetsDeps): () => void {
  mkdirSync(dirname(file), { recursive: true });
  const pods = new Map<string, Pod>();
  const stopped = new AbortController();
  let cancel: (() => void) | undefined;
  const write = () => {
    cancel = undefined;
    // Renamed into place: Prometheus must never read half a file.
    writeFileSync(`${file}.part`, JSON.stringify([...pods.values()].flatMap(targetsOf)));
    renameSync(`${file}.part`, file);
  };
  const changed = () => {
    cancel ??= clock.timer(SETTLE_MS, write);
  };
  const events = {
    set(pod: KubeObject) {
      pods.set(pod.metadata.uid ?? '', pod as Pod);
      changed();
    },
    gone({ metadata }: KubeObject) {
      pods.delete(metadata.uid ?? '');
      changed();
    },
    failed: (error: unknown) => log.warn('watch of pods lost', { error: String(error) }),
  };
  watch({ resource: podResource }, events, stopped.signal);
  return () => {
    stopped.abort();
    cancel?.();
  };
}

/** One target for each declared port of a pod that has an address. */
function targetsOf(pod: Pod): object[] {
  const address = pod.status?.podIP;
  if (address === undefined) return [];
  const of = ({ name, ports = [] }: Container) =>
    ports.map(({ containerPort }) => ({
      targets: [`${address}:${containerPort}`],
      labels: {
        ...labelsOf(pod, address),
        __meta_kubernetes_pod_container_name: name,
        __meta_kubernetes_pod_container_init: 'false',
      },
    }));
  return pod.spec.containers.flatMap(of);
}

function labelsOf({ metadata, status, spec }: Pod, address: string): Record<string, string> {
  return {
    __meta_kubernetes_namespace: metadata.namespace ?? '',
    __meta_kubernetes_pod_name: metadata.name,
    __meta_kubernetes_pod_uid: metadata.uid ?? '',
    __meta_kubernetes_pod_ip: address,
    __meta_kubernetes_pod_phase: status?.phase ?? '',
    __meta_kubernetes_pod_node_name: spec.nodeName ?? '',
    ...renamed('label', metadata.labels),
    ...renamed('annotation', metadata.annotations),
  };
}

function renamed(kind: 'label' | 'annotation', pairs: Record<string, string> = {}): Record<string, string> {
  const entries = Object.entries(pairs).map(([name, value]) => [
    `__meta_kubernetes_pod_${kind}_${name.replace(/[^a-zA-Z0-9_]/g, '_')}`,
    value,
  ]);
  return Object.fromEntries(entries);
}
