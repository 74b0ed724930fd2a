import { isRecord } from '#lib/json.ts';
import { ruleRouter } from './backend-rules.ts';
import type { RouteObject } from './define.ts';
import { areBackends, backendsOf, labelOf, rulesIn, shown, specOf } from './lists.ts';
import type { Backend, Rule } from './rule-view.ts';

/**
 * Istio's VirtualService: every entry of `spec.http` whose `route` names the Service's host. `tcp` and `tls` are left
 * alone. Split by hosts, one for each Service, not by subsets of one: a DestinationRule that is to hold for the canary
 * as well must name its host.
 *
 * Weights are relative since Istio 1.15 (istio/istio pull request 39544), and `networking.istio.io/v1` is served since
 * 1.22, so the whole grid can be written. Istio reports no acceptance: `status` is filled by analysis, where that is on.
 */
export const virtualService = ruleRouter({
  kind: 'virtualService',
  resource: {
    group: 'networking.istio.io',
    version: 'v1',
    plural: 'virtualservices',
    kind: 'VirtualService',
    namespaced: true,
  },
  granularity: 1,
  writes: '/spec/http',
  rules: rulesOf,
  isService: (backend, name, { route }) => isHostOf(hostOf(backend), name, route),
  renamed: (backend, name) => ({
    ...backend,
    destination: { ...destinationOf(backend), host: hostOf(backend).replace(/^[^.]+/, name) },
  }),
  // One destination gets everything, whatever its weight; among several, one without weight gets nothing.
  weights: (backends) => (backends.length === 1 ? [1] : backends.map(({ weight = 0 }) => weight)),
  word: 'destination',
  nameOf: hostOf,
  objection(rule, stable) {
    const subset = rule.backends.map((backend) => destinationOf(backend)['subset']).find((name) => name !== undefined);
    if (subset === undefined) return undefined;
    return `sends to subset ${shown(subset)} of ${stable}, which the canary's Service does not have; take the subset out, the two Services tell the pods apart`;
  },
});

function rulesOf(route: RouteObject): Rule[] {
  return rulesIn('spec.http', specOf(route)['http'], ({ route: destinations, ...content }, index) => {
    const label = labelOf('http', index, content['name']);
    const flaw = areBackends(destinations) ? undefined : `http[${index}].route`;
    return { label, path: `/spec/http/${index}/route`, backends: backendsOf(destinations), content, flaw };
  });
}

function destinationOf({ destination }: Backend): Record<string, unknown> {
  return isRecord(destination) ? destination : {};
}

function hostOf(backend: Backend): string {
  const { host } = destinationOf(backend);
  return typeof host === 'string' ? host : '';
}

/** `checkout`, `checkout.shop`, `checkout.shop.svc` and the whole name, whatever the cluster's domain is. */
function isHostOf(host: string, name: string, { metadata: { namespace = '' } }: RouteObject): boolean {
  const [service, where = namespace, svc = 'svc'] = host.split('.');
  return service === name && where === namespace && svc === 'svc';
}
