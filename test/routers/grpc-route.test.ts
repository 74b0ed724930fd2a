import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { RouteObject } from '#routers/define.ts';
import { grpcRoute } from '#routers/grpc-route.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { routerLaws } from './laws.ts';
import { route, ruleSubject, services } from './rules.ts';

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

routerLaws(ruleSubject(grpcRoute, content));

test('a conflict names the kind', () => {
  const object = route([{ backendRefs: [{ name: 'cart', port: 80 }] }]);
  // kills: the name of another kind in a message that a person searches for.
  expect(grpcRoute.read(object, services).conflict).toBe(
    'no rule of GRPCRoute web sends traffic to Service checkout; add a backendRef to checkout, or name another route in spec.traffic',
  );
});

const golden = new URL('golden/grpc-route/', import.meta.url);

test.each(readdirSync(golden))('golden: %s', (name) => {
  const load = (file: string): RouteObject => parse(readFileSync(new URL(`${name}/${file}.yaml`, golden), 'utf8'));
  const before = load('before');
  const memo = grpcRoute.capture(before, services);
  const wish = { weight: 5000, memo, fence: { release: 'checkout-7', n: 1, weight: 5000 }, resourceVersion: '41' };
  expect(applyPatch(before, grpcRoute.write(before, services, wish))).toEqual(load('after'));
});
