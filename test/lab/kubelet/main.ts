/**
 * The lab's kubelet as a process inside the lab's network namespace:
 *
 *   node test/lab/kubelet/main.ts --kubeconfig FILE --control 0.0.0.0:10250 [--pod-cidr 10.99.0.0/16] [--node lab-node]
 *       [--node-address 10.99.0.1]
 *   node test/lab/kubelet/main.ts --server URL --token TOKEN --ca FILE …
 *
 * Control port: `GET /pods` names and behaviours, `POST /fault {namespace, pod | labels, behaviour}` as in kubelet.ts.
 * Prints one JSON line `{"ready":true,"control":…}` on standard output when it watches.
 */

import { request } from 'undici';
import { hasCode } from '#lib/errors.ts';
import type { KubeApi } from '#ports/kube-api.ts';
import { systemClock, systemRandom } from '#runtime/system-clock.ts';
import { createPod } from '../pods/pod.ts';
import { createLabClient } from './client.ts';
import { type Fault, startKubelet } from './kubelet.ts';
import { nodeResource } from './pod-object.ts';
import { timestamp } from './pod-status.ts';
import { createLog, openControl, readArguments, readConnection, stopOnSignal } from './process.ts';
import type { HttpGet } from './readiness.ts';

const flags = readArguments(['kubeconfig', 'server', 'token', 'ca', 'pod-cidr', 'node', 'node-address', 'control']);
const nodeName = flags.node ?? 'lab-node';
const nodeAddress = flags['node-address'] ?? '10.99.0.1';
const log = createLog({ process: 'kubelet' });
const client = createLabClient(readConnection(flags));

const httpGet: HttpGet = async (url, timeoutMs) => {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const { statusCode, body } = await request(url, {
      signal,
      headers: { 'user-agent': 'kube-probe/lab' },
      reset: true,
    });
    await body.dump();
    return statusCode;
  } catch {
    return undefined;
  }
};

await ensureNode(client);
const kubelet = startKubelet({
  api: client,
  watch: client.watch,
  clock: systemClock,
  random: systemRandom,
  log,
  createPod,
  httpGet,
  podCidr: flags['pod-cidr'] ?? '10.99.0.0/16',
  nodeName,
  nodeAddress,
});
const control = await openControl(flags.control ?? '127.0.0.1:0', {
  'GET /pods': () => kubelet.pods().map(({ metadata, status }) => ({ metadata, status })),
  'POST /fault': (body) => ({ pods: kubelet.fault(body as Fault) }),
});
process.stdout.write(`${JSON.stringify({ ready: true, control: control.address })}\n`);
stopOnSignal(async () => {
  kubelet.stop();
  await control.close();
  await client.close();
});

/** The EndpointSlice controller skips pods whose Node it does not find, and the pod collector deletes them. */
async function ensureNode(api: KubeApi): Promise<void> {
  const metadata = { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } };
  try {
    await api.create(nodeResource, { apiVersion: 'v1', kind: 'Node', metadata });
  } catch (error) {
    if (!hasCode(error, 'KUBE_EXISTS')) throw error;
  }
  const now = timestamp(Date.now());
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const room = { cpu: '64', memory: '256Gi', pods: '1000' };
  const status = {
    capacity: room,
    allocatable: room,
    addresses: [{ type: 'InternalIP', address: nodeAddress }],
    conditions: [ready],
  };
  await api.mergePatch({ resource: nodeResource, name: nodeName }, { status }, { subresource: 'status' });
}
