import { CANARY_LABEL, REVISION_LABEL, ROLLOUT_LABEL, replicaSetName, STABLE_LABEL } from '#core/labels.ts';
import type { Arms } from '#core/seen.ts';
import { REPLICA_SET, ROLLOUT } from '#kube/resources.ts';
import type { KubeObject, OwnerReference } from '#ports/kube-api.ts';

/** Objects that Headgate makes for a Rollout. Pure: objects in, objects out. */

/** A label that stands for an arm is there with `true`, or not at all. */
export function armLabels(arms: Arms): Record<string, string> {
  return { ...(arms.stable ? { [STABLE_LABEL]: 'true' } : {}), ...(arms.canary ? { [CANARY_LABEL]: 'true' } : {}) };
}

export function ownedBy(rollout: KubeObject, controller = true): OwnerReference {
  const { name, uid = '' } = rollout.metadata;
  return {
    apiVersion: `${ROLLOUT.group}/${ROLLOUT.version}`,
    kind: ROLLOUT.kind,
    name,
    uid,
    controller,
    blockOwnerDeletion: controller,
  };
}

interface Template {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: unknown;
}

/** The pods as the accepted spec, or the Deployment that it names, describes them. */
export interface PodsWish {
  template: Template;
  minReadySeconds: number;
}

/** The ReplicaSet of a revision. It selects by Rollout and revision alone, so arm labels move freely on its pods. */
export function replicaSetFor(
  rollout: KubeObject,
  { template, minReadySeconds }: PodsWish,
  wish: { revision: string; replicas: number; arms: Arms },
): KubeObject {
  const own = { [ROLLOUT_LABEL]: rollout.metadata.name, [REVISION_LABEL]: wish.revision };
  const labels = { ...template.metadata?.labels, ...own };
  const namespace = rollout.metadata.namespace ?? '';
  return {
    apiVersion: `${REPLICA_SET.group}/${REPLICA_SET.version}`,
    kind: REPLICA_SET.kind,
    metadata: {
      name: replicaSetName(rollout.metadata.name, wish.revision),
      namespace,
      labels: own,
      ownerReferences: [ownedBy(rollout)],
    },
    spec: {
      replicas: wish.replicas,
      minReadySeconds,
      selector: { matchLabels: own },
      template: {
        metadata: { ...template.metadata, labels: { ...labels, ...armLabels(wish.arms) } },
        spec: template.spec,
      },
    },
  };
}

interface ServiceSpec {
  selector?: Record<string, string>;
  ports?: {
    name?: string;
    port: number;
    protocol?: string;
    targetPort?: unknown;
    appProtocol?: string;
    nodePort?: number;
  }[];
  clusterIP?: string;
  [field: string]: unknown;
}

export function serviceSpec(service: KubeObject): ServiceSpec {
  return (service['spec'] ?? {}) as ServiceSpec;
}

/**
 * The canary's Service: the user's ports and traffic policies behind the canary label. Without the user's labels,
 * so that no ServiceMonitor finds the same pods twice.
 */
export function canaryServiceFor(rollout: KubeObject, service: KubeObject, name: string): KubeObject {
  const spec = serviceSpec(service);
  const { [STABLE_LABEL]: _, ...selector } = spec.selector ?? {};
  const policies = [
    'internalTrafficPolicy',
    'sessionAffinity',
    'sessionAffinityConfig',
    'publishNotReadyAddresses',
    'trafficDistribution',
  ];
  const kept = Object.fromEntries(
    policies.filter((field) => spec[field] !== undefined).map((field) => [field, spec[field]]),
  );
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: service.metadata.namespace ?? '',
      labels: { [ROLLOUT_LABEL]: rollout.metadata.name },
      ownerReferences: [ownedBy(rollout)],
    },
    spec: {
      ...kept,
      type: 'ClusterIP',
      // A node port belongs to one Service; the canary is reached by the gateway alone.
      ports: (spec.ports ?? []).map(({ nodePort: _node, ...port }) => port),
      selector: { ...selector, [CANARY_LABEL]: 'true' },
    },
  };
}

/** True when every label that the selector asks for is in `labels` with that value. An empty selector selects nothing. */
export function selects(selector: Record<string, string> | undefined, labels: Record<string, string>): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}
