import { expect, test } from 'vitest';
import type { BuiltinSli } from '#core/builtin.ts';
import type { Step } from '#core/model.ts';
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

const canaryClusters = (rules: object[], steps: Pick<Step, 'reach'>[]) => {
  const object = route('checkout', []);
  const routed = { ...object, spec: { ...(object['spec'] as object), rules } };
  const eg = wish({ kind: 'http-availability', gateway: 'envoy-gateway' });
  const slo = resolveSlo(eg, { ...split, steps }, storesWith([routed]));
  return 'arms' in slo && slo.arms.by === 'Label' ? slo.arms.canary.split('|').slice(0, -1) : [];
};
const copy = (name: string) => ({ type: 'RequestMirror', requestMirror: { backendRef: { name, port: 80 } } });
const others = { backendRefs: [{ name: 'other', port: 80 }] };
const plain = { backendRefs: [ours] };
const toCanary = { name: 'headgate-matched-1', backendRefs: [{ name: 'checkout-canary', port: 80 }] };
const headers = [{ name: 'x-beta', value: 'yes' }];

test.each([
  {
    name: 'no step without a weight',
    because: 'what is not asked for is in no pattern, which has its limits',
    rules: [plain],
    steps: [{}],
    want: ['0/backend/1'],
  },
  {
    name: 'copies',
    because: 'ours stands behind the filters of the user, copies of their own among them',
    rules: [others, { ...plain, filters: [{ type: 'URLRewrite' }, copy('shadow')] }],
    steps: [{ reach: { mirror: 100_000 } }, {}],
    want: ['1-mirror-2', '1/backend/1'],
  },
  {
    name: 'copies, planned anew in the middle of a step',
    because: 'ours is no filter of the user',
    rules: [{ ...plain, filters: [copy('checkout-canary')] }],
    steps: [{ reach: { mirror: 10_000 } }],
    want: ['0-mirror-0', '0/backend/1'],
  },
  {
    name: 'matched users',
    because: 'their rules stand behind all others, in the order of those that send to the Service',
    rules: [plain, { backendRefs: [{ ...ours, weight: 0 }] }, others, plain],
    steps: [{ reach: { headers } }, {}],
    want: ['0/backend/1', '1/backend/1', '3/backend/1', '4/backend/0', '5/backend/0'],
  },
  {
    name: 'matched users, planned anew in the middle of a step',
    because: 'a rule of ours is no rule of the user',
    rules: [plain, toCanary],
    steps: [{ reach: { headers } }],
    want: ['0/backend/1', '1/backend/0'],
  },
])('the canary is found at Envoy Gateway with $name: $because', ({ rules, steps, want }) => {
  // kills: the place of the filter or of the rule counted without the user's own
  expect(canaryClusters(rules, steps)).toEqual(want.map((place) => `httproute/shop/checkout/rule/${place}`));
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
