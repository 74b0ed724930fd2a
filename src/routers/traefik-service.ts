import { isRecord } from '#lib/json.ts';
import { ruleRouter } from './backend-rules.ts';
import type { RouteObject } from './define.ts';
import { areBackends, backendsOf, shown, specOf } from './lists.ts';
import type { Backend, Rule } from './rule-view.ts';

/**
 * Traefik's TraefikService with `spec.weighted`: an IngressRoute names it where it would name the Service. Its list of
 * services is the only rule. A service without weight has weight 1 (`buildServicesLB` of Traefik 3.7's provider).
 * Traefik writes no status on it. Without `--providers.kubernetescrd.allowemptyservices` a Service that has no
 * endpoints takes the whole TraefikService down with it.
 */
export const traefikService = ruleRouter({
  kind: 'traefikService',
  resource: {
    group: 'traefik.io',
    version: 'v1alpha1',
    plural: 'traefikservices',
    kind: 'TraefikService',
    namespaced: true,
  },
  granularity: 1,
  writes: '/spec/weighted/services',
  rules: rulesOf,
  isService,
  renamed: (backend, name) => ({ ...backend, name }),
  weights: (backends) => backends.map(({ weight = 1 }) => weight),
  sticky: (_rule, route) => isRecord(weightedOf(route)['sticky']),
  word: 'service',
  nameOf: ({ name }) => shown(name),
  skips: [
    {
      law: '7: rules that disagree are unknown, and the next write mends them',
      reason: 'it has one list, which cannot disagree with itself',
    },
  ],
});

function weightedOf(route: RouteObject): Record<string, unknown> {
  const { weighted } = specOf(route);
  return isRecord(weighted) ? weighted : {};
}

function rulesOf(route: RouteObject): Rule[] {
  const { services } = weightedOf(route);
  if (services === undefined) return [];
  const flaw = areBackends(services) ? undefined : 'weighted.services';
  const path = '/spec/weighted/services';
  return [{ label: 'weighted', path, backends: backendsOf(services), content: 'weighted', flaw }];
}

function isService(backend: Backend, name: string, { route: { metadata } }: { route: RouteObject }): boolean {
  const { kind = 'Service', namespace = metadata.namespace } = backend;
  return backend['name'] === name && kind === 'Service' && namespace === metadata.namespace;
}
