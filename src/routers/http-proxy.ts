import { ruleRouter } from './backend-rules.ts';
import { currentCondition } from './conditions.ts';
import type { RouteObject } from './define.ts';
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
  nameOf: ({ name }) => String(name),
  accepted: (route) => currentCondition(route, ['Valid']),
});

function rulesOf(route: RouteObject): Rule[] {
  const { routes = [] } = (route['spec'] ?? {}) as { routes?: ({ services?: Backend[] } | null)[] };
  return routes.map((entry, index) => {
    const { services: backends = [], ...content } = entry ?? {};
    return { label: `routes[${index}]`, path: `/spec/routes/${index}/services`, backends, content };
  });
}

const isMirror = (backend: Backend): boolean => backend['mirror'] === true;

/** An absent weight is 0; where all of them are, Contour shares evenly (`weightedClusters` of Contour 1.33). */
function weightsOf(backends: Backend[]): number[] {
  const even = backends.every((backend) => isMirror(backend) || (backend.weight ?? 0) === 0) ? 1 : 0;
  return backends.map((backend) => (isMirror(backend) ? 0 : backend.weight || even));
}
