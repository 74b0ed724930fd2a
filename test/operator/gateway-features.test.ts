import { expect, test } from 'vitest';
import type { Reach } from '#core/words.ts';
import { OperatorError } from '#lib/errors.ts';
import { createGatewayFeatures } from '#operator/gateway-features.ts';
import { reachProblems } from '#operator/reach-check.ts';
import type { KubeApi, ObjectRef } from '#ports/kube-api.ts';
import type { RouteObject } from '#routers/define.ts';
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
    return { status: { ...accepted, ...answer } };
  };
  const clock = createVirtualClock();
  const again: string[] = [];
  const api = { get } as unknown as KubeApi;
  const gateways = createGatewayFeatures({ api, clock, again: (key) => again.push(key) });
  const ask = (routes: RouteObject[], steps: { reach?: Reach }[]) =>
    gateways.ask({ key: 'shop/web', routes, steps }, signal);
  return { asked, clock, gateways, ask, again };
}

const accepted = { conditions: [{ type: 'Accepted', status: 'True' }] };

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
  const { gateways, ask } = world(status);
  const step = mirror(percent);
  await ask([route], [step]);
  const said = gateways.lacks(route, step.reach);
  if (lacks === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(`GatewayClass edge-class does not list ${lacks} in status.supportedFeatures`);
});

test('a step of copies is refused before a canary pod exists where the gateway cannot copy', async () => {
  const { gateways, ask } = world(names());
  const { gateways: refuses, ask: askOther } = world(names('HTTPRouteMethodMatching'));
  const step = { weight: 0, holdMs: 0, ...mirror(100) };
  const places = [{ name: 'HTTPRoute/web', router: httpRoute, object: route }];
  const services = { stable: 'web', canary: 'web-canary' };
  await ask([route], [step]);
  await askOther([route], [step]);
  expect(reachProblems([step], places, services, gateways.lacks)).toEqual([]);
  // kills: features that nobody asks for in the check of the steps
  expect(reachProblems([step], places, services, refuses.lacks)).toMatchObject([{ field: 'spec.steps[0].mirror' }]);
});

test('only a step that needs it asks, once a minute', async () => {
  const { ask, asked, clock } = world(names(MIRROR, SHARE));
  await ask([route], [{}, { reach: { headers: [{ name: 'x-beta', value: 'yes' }] } }]);
  expect(asked).toEqual([]);
  await ask([route], [mirror(20)]);
  await ask([route], [mirror(20)]);
  expect(asked).toEqual(['Gateway infra edge', 'GatewayClass edge-class']);
  await clock.advance(60_000);
  await ask([route], [mirror(20)]);
  expect(asked).toHaveLength(4);
});

test.each([
  { name: 'may not be read', answer: new OperatorError('KUBE_FORBIDDEN', 'get gatewayclasses: forbidden') },
  { name: 'is not there', answer: new OperatorError('KUBE_NOT_FOUND', 'no GatewayClass edge-class') },
  { name: 'is not accepted yet', answer: { conditions: [{ type: 'Accepted', status: 'Unknown' }], ...names(MIRROR) } },
])('a class that $name copies nothing, and is asked again', async ({ answer }) => {
  const { gateways, ask, again, asked, clock } = world(answer);
  await ask([route], [mirror(100)]);
  await ask([route], [mirror(100)]);
  // kills: silence taken for an answer, and remembered: a gateway that was just installed would fail everybody
  expect(gateways.lacks(route, mirror(100).reach)).toContain('whether its gateway can copy requests cannot be read: ');
  expect(asked).toHaveLength(4);
  await clock.advance(5000);
  expect(again).toEqual(['shop/web']);
});
