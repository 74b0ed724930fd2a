import type { Resource } from '#ports/kube-api.ts';

/** Every kind that Headgate reads or writes, as the API server's paths name it. */

const HEADGATE = { group: 'headgate.dev', version: 'v1alpha1', namespaced: true } as const;
const GATEWAY = { group: 'gateway.networking.k8s.io', version: 'v1', namespaced: true } as const;
const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false } as const;
const CORE = { group: '', version: 'v1', namespaced: true } as const;

export const POD: Resource = { ...CORE, plural: 'pods', kind: 'Pod' };
export const SERVICE: Resource = { ...CORE, plural: 'services', kind: 'Service' };
export const SECRET: Resource = { ...CORE, plural: 'secrets', kind: 'Secret' };
export const CONFIG_MAP: Resource = { ...CORE, plural: 'configmaps', kind: 'ConfigMap' };
export const RESOURCE_QUOTA: Resource = { ...CORE, plural: 'resourcequotas', kind: 'ResourceQuota' };
export const NAMESPACE: Resource = { ...CORE, plural: 'namespaces', kind: 'Namespace', namespaced: false };

export const REPLICA_SET: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  kind: 'ReplicaSet',
  namespaced: true,
};
export const DEPLOYMENT: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};
export const ENDPOINT_SLICE: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
export const EVENT: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
export const LEASE: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
export const POD_DISRUPTION_BUDGET: Resource = {
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};

export const INGRESS: Resource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'ingresses',
  kind: 'Ingress',
  namespaced: true,
};

export const HORIZONTAL_POD_AUTOSCALER: Resource = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
};
/** KEDA's. */
export const SCALED_OBJECT: Resource = {
  group: 'keda.sh',
  version: 'v1alpha1',
  plural: 'scaledobjects',
  kind: 'ScaledObject',
  namespaced: true,
};

export const HTTP_ROUTE: Resource = { ...GATEWAY, plural: 'httproutes', kind: 'HTTPRoute' };
export const GRPC_ROUTE: Resource = { ...GATEWAY, plural: 'grpcroutes', kind: 'GRPCRoute' };
/** v1beta1 is served by every version of the Gateway API that we know; v1 since 1.5 only. */
export const REFERENCE_GRANT: Resource = {
  ...GATEWAY,
  version: 'v1beta1',
  plural: 'referencegrants',
  kind: 'ReferenceGrant',
};
export const GATEWAY_RESOURCE: Resource = { ...GATEWAY, plural: 'gateways', kind: 'Gateway' };
export const GATEWAY_CLASS: Resource = {
  ...GATEWAY,
  plural: 'gatewayclasses',
  kind: 'GatewayClass',
  namespaced: false,
};

export const ROLLOUT: Resource = { ...HEADGATE, plural: 'rollouts', kind: 'Rollout' };
export const RELEASE: Resource = { ...HEADGATE, plural: 'releases', kind: 'Release' };
export const ROLLOUT_ACTION: Resource = { ...HEADGATE, plural: 'rolloutactions', kind: 'RolloutAction' };
export const SERVICE_LEVEL_OBJECTIVE: Resource = {
  ...HEADGATE,
  plural: 'servicelevelobjectives',
  kind: 'ServiceLevelObjective',
};
export const METRIC_SOURCE: Resource = {
  ...HEADGATE,
  plural: 'metricsources',
  kind: 'MetricSource',
  namespaced: false,
};
export const PROBE_SUITE: Resource = { ...HEADGATE, plural: 'probesuites', kind: 'ProbeSuite' };

export const CUSTOM_RESOURCE_DEFINITION: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
export const SELF_SUBJECT_REVIEW: Resource = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'selfsubjectreviews',
  kind: 'SelfSubjectReview',
  namespaced: false,
};
export const VALIDATING_ADMISSION_POLICY: Resource = {
  ...ADMISSION,
  plural: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
};
export const VALIDATING_ADMISSION_POLICY_BINDING: Resource = {
  ...ADMISSION,
  plural: 'validatingadmissionpolicybindings',
  kind: 'ValidatingAdmissionPolicyBinding',
};

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of a kind's collection, or of one object in it. */
export function pathOf(
  resource: Resource,
  { namespace, name, subresource }: { namespace?: string | undefined; name?: string; subresource?: string | undefined },
): string {
  const base = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const part = subresource === undefined ? '' : `/${subresource}`;
  return `${base}${scope}/${resource.plural}${object}${part}`;
}
