import { OperatorError } from '#lib/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import { type Container, type Pod, podResource } from '../../lab/kubelet/pod-object.ts';
import type { WatchEvents, WatchObjects } from '../../lab/kubelet/watch.ts';

export interface FakeCluster {
  api: KubeApi;
  watch: WatchObjects;
  add(name: string, image: string, container?: Partial<Container>): void;
  pod(name: string): Pod;
  has(name: string): boolean;
  label(name: string, labels: Record<string, string>): void;
  requestDeletion(name: string, graceSeconds: number): void;
  remove(name: string): void;
  /** The next so many calls fail. */
  failNext(calls: number, error: Error): void;
}

/** Pods of one namespace in memory, with just the calls that a kubelet makes. */
export function fakeCluster(clock: Clock): FakeCluster {
  const pods = new Map<string, Pod>();
  const watchers = new Set<WatchEvents>();
  let failures = { left: 0, error: new Error('none') };
  let born = 0;

  function store(pod: Pod): Pod {
    pods.set(pod.metadata.name, pod);
    for (const watcher of watchers) watcher.set(pod);
    return pod;
  }
  function find(name: string): Pod {
    const pod = pods.get(name);
    if (pod === undefined) throw new OperatorError('KUBE_NOT_FOUND', `pods "${name}" not found`);
    return pod;
  }
  function remove(name: string): void {
    const pod = find(name);
    pods.delete(name);
    for (const watcher of watchers) watcher.gone(pod);
  }
  async function call<T>(act: () => T): Promise<T> {
    if (failures.left > 0) {
      failures.left -= 1;
      throw failures.error;
    }
    return act();
  }
  const unused = () => Promise.reject(new Error('a kubelet does not make this call'));
  return {
    api: {
      get: ({ name }) => call(() => find(name)),
      list: () => call(() => [...pods.values()]),
      create: (_resource, binding) =>
        call(() => {
          const { name } = binding['target'] as { name: string };
          const pod = find(binding.metadata.name);
          return store({ ...pod, spec: { ...pod.spec, nodeName: name } });
        }),
      mergePatch: ({ name }, patch) => call(() => store({ ...find(name), ...onlyStatus(patch) })),
      delete: ({ name }) => call(() => remove(name)),
      replace: unused,
      apply: unused,
      jsonPatch: unused,
    },
    watch(_watched, events, signal) {
      watchers.add(events);
      signal.addEventListener('abort', () => watchers.delete(events));
      for (const pod of pods.values()) events.set(pod);
      events.synced?.();
    },
    add(name, image, container = {}) {
      born += 1;
      const metadata = { name, namespace: 'shop', uid: `uid-${born}` };
      const spec = { containers: [{ name: 'app', image, ...container }] };
      store({ apiVersion: 'v1', kind: podResource.kind, metadata, spec });
    },
    pod: find,
    has: (name) => pods.has(name),
    label(name, labels) {
      const pod = find(name);
      store({ ...pod, metadata: { ...pod.metadata, labels } });
    },
    requestDeletion(name, graceSeconds) {
      const pod = find(name);
      const deletionTimestamp = new Date(clock.now()).toISOString();
      store({ ...pod, metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: graceSeconds } });
    },
    remove,
    failNext(calls, error) {
      failures = { left: calls, error };
    },
  };
}

/** The status subresource changes nothing else. */
function onlyStatus(patch: unknown): Pick<Pod, 'status'> {
  const { status } = patch as Pod;
  return status === undefined ? {} : { status };
}
