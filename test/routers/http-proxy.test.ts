import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RouteObject } from '#routers/define.ts';
import { httpProxy } from '#routers/http-proxy.ts';
import { routerLaws } from './laws.ts';
import { type Dialect, goldenCases, type Rule, routeOf, ruleSubject, services } from './rules.ts';

const dialect: Dialect = {
  router: httpProxy,
  content: fc.record(
    {
      conditions: fc.constantFrom([{ prefix: '/' }], [{ prefix: '/pay' }, { header: { name: 'x-a', present: true } }]),
      enableWebsockets: fc.constant(true),
    },
    { requiredKeys: [] },
  ),
  field: 'services',
  spec: (routes) => ({ virtualhost: { fqdn: 'shop.example' }, routes }),
  rulesOf: (object) => (object['spec'] as { routes: Rule[] }).routes,
  ref: (name) => ({ name, port: 80 }),
  nameOf: ({ name, mirror }) => (mirror === true ? undefined : name),
  extras: fc.record(
    { protocol: fc.constant('h2c'), requestHeadersPolicy: fc.constant({ remove: ['x'] }) },
    { requiredKeys: [] },
  ),
  namesakes: [{ name: 'checkout', port: 80, mirror: true, weight: 10 }],
};
routerLaws(ruleSubject(dialect));
goldenCases(httpProxy);

const read = (list: object[]) => httpProxy.read(routeOf(dialect, [{ services: list }]), services);

test.each([
  {
    name: 'two services without weights',
    because: 'Contour shares evenly between them',
    list: [
      { name: 'checkout', port: 80 },
      { name: 'cart', port: 80 },
    ],
    want: 'routes[0] already splits checkout with cart; keep checkout alone in this rule, or take the route out of spec.traffic',
  },
  {
    name: 'one without weight beside one with',
    because: 'it gets nothing',
    list: [
      { name: 'checkout', port: 80, weight: 10 },
      { name: 'cart', port: 80 },
    ],
    want: undefined,
  },
  {
    name: 'a mirror',
    because: 'it answers nobody',
    list: [
      { name: 'checkout', port: 80 },
      { name: 'shadow', port: 80, mirror: true },
    ],
    want: undefined,
  },
])('$name: $because', ({ list, want }) => {
  // kills: absent weights counted as 0 where all of them are absent.
  expect(read(list).conflict).toBe(want);
});

test.each([
  { name: 'valid at this generation', because: 'Contour has judged it', status: 'True', observed: 3, want: true },
  {
    name: 'valid at an older one',
    because: 'the weight of today was not judged yet',
    status: 'True',
    observed: 2,
    want: false,
  },
  {
    name: 'invalid',
    because: 'Contour keeps serving what it had, or nothing',
    status: 'False',
    observed: 3,
    want: false,
  },
])('accepted: $name, because $because', ({ status, observed, want }) => {
  const conditions = [{ type: 'Valid', status, observedGeneration: observed }];
  const object: RouteObject = { metadata: { name: 'web', generation: 3 }, status: { conditions } };
  // kills: a condition of whatever generation counts.
  expect(httpProxy.accepted?.(object)).toBe(want);
});

test('without a status nobody has taken it', () => {
  expect(httpProxy.accepted?.({ metadata: { name: 'web', generation: 3 } })).toBe(false);
});
