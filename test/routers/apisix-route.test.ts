import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apisixRoute } from '#routers/apisix-route.ts';
import type { RouteObject } from '#routers/define.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { routerLaws } from './laws.ts';
import { type Dialect, goldenCases, type Rule, routeOf, ruleSubject, services } from './rules.ts';

const dialect: Dialect = {
  router: apisixRoute,
  content: fc.record(
    {
      name: fc.constantFrom('pay', 'browse'),
      match: fc.constantFrom({ paths: ['/*'] }, { paths: ['/pay'], methods: ['POST'] }),
      plugins: fc.constant([{ name: 'limit-count', enable: true, config: { count: 2 } }]),
    },
    { requiredKeys: ['name', 'match'] },
  ),
  field: 'backends',
  spec: (http) => ({ ingressClassName: 'apisix', http, stream: [{ name: 'tcp', protocol: 'TCP' }] }),
  rulesOf: (object) => (object['spec'] as { http: Rule[] }).http,
  ref: (name) => ({ serviceName: name, servicePort: 80 }),
  nameOf: ({ serviceName }) => serviceName,
  extras: fc.record(
    { servicePort: fc.constantFrom<string | number>(8080, 'http'), resolveGranularity: fc.constant('endpoints') },
    { requiredKeys: [] },
  ),
  namesakes: [],
};
routerLaws(ruleSubject(dialect));
goldenCases(apisixRoute);

const alone = [{ serviceName: 'checkout', servicePort: 80 }];

test.each([
  {
    name: 'external upstreams',
    because: 'they share the traffic',
    rule: { name: 'pay', backends: alone, upstreams: [{ name: 'outside' }] },
    want: 'http[0] (pay) splits checkout with upstreams; keep checkout alone in this rule, or take the route out of spec.traffic',
  },
  {
    name: 'its own traffic-split',
    because: 'the plugin of the rule stands before that of the backends',
    rule: { name: 'pay', backends: alone, plugins: [{ name: 'traffic-split', enable: true }] },
    want: 'http[0] (pay) has the plugin traffic-split, before which weights of backends count nothing; take it out',
  },
  {
    name: 'a subset of the Service',
    because: 'the canary has no such subset',
    rule: { name: 'pay', backends: [{ ...alone[0], subset: 'v1' }] },
    want: 'no rule of ApisixRoute web sends traffic to Service checkout; add a backend to checkout, or name another route in spec.traffic',
  },
])('refuses $name: $because', ({ rule, want }) => {
  expect(apisixRoute.read(routeOf(dialect, [rule]), services).conflict).toBe(want);
});

test.each([
  { wished: 4999, written: 4000, because: 'never more than was granted' },
  { wished: 999, written: 0, because: 'less than the finest share is none' },
  { wished: 100_000, written: 100_000, because: 'everything is everything' },
])('$wished is written as $written: $because', ({ wished, written }) => {
  const object = routeOf(dialect, [{ name: 'pay', backends: alone }]);
  const fence = { release: 'checkout-7', n: 1, weight: wished };
  const memo = apisixRoute.capture(object, services);
  const moved: RouteObject = applyPatch(
    object,
    apisixRoute.write(object, services, { weight: wished, memo, fence, resourceVersion: '7' }),
  );
  // kills: a fence that says more than the route carries, which looks like traffic that a person took back.
  expect(apisixRoute.read(moved, services, memo)).toMatchObject({ weight: written, fence: { weight: written } });
});

test.each([
  { type: 'Accepted', observedGeneration: 3, want: true },
  { type: 'ResourcesAvailable', observedGeneration: 3, want: true },
  { type: 'Accepted', observedGeneration: 2, want: false },
])('$type at generation $observedGeneration of 3: $want', ({ want, ...condition }) => {
  const conditions = [{ ...condition, status: 'True' }];
  expect(apisixRoute.accepted?.({ metadata: { name: 'web', generation: 3 }, status: { conditions } })).toBe(want);
});
