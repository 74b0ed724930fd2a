import fc from 'fast-check';
import type { RouteObject, Router } from '#routers/define.ts';
import { type Dialect, type Rule, routeOf } from './rules.ts';

/** Routes of Gateway API, whose rules have backendRefs. Each kind has its own matches. */

export const rulesOf = (object: RouteObject): Rule[] => (object['spec'] as { rules: Rule[] }).rules;

const spec = (rules: Rule[]) => ({ parentRefs: [{ name: 'public' }], hostnames: ['shop.example'], rules });

/** `home` is the namespace of the Services; the routes are in `shop`. */
export function gatewayDialect(router: Router, content: fc.Arbitrary<Rule>, home = 'shop'): Dialect {
  const filters = fc.constantFrom([], [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x'] } }]);
  return {
    router,
    content,
    field: 'backendRefs',
    spec,
    rulesOf,
    ref: (name) => ({ name, port: 80, ...(home === 'shop' ? {} : { namespace: home }) }),
    nameOf: ({ name, kind = 'Service', namespace = 'shop' }) =>
      kind === 'Service' && namespace === home ? name : undefined,
    extras: fc.record(
      {
        group: fc.constant(''),
        kind: fc.constant('Service'),
        namespace: fc.constant(home),
        port: fc.constantFrom(80, 8080),
        filters,
      },
      { requiredKeys: [] },
    ),
    // A Service of the same name that is not the user's: another namespace, or another kind.
    namesakes: [
      { name: 'checkout', namespace: 'other', port: 80 },
      ...(home === 'shop' ? [] : [{ name: 'checkout', port: 80 }]),
      { name: 'checkout', kind: 'ServiceImport', group: 'multicluster.x-k8s.io', port: 80 },
    ],
  };
}

export function route(rules: Rule[], annotations?: Record<string, string>): RouteObject {
  return routeOf({ spec }, rules, annotations);
}
