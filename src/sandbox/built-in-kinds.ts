import {
  CONFIG_MAP,
  DEPLOYMENT,
  ENDPOINT_SLICE,
  EVENT,
  GATEWAY_RESOURCE,
  GRPC_ROUTE,
  HTTP_ROUTE,
  INGRESS,
  LEASE,
  NAMESPACE,
  POD,
  POD_DISRUPTION_BUDGET,
  REFERENCE_GRANT,
  REPLICA_SET,
  RESOURCE_QUOTA,
  SECRET,
  SERVICE,
} from '#kube/resources.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { builtIn, CONDITIONS, column, type Given, POD_LISTS, under } from './built-in.ts';
import { dig, type SandboxKind } from './kind.ts';
import type { FieldError } from './refused.ts';
import { defaulted } from './route-defaults.ts';
import {
  checkReplicaSet,
  completeDeployment,
  completePod,
  completeReplicaSet,
  completeService,
} from './workload-defaults.ts';

/** The kinds of Kubernetes and of the Gateway API that the operator, the CLI and the controllers here use. */

/** ConfigMaps and the like: their keys are file names. */
function checkKeys(object: KubeObject): FieldError[] {
  const data = (object['data'] ?? {}) as object;
  return Object.keys(data)
    .filter((key) => !/^[-._a-zA-Z0-9]{1,253}$/.test(key))
    .map((key) => ({
      field: `data[${key}]`,
      reason: 'FieldValueInvalid',
      text: `Invalid value: ${JSON.stringify(key)}: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
    }));
}

const endpointsReady = (object: KubeObject): string => {
  const all = (object['endpoints'] ?? []) as { addresses?: string[] }[];
  return all.flatMap(({ addresses = [] }) => addresses).join(',');
};

const podReady = (object: KubeObject): string => {
  const all = (dig(object, ['status', 'containerStatuses']) ?? []) as { ready?: boolean }[];
  const wanted = (dig(object, ['spec', 'containers']) ?? []) as unknown[];
  return `${all.filter(({ ready }) => ready === true).length}/${wanted.length}`;
};

const podPhase = (object: KubeObject): string =>
  object.metadata.deletionTimestamp === undefined
    ? String(dig(object, ['status', 'phase']) ?? 'Unknown')
    : 'Terminating';

const deploymentReady = (object: KubeObject): string =>
  `${dig(object, ['status', 'readyReplicas']) ?? 0}/${dig(object, ['spec', 'replicas']) ?? 1}`;

const podField = (path: string) => (object: KubeObject) => String(dig(object, path.split('.')) ?? '');

/** Headgate reads none; a kubelet reports one, and a pod is bound to it by name. */
const NODE: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

const core: Given[] = [
  {
    resource: NODE,
    shortNames: ['no'],
    members: ['spec', 'status'],
    hasStatus: true,
    ownership: { ...CONDITIONS, 'status.addresses': ['type'] },
  },
  {
    resource: NAMESPACE,
    shortNames: ['ns'],
    members: ['spec', 'status'],
    hasStatus: true,
    columns: [column('Status', 'status.phase')],
    complete: (object) => ({
      ...object,
      spec: { finalizers: ['kubernetes'], ...(object['spec'] as object) },
      status: { phase: 'Active', ...(object['status'] as object) },
    }),
  },
  {
    resource: CONFIG_MAP,
    shortNames: ['cm'],
    members: ['data', 'binaryData', 'immutable'],
    columns: [
      { name: 'Data', type: 'integer', read: (object) => Object.keys((object['data'] ?? {}) as object).length },
    ],
    check: checkKeys,
  },
  {
    resource: SECRET,
    members: ['data', 'stringData', 'type', 'immutable'],
    columns: [column('Type', 'type')],
    complete: ({ stringData, ...object }) => ({
      ...(object as KubeObject),
      type: object['type'] ?? 'Opaque',
      ...(stringData === undefined ? {} : { data: { ...(object['data'] as object), ...encoded(stringData) } }),
    }),
  },
  {
    resource: SERVICE,
    shortNames: ['svc'],
    categories: ['all'],
    members: ['spec', 'status'],
    hasStatus: true,
    ownership: { 'spec.ports': ['port', 'protocol'], 'spec.selector': 'atomic', 'status.conditions': ['type'] },
    columns: [column('Type', 'spec.type'), column('Cluster-IP', 'spec.clusterIP')],
    complete: completeService,
  },
  {
    resource: POD,
    shortNames: ['po'],
    categories: ['all'],
    members: ['spec', 'status'],
    hasStatus: true,
    countsGenerations: true,
    ownership: { ...under('spec', POD_LISTS), ...CONDITIONS },
    selectable: {
      'status.phase': podField('status.phase'),
      'spec.nodeName': podField('spec.nodeName'),
      'status.podIP': podField('status.podIP'),
    },
    columns: [
      { name: 'Ready', type: 'string', read: podReady },
      { name: 'Status', type: 'string', read: podPhase },
      column('IP', 'status.podIP', { priority: 1 }),
    ],
    complete: completePod,
    // A pod that no kubelet has taken has nothing to end.
    graceSeconds: (pod) =>
      dig(pod, ['spec', 'nodeName']) === undefined
        ? 0
        : Number(dig(pod, ['spec', 'terminationGracePeriodSeconds']) ?? 30),
  },
];

function encoded(plain: unknown): Record<string, string> {
  const pairs = Object.entries((plain ?? {}) as Record<string, string>);
  return Object.fromEntries(pairs.map(([key, value]) => [key, Buffer.from(value).toString('base64')]));
}

const replicated: Omit<Given, 'resource'> = {
  categories: ['all'],
  members: ['spec', 'status'],
  hasStatus: true,
  countsGenerations: true,
  scale: {
    specReplicas: ['spec', 'replicas'],
    statusReplicas: ['status', 'replicas'],
    selector: ['spec', 'selector'],
  },
  ownership: { 'spec.selector': 'atomic', ...under('spec.template.spec', POD_LISTS), ...CONDITIONS },
  check: checkReplicaSet,
};

const grouped: Given[] = [
  {
    resource: REPLICA_SET,
    shortNames: ['rs'],
    ...replicated,
    columns: [
      column('Desired', 'spec.replicas', { type: 'integer' }),
      column('Current', 'status.replicas', { type: 'integer' }),
      column('Ready', 'status.readyReplicas', { type: 'integer' }),
    ],
    complete: completeReplicaSet,
  },
  {
    resource: DEPLOYMENT,
    shortNames: ['deploy'],
    ...replicated,
    columns: [
      { name: 'Ready', type: 'string', read: deploymentReady },
      column('Up-to-date', 'status.updatedReplicas', { type: 'integer' }),
      column('Available', 'status.availableReplicas', { type: 'integer' }),
    ],
    complete: completeDeployment,
  },
  {
    resource: ENDPOINT_SLICE,
    members: ['addressType', 'endpoints', 'ports'],
    countsGenerations: true,
    columns: [column('AddressType', 'addressType'), { name: 'Endpoints', type: 'string', read: endpointsReady }],
  },
  {
    resource: EVENT,
    shortNames: ['ev'],
    members: [
      'eventTime',
      'series',
      'reportingController',
      'reportingInstance',
      'action',
      'reason',
      'regarding',
      'related',
      'note',
      'type',
      'deprecatedSource',
      'deprecatedFirstTimestamp',
      'deprecatedLastTimestamp',
      'deprecatedCount',
    ],
    columns: [
      column('Type', 'type'),
      column('Reason', 'reason'),
      column('Object', 'regarding.name'),
      column('Message', 'note'),
    ],
  },
  {
    resource: LEASE,
    members: ['spec'],
    unconditional: false,
    columns: [column('Holder', 'spec.holderIdentity')],
  },
  {
    resource: RESOURCE_QUOTA,
    shortNames: ['quota'],
    members: ['spec', 'status'],
    hasStatus: true,
  },
  {
    resource: POD_DISRUPTION_BUDGET,
    shortNames: ['pdb'],
    members: ['spec', 'status'],
    hasStatus: true,
    countsGenerations: true,
    ownership: CONDITIONS,
  },
  {
    resource: INGRESS,
    shortNames: ['ing'],
    members: ['spec', 'status'],
    hasStatus: true,
    countsGenerations: true,
    columns: [column('Class', 'spec.ingressClassName')],
  },
  ...[HTTP_ROUTE, GRPC_ROUTE].map((resource) => ({
    resource,
    categories: ['gateway-api'],
    members: ['spec', 'status'],
    hasStatus: true,
    countsGenerations: true,
    unconditional: false,
    columns: [column('Hostnames', 'spec.hostnames')],
  })),
  {
    resource: REFERENCE_GRANT,
    shortNames: ['refgrant'],
    categories: ['gateway-api'],
    members: ['spec'],
    countsGenerations: true,
    unconditional: false,
  },
  {
    resource: GATEWAY_RESOURCE,
    shortNames: ['gtw'],
    categories: ['gateway-api'],
    members: ['spec', 'status'],
    hasStatus: true,
    countsGenerations: true,
    unconditional: false,
    ownership: { 'spec.listeners': ['name'], ...CONDITIONS },
    columns: [column('Class', 'spec.gatewayClassName')],
  },
];

export function builtInKinds(): SandboxKind[] {
  return [...core, ...grouped].map(builtIn).map(defaulted);
}
