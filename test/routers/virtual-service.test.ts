import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RouteObject } from '#routers/define.ts';
import { virtualService } from '#routers/virtual-service.ts';
import { routerLaws } from './laws.ts';
import { type Dialect, goldenCases, type Ref, type Rule, routeOf, ruleSubject, services } from './rules.ts';

const hostOf = (ref: Ref): string => (ref['destination'] as { host: string }).host;
const to = (host: string, more: object = {}): Ref => ({ destination: { host, ...more } });

const dialect: Dialect = {
  router: virtualService,
  content: fc.record(
    {
      name: fc.constantFrom('pay', 'browse'),
      match: fc.constantFrom([{ uri: { prefix: '/' } }], [{ method: { exact: 'POST' } }]),
      timeout: fc.constant('5s'),
      mirror: fc.constant({ host: 'checkout-shadow' }),
    },
    { requiredKeys: [] },
  ),
  field: 'route',
  spec: (http) => ({ hosts: ['shop.example'], gateways: ['public'], http, tcp: [{ route: [to('checkout')] }] }),
  rulesOf: (object) => (object['spec'] as { http: Rule[] }).http,
  ref: (name) => to(name),
  nameOf(ref) {
    const [name, namespace = 'shop'] = hostOf(ref).split('.');
    return namespace === 'shop' ? name : undefined;
  },
  extras: fc.record({ headers: fc.constant({ request: { remove: ['x'] } }) }, { requiredKeys: [] }),
  namesakes: [to('checkout.other.svc.cluster.local'), to('checkout.example.com')],
};
routerLaws(ruleSubject(dialect));
goldenCases(virtualService);

const read = (rules: Rule[]) => virtualService.read(routeOf(dialect, rules), services);

test.each([
  { host: 'checkout', want: true },
  { host: 'checkout.shop', want: true },
  { host: 'checkout.shop.svc', want: true },
  { host: 'checkout.shop.svc.cluster.local', want: true },
  { host: 'checkout.shop.svc.k8s.example', want: true },
  { host: 'checkout.other.svc.cluster.local', want: false },
  { host: 'checkout.shop.example', want: false },
  { host: 'checkout-b', want: false },
])('host $host: $want', ({ host, want }) => {
  expect(read([{ route: [to(host)] }]).conflict === undefined).toBe(want);
});

test('the canary is named as the Service was: in full where it was in full', () => {
  const route = routeOf(dialect, [{ route: [to('checkout.shop.svc.cluster.local', { port: { number: 8080 } })] }]);
  const memo = virtualService.capture(route, services);
  const fence = { release: 'checkout-7', n: 1, weight: 5000 };
  const patch = virtualService.write(route, services, { weight: 5000, memo, fence, resourceVersion: '7' });
  expect(patch.at(-1)?.value).toEqual([
    { ...to('checkout.shop.svc.cluster.local', { port: { number: 8080 } }), weight: 95_000 },
    { ...to('checkout-canary.shop.svc.cluster.local', { port: { number: 8080 } }), weight: 5000 },
  ]);
});

describe('what it refuses', () => {
  test.each([
    {
      name: 'a subset',
      because: 'the canary has a Service of its own, of which nobody declared that subset',
      route: [to('checkout', { subset: 'v1' })],
      want: "http[0] sends to subset v1 of checkout, which the canary's Service does not have; take the subset out, the two Services tell the pods apart",
    },
    {
      name: 'a split by subsets',
      because: 'a split that a person made is theirs',
      route: [
        { ...to('checkout', { subset: 'v1' }), weight: 90 },
        { ...to('checkout', { subset: 'v2' }), weight: 10 },
      ],
      want: 'http[0] names checkout more than once; keep one destination to it',
    },
    {
      name: 'a closed destination',
      because: 'weight 0 beside another gets nothing, and a split would open it',
      route: [
        { ...to('checkout'), weight: 0 },
        { ...to('cart'), weight: 100 },
      ],
      want: 'http[0] already splits checkout with cart; keep checkout alone in this rule, or take the route out of spec.traffic',
    },
  ])('$name: $because', ({ route, want }) => {
    expect(read([{ route }]).conflict).toBe(want);
  });

  test('a route without http', () => {
    const object: RouteObject = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: { tcp: [{ route: [to('checkout')] }] },
    };
    expect(virtualService.read(object, services).conflict).toContain('no rule of VirtualService web sends traffic');
  });
});

// kills: a lone destination without weight taken for one that gets nothing.
test('one destination gets everything, whatever its weight', () => {
  expect(read([{ route: [{ ...to('checkout'), weight: 0 }] }])).not.toHaveProperty('conflict');
});
