import { ruleRouter } from './backend-rules.ts';
import { currentCondition } from './conditions.ts';
import type { RouteObject } from './define.ts';
import { areBackends, backendsOf, rulesIn, shown, specOf } from './lists.ts';
import type { Backend, Rule } from './rule-view.ts';

/**
 * Contour's HTTPProxy: every entry of `spec.routes` whose services name the Service. `tcpproxy` and `includes` are left
 * alone: an included HTTPProxy is named in `traffic` itself. Services that only mirror are no backends.
 *
 * Contour writes the condition `Valid` with the generation that it has judged.
 */
export const httpProxy = ruleRouter({
  kind: 'httpProxy',
  resource: {
    group: 'projectcontour.io',
    version: 'v1',
    plural: 'httpproxies',
    kind: 'HTTPProxy',
    namespaced: true,
  },
  granularity: 1,
  writes: '/spec/routes',
  rules: rulesOf,
  isService: (backend, name) => backend['name'] === name && !isMirror(backend),
  renamed: (backend, name) => ({ ...backend, name }),
  weights: weightsOf,
  word: 'service',
  nameOf: ({ name }) => shown(name),
  accepted: (route) => currentCondition(route, ['Valid']),
});

function rulesOf(route: RouteObject): Rule[] {
  return rulesIn('spec.routes', specOf(route)['routes'], ({ services, ...content }, index) => {
    const label = `routes[${index}]`;
    const flaw = areBackends(services) ? undefined : `${label}.services`;
    return { label, path: `/spec/routes/${index}/services`, backends: backendsOf(services), content, flaw };
  });
}

const isMirror = (backend: Backend): boolean => backend['mirror'] === true;

/** An absent weight is 0; where all of them are, Contour shares evenly (`weightedClusters` of Contour 1.33). */
function weightsOf(backends: Backend[]): number[] {
  const even = backends.every((backend) => isMirror(backend) || (backend.weight ?? 0) === 0) ? 1 : 0;
  return backends.map((backend) => (isMirror(backend) ? 0 : backend.weight || even));
}
