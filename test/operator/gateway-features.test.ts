import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { createGatewayFeatures } from '#operator/gateway-features.ts';
import { reachProblems } from '#operator/reach-check.ts';
import type { KubeApi, ObjectRef } from '#ports/kube-api.ts';
import { httpRoute } from '#routers/http-route.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** What the class of a gateway says that it can, before a step asks for it: acceptance of a route tells nothing. */

const MIRROR = 'HTTPRouteRequestMirror';
const SHARE = 'HTTPRouteRequestPercentageMirror';
const { signal } = new AbortController();
const parents = { parentRefs: [{ name: 'edge', namespace: 'infra' }] };
const route = {
  metadata: { name: 'web', namespace: 'shop' },
  spec: { ...parents, rules: [{ backendRefs: [{ name: 'web', port: 80 }] }] },
};
const mirror = (percent: number) => ({ reach: { mirror: percent * 1000 } });

/** A gateway of class `edge`, with this status of the class or this failure of reading it. */
function world(answer: object | OperatorError) {
  const asked: string[] = [];
  const get = async ({ resource, namespace, name }: ObjectRef) => {
    asked.push([resource.kind, namespace, name].filter(Boolean).join(' '));
    if (resource.kind === 'Gateway') return { spec: { gatewayClassName: 'edge-class' } };
    if (answer instanceof OperatorError) throw answer;
    return { status: answer };
  };
  const clock = createVirtualClock();
  return { asked, clock, gateways: createGatewayFeatures({ api: { get } as unknown as KubeApi, clock }) };
}

const names = (...features: string[]) => ({ supportedFeatures: features.map((name) => ({ name })) });

test.each([
  { name: 'it lists both', status: names(MIRROR, SHARE), percent: 20, lacks: undefined },
  { name: 'all requests are copied', status: names(MIRROR), percent: 100, lacks: undefined },
  { name: 'it copies all or none', status: names(MIRROR), percent: 20, lacks: SHARE },
  { name: 'it copies nothing', status: names('HTTPRouteMethodMatching'), percent: 100, lacks: MIRROR },
  { name: 'names are bare', status: { supportedFeatures: [MIRROR] }, percent: 20, lacks: SHARE },
  { name: 'it does not say', status: {}, percent: 20, lacks: undefined },
])('a class says what its gateway can: $name', async ({ status, percent, lacks }) => {
  // kills: a list that is not read; a share that needs no feature; a class without a list taken for one without features.
  const { gateways } = world(status);
  const step = mirror(percent);
  await gateways.ask([route], [step], signal);
  const said = gateways.lacks(route, step.reach);
  if (lacks === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(`GatewayClass edge-class does not list ${lacks} in status.supportedFeatures`);
});

test('a step of copies is refused before a canary pod exists where the gateway cannot copy', async () => {
  const { gateways } = world(names());
  const { gateways: refuses } = world(names('HTTPRouteMethodMatching'));
  const step = { weight: 0, holdMs: 0, ...mirror(100) };
  const places = [{ name: 'HTTPRoute/web', router: httpRoute, object: route }];
  const services = { stable: 'web', canary: 'web-canary' };
  await gateways.ask([route], [step], signal);
  await refuses.ask([route], [step], signal);
  expect(reachProblems([step], places, services, gateways.lacks)).toEqual([]);
  // kills: features that nobody asks for in the check of the steps
  expect(reachProblems([step], places, services, refuses.lacks)).toMatchObject([{ field: 'spec.steps[0].mirror' }]);
});

test('only a step that needs it asks, once a minute', async () => {
  const { gateways, asked, clock } = world(names(MIRROR, SHARE));
  await gateways.ask([route], [{}, { reach: { headers: [{ name: 'x-beta', value: 'yes' }] } }], signal);
  expect(asked).toEqual([]);
  await gateways.ask([route], [mirror(20)], signal);
  await gateways.ask([route], [mirror(20)], signal);
  expect(asked).toEqual(['Gateway infra edge', 'GatewayClass edge-class']);
  await clock.advance(60_000);
  await gateways.ask([route], [mirror(20)], signal);
  expect(asked).toHaveLength(4);
});

test('a class that may not be read copies nothing, and one that is gone says nothing', async () => {
  const closed = world(new OperatorError('KUBE_FORBIDDEN', 'get gatewayclasses: forbidden'));
  await closed.gateways.ask([route], [mirror(20)], signal);
  // kills: silence taken for an answer
  expect(closed.gateways.lacks(route, mirror(20).reach)).toContain('cannot be read: get gatewayclasses: forbidden');
  const gone = world(new OperatorError('KUBE_NOT_FOUND', 'gone'));
  await gone.gateways.ask([route], [mirror(20)], signal);
  expect(gone.gateways.lacks(route, mirror(20).reach)).toBeUndefined();
});
