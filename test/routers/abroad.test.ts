import fc from 'fast-check';
import { expect, test } from 'vitest';
import { abroad } from '#routers/abroad.ts';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { grpcRoute } from '#routers/grpc-route.ts';
import { httpRoute } from '#routers/http-route.ts';
import { routers } from '#src/catalog.ts';
import { gatewayDialect, route } from './gateway-rules.ts';
import { routerLaws } from './laws.ts';
import { reachLaws } from './reach-laws.ts';
import { goldenCases, ruleSubject, services } from './rules.ts';

/** Routes in namespace `shop` that send to Services of namespace `team`: the same laws hold. */

const content = fc.record(
  {
    name: fc.constantFrom('pay', 'browse'),
    matches: fc.constantFrom<object[]>([{ headers: [{ name: 'x', value: 'y' }] }], [{ headers: [] }]),
  },
  { requiredKeys: [] },
);
for (const router of [httpRoute, grpcRoute]) {
  const subject = ruleSubject(gatewayDialect(abroad(router, 'team'), content, 'team'));
  routerLaws(subject);
  reachLaws(subject);
}
goldenCases(abroad(httpRoute, 'shop'), 'abroad/');

test('every kind that can do this is tried here', () => {
  const able = routers.filter(({ router }) => router.can.includes('namespaces')).map(({ router }) => router.kind);
  expect(able).toEqual(['httpRoute', 'grpcRoute']);
});

const there = abroad(httpRoute, 'team');
const object = (fence: string) =>
  route([{ backendRefs: [{ name: 'checkout', namespace: 'team', port: 80 }] }], { [FENCE_ANNOTATION]: fence });

// kills: a fence that does not say of which namespace its release is
test.each([
  { fence: 'team/checkout-7/3/0', want: 'checkout-7', because: 'ours says whose it is' },
  { fence: 'checkout-7/3/0', want: '?/checkout-7', because: 'a Rollout of that name lives where the route does' },
  { fence: 'other/checkout-7/3/0', want: '?/other/checkout-7', because: 'and in any other namespace' },
])('the fence $fence: $because', ({ fence, want }) => {
  expect(there.read(object(fence), services).fence?.release).toBe(want);
});

test('a Service of that name in the namespace of the route is no Service of the Rollout', () => {
  const own = route([{ backendRefs: [{ name: 'checkout', port: 80 }] }]);
  expect(there.read(own, services).conflict).toMatch(/no rule of HTTPRoute web sends traffic to Service checkout/);
});
