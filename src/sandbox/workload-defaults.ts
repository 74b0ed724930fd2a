import { canonicalJson, sameJson } from '#lib/json.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { dig, type Filling, plant } from './kind.ts';
import type { FieldError } from './refused.ts';

/** What the API server fills in for Services, ReplicaSets and Pods: what the operator and its users see of it. */

interface Port {
  port: number;
  protocol?: string;
  targetPort?: unknown;
}

export function completeService(service: KubeObject, old: KubeObject | undefined, server: Filling): KubeObject {
  const given = (service['spec'] ?? {}) as { type?: string; clusterIP?: string; ports?: Port[] };
  const { type = 'ClusterIP', ports = [], ...rest } = given;
  const external = type === 'ExternalName';
  const kept = dig(old, ['spec', 'clusterIP']);
  const clusterIP = rest.clusterIP || (typeof kept === 'string' ? kept : '') || (external ? '' : server.nextAddress());
  const spec = {
    ...(external ? {} : { internalTrafficPolicy: 'Cluster', ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' }),
    sessionAffinity: 'None',
    ...rest,
    type,
    ...(clusterIP === '' ? {} : { clusterIP, clusterIPs: [clusterIP] }),
    ...(ports.length === 0
      ? {}
      : { ports: ports.map((port) => ({ protocol: 'TCP', targetPort: port.port, ...port })) }),
  };
  return { ...service, spec, status: service['status'] ?? { loadBalancer: {} } };
}

interface Container {
  image?: string;
  ports?: object[];
  [member: string]: unknown;
}

/** Defaults of a pod's spec; `readinessProbe` alone among probes gets its own. */
function completePodSpec(given: unknown): Record<string, unknown> {
  const spec = (given ?? {}) as { containers?: Container[] };
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
    ...(spec.containers === undefined ? {} : { containers: spec.containers.map(completeContainer) }),
  };
}

function completeContainer(container: Container): Container {
  const { image = '', ports, readinessProbe, ...rest } = container;
  const latest = !/:[^/]+$/.test(image) || image.endsWith(':latest');
  const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
  return {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: latest ? 'Always' : 'IfNotPresent',
    ...rest,
    image,
    ...(ports === undefined ? {} : { ports: ports.map((port) => ({ protocol: 'TCP', ...port })) }),
    ...(readinessProbe === undefined ? {} : { readinessProbe: { ...probe, ...readinessProbe } }),
  };
}

export function completePod(pod: KubeObject, old: KubeObject | undefined): KubeObject {
  const spec = completePodSpec(pod['spec']);
  const status =
    old === undefined ? { phase: 'Pending', qosClass: 'BestEffort', ...(pod['status'] as object) } : pod['status'];
  return { ...pod, spec, status };
}

export function completeReplicaSet(set: KubeObject): KubeObject {
  const spec = { replicas: 1, ...(set['spec'] as object) };
  const template = (dig(spec, ['template']) ?? {}) as Record<string, unknown>;
  const completed = plant(spec, ['template', 'spec'], completePodSpec(template['spec']));
  return { ...set, spec: completed, status: set['status'] ?? { replicas: 0 } };
}

export function completeDeployment(deployment: KubeObject): KubeObject {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } };
  const { spec, ...rest } = completeReplicaSet(deployment);
  const given = spec as Record<string, unknown>;
  const filled = { strategy, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, ...given };
  return { ...rest, spec: filled, status: deployment['status'] ?? {} };
}

export function checkReplicaSet(set: KubeObject, old: KubeObject | undefined): FieldError[] {
  const selector = dig(set, ['spec', 'selector', 'matchLabels']) as Record<string, string> | undefined;
  const labels = (dig(set, ['spec', 'template', 'metadata', 'labels']) ?? {}) as Record<string, string>;
  const errors: FieldError[] = [];
  if (selector === undefined || Object.keys(selector).length === 0)
    errors.push({ field: 'spec.selector', reason: 'FieldValueRequired', text: 'Required value' });
  else if (Object.entries(selector).some(([key, value]) => labels[key] !== value))
    errors.push({
      field: 'spec.template.metadata.labels',
      reason: 'FieldValueInvalid',
      text: `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
    });
  const wanted = dig(set, ['spec', 'selector']);
  if (old !== undefined && !sameJson(dig(old, ['spec', 'selector']), wanted)) {
    const text = `Invalid value: ${canonicalJson(wanted)}: field is immutable`;
    errors.push({ field: 'spec.selector', reason: 'FieldValueInvalid', text });
  }
  return [...errors, ...checkContainers(set)];
}

function checkContainers(set: KubeObject): FieldError[] {
  const path = 'spec.template.spec.containers';
  const containers = dig(set, path.split('.')) as Container[] | undefined;
  if (containers === undefined || containers.length === 0)
    return [{ field: path, reason: 'FieldValueRequired', text: 'Required value' }];
  return containers.flatMap(({ image = '', name }, index): FieldError[] => [
    ...(name
      ? []
      : [{ field: `${path}[${index}].name`, reason: 'FieldValueRequired' as const, text: 'Required value' }]),
    ...(image === ''
      ? [{ field: `${path}[${index}].image`, reason: 'FieldValueRequired' as const, text: 'Required value' }]
      : []),
  ]);
}
