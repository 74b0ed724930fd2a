import { ROLLOUT_LABEL } from '#core/labels.ts';
import { routeKey, splitRouteKey } from '#core/routes.ts';
import type { GroupMode } from '#core/sights.ts';
import {
  DEPLOYMENT,
  METRIC_SOURCE,
  POD,
  POD_DISRUPTION_BUDGET,
  PROBE_SUITE,
  REFERENCE_GRANT,
  RELEASE,
  REPLICA_SET,
  RESOURCE_QUOTA,
  ROLLOUT,
  ROLLOUT_ACTION,
  SERVICE,
  SERVICE_LEVEL_OBJECTIVE,
} from '#kube/resources.ts';
import { assert } from '#lib/assert.ts';
import type { KubeObject, Resource } from '#ports/kube-api.ts';
import { keyKind, type Router } from '#routers/define.ts';
import { readFence } from '#routers/fence.ts';
import type { Store } from '#runtime/cache.ts';
import type { InformerSpec, Informers } from '#runtime/informers.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';
import { routers } from '#src/catalog.ts';
import { trimDeployment } from './adopt.ts';
import { scalerKinds } from './scalers.ts';
import { withSpecWriters } from './spec-writers.ts';

/** Everything the operator watches, by the name the code uses. */
export interface Stores {
  rollouts: Store;
  releases: Store;
  actions: Store;
  slos: Store;
  sources: Store;
  suites: Store;
  pods: Store;
  sets: Store;
  deployments: Store;
  /** Autoscalers of each kind. */
  scalers: readonly Store[];
  services: Store;
  quotas: Store;
  disruptionBudgets: Store;
  /** Who may send to Services of another namespace. */
  referenceGrants: Store;
  /** Routes of each kind of the catalog, by its name. */
  routes: ReadonlyMap<string, Store>;
}

/** Index: objects by the Rollout they belong to, as `namespace/name`. */
export const BY_ROLLOUT = 'rollout';
/** Index of Rollouts by what they drive, as `namespace/Service/name`, `namespace/Deployment/name`, `namespace/Route/key`. */
const BY_DRIVEN = 'driven';

/** Index of Rollouts by the group that they declare, in all namespaces. */
export const BY_GROUP = 'group';

/** Index of Rollouts that move, or stand in the queue to: all of them under the empty key. */
export const MOVING_RELEASES = 'moving';

const byMoving = (rollout: KubeObject) => {
  const { state } = (rollout['status'] ?? {}) as { state?: { release?: unknown; inQueueSince?: unknown } };
  return state?.release === undefined && state?.inQueueSince === undefined ? [] : [''];
};

/** The group that a Rollout declares, read from any object: the spec may not have been checked. */
export function groupOf(rollout: KubeObject): string | undefined {
  const name = (rollout['spec'] as { group?: unknown } | undefined)?.group;
  return typeof name === 'string' ? name : undefined;
}

/** What it does in its group, read likewise: anything but the word itself is the default. */
export function modeOf(rollout: KubeObject): GroupMode {
  const mode = (rollout['spec'] as { groupMode?: unknown } | undefined)?.groupMode;
  return mode === 'Attribute' ? 'Attribute' : 'Serialise';
}

/** Index of routes by the Rollout whose release wrote the fence, as `namespace/name`. */
export const BY_FENCE = 'fence';

const byFence = (route: KubeObject) => {
  const rollout = fencedRollout(route);
  return rollout === undefined ? [] : [rollout];
};

/** The Rollout, as `namespace/name`, whose release wrote the fence on a route. */
export function fencedRollout(route: KubeObject): string | undefined {
  const rollout = readFence(route)?.release.replace(/-\d+$/, '');
  if (rollout === undefined || rollout.includes('/')) return rollout;
  return `${route.metadata.namespace ?? ''}/${rollout}`;
}

/** Index of routes by namespace and name run together, as gateways do that put hyphens between and within both. */
export const BY_JOINED_NAME = 'joined';

/** HTTPRoute b-c of namespace a and HTTPRoute c of namespace a-b are joined to one. */
export function joinedName({ namespace = '', name }: { namespace?: string; name: string }): string {
  return `${namespace}-${name}`.replace(/[^a-z0-9]+/g, '-');
}

const byGroup = (rollout: KubeObject) => {
  const name = groupOf(rollout);
  return name === undefined ? [] : [name];
};

const byLabel = ({ metadata }: KubeObject) => {
  const name = metadata.labels?.[ROLLOUT_LABEL];
  return name === undefined ? [] : [`${metadata.namespace ?? ''}/${name}`];
};

const bySpec = (object: KubeObject) => {
  const name = (object['spec'] as { rollout?: unknown } | undefined)?.rollout;
  return typeof name === 'string' ? [`${object.metadata.namespace ?? ''}/${name}`] : [];
};

/** Service and routes, by their keys, that a Rollout names, read from any object: the spec may not have been checked. */
export function namesOf(rollout: KubeObject): { service: string | undefined; routes: string[] } {
  const { service, traffic } = (rollout['spec'] ?? {}) as { service?: unknown; traffic?: unknown };
  const entries: (Record<string, unknown> | null)[] = Array.isArray(traffic) ? traffic : [];
  const routes = entries.flatMap((entry) =>
    routers.flatMap(({ router }) => {
      const name = entry?.[router.kind];
      const namespace = entry?.['namespace'];
      const abroad = typeof namespace === 'string' && namespace !== rollout.metadata.namespace;
      if (typeof name !== 'string') return [];
      return [routeKey({ kind: keyKind(router), name, ...(abroad ? { namespace } : {}) })];
    }),
  );
  return { service: typeof service === 'string' ? service : undefined, routes };
}

const byDriven = (rollout: KubeObject) => {
  const { service, routes } = namesOf(rollout);
  const deployment = deploymentNameOf(rollout);
  const keys = [
    ...(service === undefined ? [] : [`Service/${service}`]),
    ...(deployment === undefined ? [] : [`Deployment/${deployment}`]),
    ...routes.map((key) => `Route/${key}`),
  ];
  return [...new Set(keys)].map((key) => `${rollout.metadata.namespace ?? ''}/${key}`);
};

/** Other Rollouts that drive the same Service or one of the same routes. */
export function rivalsOf({ rollouts }: Pick<Stores, 'rollouts'>, rollout: KubeObject): KubeObject[] {
  const found = byDriven(rollout).flatMap((key) => rollouts.byIndex(BY_DRIVEN, key));
  return [...new Set(found)].filter(({ metadata }) => metadata.uid !== rollout.metadata.uid);
}

/** Rollouts that name this Deployment. */
export function driversOf({ rollouts }: Pick<Stores, 'rollouts'>, { metadata }: KubeObject): KubeObject[] {
  return rollouts.byIndex(BY_DRIVEN, `${metadata.namespace ?? ''}/Deployment/${metadata.name}`);
}

/** Index of Rollouts by the routes of other namespaces that they name, as `namespace/kind/name`. */
const BY_ROUTE_ABROAD = 'abroad';

const byRouteAbroad = (rollout: KubeObject) =>
  namesOf(rollout).routes.flatMap((key) => {
    const { kind, namespace, name } = splitRouteKey(key);
    return namespace === undefined ? [] : [`${namespace}/${kind}/${name}`];
  });

/** Rollouts of other namespaces that name this route, by their specs. */
export function namedFromAbroad({ rollouts }: Pick<Stores, 'rollouts'>, kind: string, route: KubeObject): KubeObject[] {
  const { namespace = '', name } = route.metadata;
  return rollouts.byIndex(BY_ROUTE_ABROAD, `${namespace}/${kind}/${name}`);
}

/** Two routers may read one kind of object, which is watched once. */
function resourceOf({ resource: { plural, group } }: Router): Resource {
  const first = routers.find(({ router }) => router.resource.plural === plural && router.resource.group === group);
  assert(first !== undefined, `${plural} is of the catalog`);
  return first.router.resource;
}

/** What the operator asks the API server to be told of. */
export const watched: InformerSpec[] = [
  {
    resource: ROLLOUT,
    indexes: {
      [BY_DRIVEN]: byDriven,
      [BY_GROUP]: byGroup,
      [MOVING_RELEASES]: byMoving,
      [BY_ROUTE_ABROAD]: byRouteAbroad,
    },
  },
  { resource: RELEASE, indexes: { [BY_ROLLOUT]: bySpec } },
  { resource: ROLLOUT_ACTION, indexes: { [BY_ROLLOUT]: bySpec } },
  { resource: SERVICE_LEVEL_OBJECTIVE },
  { resource: METRIC_SOURCE },
  { resource: PROBE_SUITE },
  { resource: POD, labelSelector: ROLLOUT_LABEL, indexes: { [BY_ROLLOUT]: byLabel } },
  { resource: REPLICA_SET, labelSelector: ROLLOUT_LABEL, indexes: { [BY_ROLLOUT]: byLabel } },
  // All of them: which ones Rollouts name is written in the Rollouts alone.
  { resource: DEPLOYMENT, optional: true, transform: trimDeployment },
  ...scalerKinds,
  { resource: SERVICE, transform: withSpecWriters },
  { resource: RESOURCE_QUOTA, optional: true },
  { resource: POD_DISRUPTION_BUDGET, optional: true },
  { resource: REFERENCE_GRANT, optional: true },
  // managedFields stay: they say who took the traffic back. Without the Gateway API there are releases by pods.
  ...[...new Set(routers.map(({ router }) => resourceOf(router)))].map(
    (resource): InformerSpec => ({
      resource,
      optional: true,
      transform: (object) => object,
      indexes: { [BY_JOINED_NAME]: ({ metadata }) => [joinedName(metadata)], [BY_FENCE]: byFence },
    }),
  ),
];

/** The stores of a set of informers made from `watched`. */
export function storesOf(informers: Informers): Stores {
  return {
    rollouts: informers.store(ROLLOUT),
    releases: informers.store(RELEASE),
    actions: informers.store(ROLLOUT_ACTION),
    slos: informers.store(SERVICE_LEVEL_OBJECTIVE),
    sources: informers.store(METRIC_SOURCE),
    suites: informers.store(PROBE_SUITE),
    pods: informers.store(POD),
    sets: informers.store(REPLICA_SET),
    deployments: informers.store(DEPLOYMENT),
    scalers: scalerKinds.map(({ resource }) => informers.store(resource)),
    services: informers.store(SERVICE),
    quotas: informers.store(RESOURCE_QUOTA),
    disruptionBudgets: informers.store(POD_DISRUPTION_BUDGET),
    referenceGrants: informers.store(REFERENCE_GRANT),
    routes: new Map(routers.map(({ router }) => [keyKind(router), informers.store(resourceOf(router))])),
  };
}
