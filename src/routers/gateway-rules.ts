import { isRecord } from '#lib/json.ts';
import { ruleRouter } from './backend-rules.ts';
import type { Ability, RouteObject, Router } from './define.ts';
import { withReach } from './gateway-reach.ts';
import { acceptedByParents } from './gateway-status.ts';
import { areBackends, backendsOf, isListOfObjects, labelOf, recordsOf, rulesIn, shown, specOf } from './lists.ts';
import type { RuleSight } from './reach-rules.ts';
import type { Rule, RuleShape } from './rule-view.ts';

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
    nameOf: ({ name }) => shown(name),
    // GEP-1619: a session stays with its backend whatever the weights say, 0 included. At rest the canary is no backend.
    sticky: ({ content }) => isRecord(content) && isRecord(content['sessionPersistence']),
    accepted: acceptedByParents,
  };
  return withReach(ruleRouter(shape), { shape, reaches, everything });
}

function rulesOf(route: RouteObject): Rule[] {
  return rulesIn('spec.rules', specOf(route)['rules'], (rule, index) => {
    const { backendRefs, ...content } = rule;
    const label = labelOf('rules', index, content['name']);
    const path = `/spec/rules/${index}/backendRefs`;
    return { label, path, backends: backendsOf(backendRefs), content, flaw: flawOf(rule, `rules[${index}]`) };
  });
}

/** The lists that this lens, and the one for matched users and copies, look into. */
function flawOf({ backendRefs, filters, matches }: Record<string, unknown>, rule: string): string | undefined {
  if (!areBackends(backendRefs)) return `${rule}.backendRefs`;
  const mirrors = recordsOf(filters).flatMap(({ requestMirror }) =>
    requestMirror === undefined ? [] : [requestMirror],
  );
  if (!isListOfObjects(filters) || !mirrors.every(isRecord)) return `${rule}.filters`;
  const asked = recordsOf(matches).map(({ headers }) => headers);
  return isListOfObjects(matches) && asked.every(areHeaders) ? undefined : `${rule}.matches`;
}

function areHeaders(headers: unknown): boolean {
  return isListOfObjects(headers) && recordsOf(headers).every(({ name }) => typeof name === 'string');
}

const isService: RuleShape['isService'] = (backend, name, { route, namespace: home }) => {
  const { group = '', kind = 'Service', namespace = route.metadata.namespace } = backend;
  return backend['name'] === name && kind === 'Service' && group === '' && namespace === home;
};
