import { expect, test } from 'vitest';
import type { BuiltinSli } from '#core/builtin.ts';
import { resolveSlo } from '#operator/builtin-slo.ts';
import { joinedName, type Stores } from '#operator/stores.ts';
import type { KubeObject } from '#ports/kube-api.ts';

interface Ref {
  name: string;
  namespace?: string;
  port?: number;
}

function route(name: string, rules: Ref[][], namespace = 'shop'): KubeObject {
  const parentRefs = [{ name: 'public', namespace: 'infra' }];
  const spec = { parentRefs, rules: rules.map((backendRefs) => ({ backendRefs })) };
  return { apiVersion: 'v1', kind: 'HTTPRoute', metadata: { name, namespace }, spec };
}

function storesWith(
  routes: KubeObject[],
  ports: { port: number }[] = [{ port: 8080 }],
): Pick<Stores, 'services' | 'routes' | 'suites'> {
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'checkout', namespace: 'shop' },
    spec: { ports },
  };
  const store = (objects: KubeObject[]) => ({
    get: ({ namespace, name }: { namespace?: string; name: string }) =>
      objects.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    byIndex: (_: string, key: string) => objects.filter(({ metadata }) => joinedName(metadata) === key),
  });
  return {
    services: store([service]),
    routes: new Map([['HTTPRoute', store(routes)]]),
    suites: store([]),
  } as unknown as Pick<Stores, 'services' | 'routes' | 'suites'>;
}

const split = { namespace: 'shop', service: 'checkout', routes: ['checkout'] };
const wish = (sli: BuiltinSli) => ({ name: 'edge', objective: 0.99, windowMs: 86_400_000, sli });
const traefik = wish({ kind: 'http-availability', gateway: 'traefik' });
const contour = wish({ kind: 'http-availability', gateway: 'contour' });
const ours: Ref = { name: 'checkout', port: 80 };

test("a built-in SLI becomes the selectors of the Rollout's Service and routes", () => {
  const slo = resolveSlo(traefik, split, storesWith([route('checkout', [[ours]])]));
  expect(slo).toMatchObject({
    name: 'edge',
    objective: 0.99,
    sli: { kind: 'events', total: { metric: 'traefik_service_requests_total' } },
    arms: { by: 'Label', label: 'service', exact: true },
  });
  expect(slo).toHaveProperty('arms.canary', expect.stringContaining('httproute-shop-checkout-gw-infra-public-ep-'));
  expect(slo).toHaveProperty('arms.canary', expect.stringContaining('svc-shop-checkout-canary-'));
});

test('any other SLI is what it was, by pod', () => {
  const events = { kind: 'events', total: { metric: 'a', matchers: [] }, bad: { metric: 'b', matchers: [] } } as const;
  const given = {
    ...traefik,
    sli: { ...events, total: { metric: 'a', matchers: [] }, bad: { metric: 'b', matchers: [] } },
  };
  expect(resolveSlo(given, split, storesWith([]))).toMatchObject({ sli: events, arms: { by: 'Pod' } });
});

test.each([
  {
    name: 'its route',
    because: 'a Service may have many',
    routes: [route('checkout', [[{ name: 'other', port: 1 }, ours]])],
    port: 80,
  },
  { name: 'the Service', because: 'no route names one', routes: [], port: 8080 },
  {
    name: 'its own backend',
    because: 'a Service of that name elsewhere is another',
    routes: [route('checkout', [[{ name: 'checkout', namespace: 'store', port: 1 }], [ours]])],
    port: 80,
  },
])('the port is that of $name: $because', ({ routes, port }) => {
  expect(resolveSlo(contour, split, storesWith(routes))).toHaveProperty('arms.stable', `shop_checkout_${port}`);
});

test('places of the backends are those of the Service in each rule', () => {
  const rules = [[{ name: 'other', port: 80 }], [{ name: 'other', port: 80 }, ours], [ours]];
  const eg = wish({ kind: 'http-availability', gateway: 'envoy-gateway' });
  expect(resolveSlo(eg, split, storesWith([route('checkout', rules)]))).toMatchObject({
    arms: {
      stable:
        'httproute/shop/checkout/rule/1/backend/1|httproute/shop/checkout/rule/2/backend/0|service/shop/checkout/80/[a-z0-9]+',
      canary:
        'httproute/shop/checkout/rule/1/backend/2|httproute/shop/checkout/rule/2/backend/1|service/shop/checkout-canary/80/[a-z0-9]+',
    },
  });
});

test.each([
  {
    name: 'no route yet',
    because: 'it may come later',
    routes: [],
    want: 'no route of spec.traffic leads to the Service',
  },
  {
    name: 'a route that names no rule',
    because: 'any object may come from the API server',
    routes: [
      {
        apiVersion: 'v1',
        kind: 'HTTPRoute',
        metadata: { name: 'checkout', namespace: 'shop' },
        spec: { rules: [null] },
      },
    ],
    want: 'no route of spec.traffic leads to the Service',
  },
] as { name: string; because: string; routes: KubeObject[]; want: string }[])(
  '$name is a problem with its fix: $because',
  ({ routes, want }) => {
    expect(resolveSlo(traefik, split, storesWith(routes))).toEqual({
      problem: expect.stringContaining(want),
    });
  },
);

test('two namespaces whose names run together are told', () => {
  const routes = [route('eu-checkout', [[ours]]), route('checkout', [[ours]], 'shop-eu')];
  const resolved = resolveSlo(traefik, { ...split, routes: ['eu-checkout'] }, storesWith(routes));
  expect(resolved).toEqual({ problem: expect.stringContaining('HTTPRoute checkout of namespace shop-eu one name') });
});

test('a Service without ports is a problem', () => {
  expect(resolveSlo(contour, split, storesWith([], []))).toEqual({ problem: 'Service checkout has no port' });
});
