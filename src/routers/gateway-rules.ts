import { ruleRouter } from './backend-rules.ts';
import type { RouteObject, Router } from './define.ts';
import { acceptedByParents } from './gateway-status.ts';
import type { Backend, Rule } from './rule-view.ts';

/** How a kind of Gateway API v1 is called: in `spec.traffic[]`, and by the API server. */
export interface GatewayKind {
  key: string;
  plural: string;
  kind: string;
}

/** A route of Gateway API v1, whose rules have backendRefs. A mesh's route has Services for parents and is the same. */
export function gatewayRouter({ key, plural, kind }: GatewayKind): Router {
  return ruleRouter({
    kind: key,
    resource: { group: 'gateway.networking.k8s.io', version: 'v1', plural, kind, namespaced: true },
    granularity: 1,
    rules: rulesOf,
    isService,
    renamed: (backend, name) => ({ ...backend, name }),
    // A backendRef without weight has weight 1.
    weights: (backends) => backends.map(({ weight = 1 }) => weight),
    word: 'backendRef',
    nameOf: ({ name }) => String(name),
    accepted: acceptedByParents,
  });
}

interface RouteRule {
  name?: string;
  backendRefs?: Backend[];
}

function rulesOf(route: RouteObject): Rule[] {
  const { rules = [] } = (route['spec'] ?? {}) as { rules?: (RouteRule | null)[] };
  return rules.map((rule, index) => {
    const { backendRefs: backends = [], ...content } = rule ?? {};
    const label = content.name === undefined ? `rules[${index}]` : `rules[${index}] (${content.name})`;
    return { label, path: `/spec/rules/${index}/backendRefs`, backends, content };
  });
}

function isService(backend: Backend, name: string, { metadata }: RouteObject): boolean {
  const { group = '', kind = 'Service', namespace = metadata.namespace } = backend;
  return backend['name'] === name && kind === 'Service' && group === '' && namespace === metadata.namespace;
}
