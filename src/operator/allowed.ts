import { canaryServiceName } from '#core/labels.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { recordsOf, specOf } from '#routers/lists.ts';
import type { RoutePlace } from './route-kinds.ts';

/**
 * Who must agree before a Rollout splits a route of another namespace: the route's owner, by an annotation on it, because
 * we write there with our rights and not with those of the Rollout's author; and the Services' namespace, by a
 * ReferenceGrant, or the gateway answers what goes to the canary with errors. Pure.
 */

/** On a route: the one Rollout, as `namespace/name`, that may split it. A Rollout of the route's own namespace needs none. */
export const ALLOW_ANNOTATION = 'headgate.dev/allow-rollout';

interface Asking {
  rollout: KubeObject;
  /** The user's Service. */
  service: string;
  /** ReferenceGrants of the Rollout's namespace. */
  grants: readonly KubeObject[];
}

/** Why this Rollout may not split the route, with the fix; undefined: it may. */
export function barredFrom(route: KubeObject, { ref }: Pick<RoutePlace, 'ref'>, asking: Asking): string | undefined {
  const { rollout } = asking;
  const { namespace = '', name } = rollout.metadata;
  const asked = `${namespace}/${name}`;
  const allowed = route.metadata.annotations?.[ALLOW_ANNOTATION];
  if (allowed !== undefined && allowed !== asked)
    return `its annotation ${ALLOW_ANNOTATION} lets Rollout ${allowed} alone split it: take the route out of spec.traffic, or let its owner change that to ${asked}`;
  if (ref.namespace === namespace) return undefined;
  const { resource } = ref;
  if (allowed === undefined)
    return `nothing on it says that Rollout ${asked} may split it: let its owner do this: kubectl annotate ${resource.plural} ${ref.name} -n ${ref.namespace} ${ALLOW_ANNOTATION}=${asked}`;
  const services = [asking.service, canaryServiceName(asking.service)];
  const missing = services.filter((service) => !asking.grants.some((grant) => permits(grant, ref, service)));
  if (missing.length === 0) return undefined;
  return `no ReferenceGrant of namespace ${namespace} lets it send to Service ${missing.join(' and ')}: kubectl apply -f - <<< '${grantFor(ref, namespace, services)}'`;
}

/** A grant names kinds and namespaces on one side, kinds and at most one name on the other; what it does not name is all. */
function permits(grant: KubeObject, { resource, namespace }: RoutePlace['ref'], service: string): boolean {
  const { from, to } = specOf(grant);
  return (
    recordsOf(from).some(
      (one) => one['group'] === resource.group && one['kind'] === resource.kind && one['namespace'] === namespace,
    ) &&
    recordsOf(to).some(
      (one) => one['group'] === '' && one['kind'] === 'Service' && (one['name'] ?? service) === service,
    )
  );
}

/** The whole of what is needed, ready to be applied: JSON is YAML, and fits into one line. */
function grantFor(
  { resource, namespace: from = '' }: RoutePlace['ref'],
  namespace: string,
  services: string[],
): string {
  const { group, kind } = resource;
  return JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1beta1',
    kind: 'ReferenceGrant',
    metadata: { name: `${services[0]}-from-${from}`, namespace },
    spec: {
      from: [{ group, kind, namespace: from }],
      to: services.map((name) => ({ group: '', kind: 'Service', name })),
    },
  });
}
