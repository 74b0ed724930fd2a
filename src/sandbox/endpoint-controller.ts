import { ENDPOINT_SLICE, POD, SERVICE } from '#kube/resources.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type Actor, createActor, refOf, runController } from './actor.ts';
import { dig } from './kind.ts';
import { readySince } from './replica-set-controller.ts';
import type { Sandbox } from './sandbox.ts';

/** One EndpointSlice for each Service with a selector: which pods it sends to. */

const SERVICE_NAME = 'kubernetes.io/service-name';

interface Port {
  name?: string;
  port: number;
  protocol?: string;
  targetPort?: number | string;
}

export function runEndpoints(sandbox: Sandbox, { delayMs = 50 }: { delayMs?: number } = {}): () => void {
  const actor = createActor(sandbox, 'kube-controller-manager');
  return runController({
    sandbox,
    delayMs,
    concerns: ({ kind }) => kind === 'pods.' || kind === 'services.',
    sweep() {
      for (const service of actor.list(SERVICE)) keep(actor, service);
      return undefined;
    },
  });
}

function keep(actor: Actor, service: KubeObject): void {
  const selector = dig(service, ['spec', 'selector']) as Record<string, string> | undefined;
  const { name, namespace, uid } = service.metadata;
  if (selector === undefined || service.metadata.deletionTimestamp !== undefined) return;
  const pods = actor
    .list(POD, namespace)
    .filter(({ metadata: { labels = {} } }) => Object.entries(selector).every(([key, value]) => labels[key] === value));
  const found = actor.list(ENDPOINT_SLICE, namespace).find(({ metadata }) => metadata.labels?.[SERVICE_NAME] === name);
  const content = { endpoints: pods.flatMap(endpointOf), ports: portsOf(service, pods[0]) };
  if (found !== undefined) {
    actor.merge(refOf(ENDPOINT_SLICE, found), content);
    return;
  }
  const owner = { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true };
  const labels = { [SERVICE_NAME]: name, 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' };
  const scope = namespace === undefined ? {} : { namespace };
  actor.create(ENDPOINT_SLICE, {
    addressType: 'IPv4',
    ...content,
    metadata: { generateName: `${name}-`, ...scope, labels, ownerReferences: [owner] },
  });
}

function endpointOf(pod: KubeObject): object[] {
  const address = dig(pod, ['status', 'podIP']);
  if (typeof address !== 'string') return [];
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const serving = readySince(pod) !== undefined;
  const terminating = deletionTimestamp !== undefined;
  return [
    {
      addresses: [address],
      conditions: { ready: serving && !terminating, serving, terminating },
      targetRef: { kind: 'Pod', name, namespace, uid },
      nodeName: dig(pod, ['spec', 'nodeName']),
    },
  ];
}

function portsOf(service: KubeObject, pod: KubeObject | undefined): object[] {
  const ports = (dig(service, ['spec', 'ports']) ?? []) as Port[];
  return ports.map(({ name = '', port, protocol = 'TCP', targetPort = port }) => ({
    name,
    protocol,
    port: typeof targetPort === 'number' ? targetPort : namedPort(pod, targetPort, port),
  }));
}

function namedPort(pod: KubeObject | undefined, name: string, otherwise: number): number {
  const containers = (dig(pod, ['spec', 'containers']) ?? []) as {
    ports?: { name?: string; containerPort: number }[];
  }[];
  const found = containers.flatMap(({ ports = [] }) => ports).find((port) => port.name === name);
  return found?.containerPort ?? otherwise;
}
