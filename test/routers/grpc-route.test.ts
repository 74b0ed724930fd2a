import fc from 'fast-check';
import { expect, test } from 'vitest';
import { grpcRoute } from '#routers/grpc-route.ts';
import { gatewayDialect, route } from './gateway-rules.ts';
import { routerLaws } from './laws.ts';
import { reachLaws } from './reach-laws.ts';
import { goldenCases, ruleSubject, services } from './rules.ts';

const content = fc.record(
  {
    name: fc.constantFrom('pay', 'browse'),
    matches: fc.constantFrom(
      [{ method: { service: 'shop.Checkout', method: 'Pay' } }],
      [{ headers: [{ name: 'x-tenant', value: 'a' }] }],
    ),
    filters: fc.constant([{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x'] } }]),
  },
  { requiredKeys: [] },
);

routerLaws(ruleSubject(gatewayDialect(grpcRoute, content)));
reachLaws(ruleSubject(gatewayDialect(grpcRoute, content)));

test('a conflict names the kind', () => {
  const object = route([{ backendRefs: [{ name: 'cart', port: 80 }] }]);
  // kills: the name of another kind in a message that a person searches for.
  expect(grpcRoute.read(object, services).conflict).toBe(
    'no rule of GRPCRoute web sends traffic to Service checkout; add a backendRef to checkout, or name another route in spec.traffic',
  );
});

goldenCases(grpcRoute);
