import { isRecord } from '#lib/json.ts';
import { ruleRouter } from './backend-rules.ts';
import { currentCondition } from './conditions.ts';
import type { RouteObject } from './define.ts';
import { areBackends, backendsOf, labelOf, recordsOf, rulesIn, shown, specOf } from './lists.ts';
import type { Rule } from './rule-view.ts';

/**
 * Apache APISIX' ApisixRoute: every entry of `spec.http` whose backends name the Service. `stream` is left alone.
 *
 * Whole percents only: several backends become the plugin `traffic-split`, whose round robin serves the heavier backend
 * alone until the rest of its weight equals the lighter one's. With weights that have no common divisor, in 1/100,000,
 * the canary would see nothing for tens of thousands of requests and then every other one.
 *
 * The controller's condition is `Accepted` since 2.0 and was `ResourcesAvailable` before.
 */
export const apisixRoute = ruleRouter({
  kind: 'apisixRoute',
  resource: {
    group: 'apisix.apache.org',
    version: 'v2',
    plural: 'apisixroutes',
    kind: 'ApisixRoute',
    namespaced: true,
  },
  granularity: 1000,
  writes: '/spec/http',
  rules: rulesOf,
  isService: (backend, name) => backend['serviceName'] === name && backend['subset'] === undefined,
  renamed: (backend, name) => ({ ...backend, serviceName: name }),
  // `DefaultWeight` of its ingress controller.
  weights: (backends) => backends.map(({ weight = 100 }) => weight),
  word: 'backend',
  nameOf: ({ serviceName }) => shown(serviceName),
  objection,
  accepted: (route) => currentCondition(route, ['Accepted', 'ResourcesAvailable']),
});

function rulesOf(route: RouteObject): Rule[] {
  return rulesIn('spec.http', specOf(route)['http'], ({ backends, ...content }, index) => {
    const label = labelOf('http', index, content['name']);
    const flaw = areBackends(backends) ? undefined : `http[${index}].backends`;
    return { label, path: `/spec/http/${index}/backends`, backends: backendsOf(backends), content, flaw };
  });
}

/** Upstreams share the traffic with the backends, and a plugin of the user's stands before the one that we cause. */
function objection({ content }: Rule, stable: string): string | undefined {
  const { upstreams, plugins } = isRecord(content) ? content : {};
  if (Array.isArray(upstreams) && upstreams.length > 0) {
    return `splits ${stable} with upstreams; keep ${stable} alone in this rule, or take the route out of spec.traffic`;
  }
  const own = recordsOf(plugins).some(({ name, enable = true }) => name === 'traffic-split' && enable);
  return own ? 'has the plugin traffic-split, before which weights of backends count nothing; take it out' : undefined;
}
