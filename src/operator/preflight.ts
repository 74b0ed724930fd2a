import { CANARY_LABEL, canaryServiceName, REVISION_LABEL, ROLLOUT_LABEL, STABLE_LABEL } from '#core/labels.ts';
import { isAbroad, routeTitle } from '#core/routes.ts';
import type { Problem, SeenRoute } from '#core/seen.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { deploymentNameOf } from '#schema/workload-ref.ts';
import { armsOf } from './observe-pods.ts';
import { namesOf } from './stores.ts';
import { selects, serviceSpec } from './workload.ts';

/**
 * What would go wrong in a release, found before a canary pod exists. Pure; each problem names a field and its fix,
 * in a fixed order, so that conditions do not flap.
 */

export interface PreflightInput {
  rollout: KubeObject;
  /** The user's Service of the spec, when it exists. */
  service?: KubeObject;
  serviceName: string;
  /** Labels that a pod of the template carries, without ours. */
  podLabels: Record<string, string>;
  /** All Services of the namespace. */
  services: KubeObject[];
  /** Names in spec.services. */
  allowed: string[];
  routes: SeenRoute[];
  /** Other Rollouts that name the same Service or one of the same routes. */
  rivals: KubeObject[];
}

export function preflight(input: PreflightInput): Problem[] {
  return [...rivalProblems(input), ...serviceProblems(input), ...leaks(input), ...routeProblems(input.routes)];
}

/** The older Rollout keeps Service and route; the younger says so. Names break a tie of the clock. */
function rivalProblems({ rollout, rivals, serviceName, routes }: PreflightInput): Problem[] {
  const age = ({ metadata }: KubeObject) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  const older = rivals.filter((rival) => age(rival) < age(rollout)).sort((a, b) => (age(a) < age(b) ? -1 : 1));
  const driven = (what: string, by: KubeObject) =>
    `${what} is driven by Rollout ${by.metadata.name} already: give this Rollout one of its own, or delete one of them`;
  const onService = older.find((rival) => namesOf(rival).service === serviceName);
  if (onService !== undefined) {
    // Its pods would join a Service that sends users to another Rollout's stable.
    return [{ field: 'spec.service', message: driven(`Service ${serviceName}`, onService), barsPods: true }];
  }
  const deployment = deploymentNameOf(rollout);
  const onDeployment = older.find((rival) => deployment !== undefined && deploymentNameOf(rival) === deployment);
  if (onDeployment !== undefined)
    return [{ field: 'spec.workloadRef', message: driven(`Deployment ${deployment}`, onDeployment), barsPods: true }];
  return routes.flatMap(({ name }): Problem[] => {
    const onRoute = older.find((rival) => namesOf(rival).routes.includes(name));
    // A route has room for one fence: two releases on it would each take the other for a stranger.
    return onRoute === undefined ? [] : [{ field: 'spec.traffic', message: driven(routeTitle(name), onRoute) }];
  });
}

function serviceProblems({ service, serviceName, podLabels, rollout }: PreflightInput): Problem[] {
  const field = 'spec.service';
  if (service === undefined)
    return [
      { field, message: `Service ${serviceName} does not exist in namespace ${rollout.metadata.namespace}: create it` },
    ];
  const { selector, type } = serviceSpec(service) as { selector?: Record<string, string>; type?: string };
  if (type === 'ExternalName')
    return [
      { field, message: `Service ${serviceName} is of type ExternalName and has no pods: name one with a selector` },
    ];
  if (selector === undefined || Object.keys(selector).length === 0) {
    return [
      { field, message: `Service ${serviceName} has no selector: add one that matches spec.template.metadata.labels` },
    ];
  }
  const { [STABLE_LABEL]: _, ...users } = selector;
  const missing = Object.entries(users).find(([key, value]) => podLabels[key] !== value);
  if (missing === undefined) return [];
  const [key, value] = missing;
  return [
    {
      field,
      message: `Service ${serviceName} selects ${key}=${value}, which spec.template.metadata.labels lacks: add the label, or change the selector`,
    },
  ];
}

/** Services that would send users to canary pods past every weight: refused, unless the user names them. */
function leaks({ services, serviceName, podLabels, allowed, rollout }: PreflightInput): Problem[] {
  const labels = { ...podLabels, [ROLLOUT_LABEL]: rollout.metadata.name, [CANARY_LABEL]: 'true' };
  const own = new Set([serviceName, canaryServiceName(serviceName), ...allowed]);
  const leaking = services.filter((service) => {
    const { selector } = serviceSpec(service);
    const arms = armsOf(selector);
    return !own.has(service.metadata.name) && !arms.stable && !arms.canary && selects(selectable(selector), labels);
  });
  leaking.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return leaking.map(({ metadata }) => ({
    field: 'spec.services',
    message: `Service ${metadata.name} would send requests to canary pods at any weight: ${fixFor(metadata.name, metadata.namespace)}, or name it in spec.services to allow that`,
  }));
}

function fixFor(name: string, namespace = 'default'): string {
  const patch = JSON.stringify({ spec: { selector: { [STABLE_LABEL]: 'true' } } });
  return `kubectl patch service ${name} -n ${namespace} -p '${patch}'`;
}

/** A selector on one revision never matches before we know its hash: it counts as matching. */
function selectable(selector: Record<string, string> | undefined): Record<string, string> | undefined {
  if (selector === undefined) return undefined;
  const { [REVISION_LABEL]: _, ...rest } = selector;
  return rest;
}

function routeProblems(routes: SeenRoute[]): Problem[] {
  return routes.flatMap((route): Problem[] => {
    const field = 'spec.traffic';
    const name = routeTitle(route.name);
    if (!route.exists)
      return [
        {
          field,
          message: `${name} does not exist${isAbroad(route) ? ', or this operator does not watch its namespace' : ''}: create it, or take it out of spec.traffic`,
        },
      ];
    if (route.barred !== undefined) return [{ field, message: `${name}: ${route.barred}` }];
    if (route.conflict === undefined) return [];
    return [{ field, message: route.conflict.includes(name) ? route.conflict : `${name}: ${route.conflict}` }];
  });
}
