import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RouteObject } from '#routers/define.ts';
import { traefikService } from '#routers/traefik-service.ts';
import { routerLaws } from './laws.ts';
import { type Dialect, goldenCases, type Ref, type Rule, ruleSubject, services } from './rules.ts';

interface Weighted {
  weighted: { services: Ref[] };
}

const dialect: Dialect = {
  router: traefikService,
  content: fc.constant({}),
  field: 'services',
  spec: ([rule]: Rule[]) => ({ weighted: { sticky: { cookie: { name: 'arm' } }, ...rule } }),
  rulesOf: (object) => [(object['spec'] as Weighted).weighted as unknown as Rule],
  ref: (name) => ({ name, port: 80 }),
  nameOf: ({ name, kind = 'Service', namespace = 'shop' }) =>
    kind === 'Service' && namespace === 'shop' ? name : undefined,
  extras: fc.record(
    {
      kind: fc.constant('Service'),
      namespace: fc.constant('shop'),
      port: fc.constantFrom<string | number>(8080, 'http'),
      passHostHeader: fc.constant(false),
    },
    { requiredKeys: [] },
  ),
  namesakes: [],
  most: 1,
};
routerLaws(ruleSubject(dialect));
goldenCases(traefikService);

const spec = (given: object): RouteObject => ({ metadata: { name: 'web', namespace: 'shop' }, spec: given });

test.each([
  {
    name: 'another TraefikService of the name',
    because: 'it is not the Service',
    object: spec({ weighted: { services: [{ name: 'checkout', kind: 'TraefikService' }] } }),
    want: 'no rule of TraefikService web sends traffic to Service checkout; add a service to checkout, or name another route in spec.traffic',
  },
  {
    name: 'mirroring',
    because: 'a mirror has no weights',
    object: spec({ mirroring: { name: 'checkout', port: 80 } }),
    want: 'no rule of TraefikService web sends traffic to Service checkout; add a service to checkout, or name another route in spec.traffic',
  },
  {
    name: 'a second service',
    because: 'a service without weight has weight 1',
    object: spec({
      weighted: {
        services: [
          { name: 'checkout', port: 80 },
          { name: 'cart', port: 80 },
        ],
      },
    }),
    want: 'weighted already splits checkout with cart; keep checkout alone in this rule, or take the route out of spec.traffic',
  },
])('refuses $name: $because', ({ object, want }) => {
  expect(traefikService.read(object, services).conflict).toBe(want);
});

test('nobody reports acceptance, and it says so', () => {
  expect(traefikService.can).not.toContain('acceptance');
  expect(traefikService.accepted).toBeUndefined();
});
