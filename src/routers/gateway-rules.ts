import { isRecord } from '#lib/json.ts';
import { ruleRouter } from './backend-rules.ts';
import type { Ability, RouteObject, Router } from './define.ts';
import { withReach } from './gateway-reach.ts';
import { acceptedByParents } from './gateway-status.ts';
import type { RuleSight } from './reach-rules.ts';
import type { Backend, Rule, RuleShape } from './rule-view.ts';

/** How a kind of Gateway API v1 is called: in `spec.traffic[]`, and by the API server. */
export interface GatewayKind {
  key: string;
  plural: string;
  kind: string;
  /** What it can beside weights. */
  reaches: readonly Ability[];
  /** The match that takes every request: what a rule without matches means. */
  everything: RuleSight['everything'];
}

/** A route of Gateway API v1, whose rules have backendRefs. A mesh's route has Services for parents and is the same. */
export function gatewayRouter({ key, plural, kind, reaches, everything }: GatewayKind): Router {
  const shape: RuleShape = {
    kind: key,
    resource: { group: 'gateway.networking.k8s.io', version: 'v1', plural, kind, namespaced: true },
    granularity: 1,
    namespaces: true,
    writes: '/spec/rules',
    rules: rulesOf,
    isService,
    renamed: (backend, name) => ({ ...backend, name }),
    // A backendRef without weight has weight 1.
    weights: (backends) => backends.map(({ weight = 1 }) => weight),
    word: 'backendRef',
    nameOf: ({ name }) => String(name),
    // GEP-1619: a session stays with its backend whatever the weights say, 0 included. At rest the canary is no backend.
    sticky: ({ content }) => isRecord((content as RouteRule).sessionPersistence),
    accepted: acceptedByParents,
  };
  return withReach(ruleRouter(shape), { shape, reaches, everything });
}

interface RouteRule {
  name?: string;
  backendRefs?: Backend[];
  /** Of the experimental channel. */
  sessionPersistence?: unknown;
}

function rulesOf(route: RouteObject): Rule[] {
  const { rules = [] } = (route['spec'] ?? {}) as { rules?: (RouteRule | null)[] };
  return rules.map((rule, index) => {
    const { backendRefs: backends = [], ...content } = rule ?? {};
    const label = content.name === undefined ? `rules[${index}]` : `rules[${index}] (${content.name})`;
    return { label, path: `/spec/rules/${index}/backendRefs`, backends, content };
  });
}

const isService: RuleShape['isService'] = (backend, name, { route, namespace: home }) => {
  const { group = '', kind = 'Service', namespace = route.metadata.namespace } = backend;
  return backend['name'] === name && kind === 'Service' && group === '' && namespace === home;
};
