/** The parts of a Pod that the kubelet reads, and where its objects live in the API. */

import type { KubeObject, ObjectRef, Resource } from '#ports/kube-api.ts';

export const podResource: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };
export const nodeResource: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };
/** `POST bindings` is the scheduler's call; unlike `pods/binding` it needs no subresource of a create. */
export const bindingResource: Resource = {
  group: '',
  version: 'v1',
  plural: 'bindings',
  kind: 'Binding',
  namespaced: true,
};

export interface Container {
  name: string;
  image: string;
  ports?: { name?: string; containerPort: number }[];
  readinessProbe?: Probe;
}

/** A `readinessProbe`; only `httpGet` is really called, any other handler counts as passing. */
export interface Probe {
  httpGet?: { path?: string; port: number | string };
  initialDelaySeconds?: number;
  periodSeconds?: number;
  timeoutSeconds?: number;
  successThreshold?: number;
  failureThreshold?: number;
}

export interface Condition {
  type: string;
  status: string;
  lastTransitionTime?: string;
  [field: string]: unknown;
}

export interface Pod extends KubeObject {
  spec: { nodeName?: string; schedulingGates?: unknown[]; containers: Container[] };
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: Condition[];
    containerStatuses?: { restartCount?: number }[];
  };
}

export function podRef({ metadata: { name, namespace = 'default' } }: KubeObject): ObjectRef {
  return { resource: podResource, namespace, name };
}

/** The application's container is the first one; the others are shown running and do nothing. */
export function mainContainer({ spec }: Pod): Container {
  return spec.containers[0] ?? { name: 'none', image: '' };
}

export function portOf({ ports }: Container): number {
  return ports?.[0]?.containerPort ?? 8080;
}

export function deletionGraceMs({ metadata }: KubeObject): number {
  return 1000 * (metadata.deletionGracePeriodSeconds ?? 30);
}
