import { expect, test } from 'vitest';
import type { SeenRoute } from '#core/seen.ts';
import { preflight } from '#operator/preflight.ts';
import type { KubeObject } from '#ports/kube-api.ts';

const route: SeenRoute = { name: 'web', exists: true, resourceVersion: '1', accepted: true, memo: '', weight: 0 };

function rollout(name: string, spec: object, creationTimestamp = '2026-01-01T00:00:00Z'): KubeObject {
  const metadata = { name, namespace: 'shop', uid: name, creationTimestamp };
  return { apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout', metadata, spec };
}

const mine = { service: 'shop', traffic: [{ httpRoute: 'web' }] };
const service = {
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'shop', namespace: 'shop' } },
  spec: { selector: { app: 'shop' } },
};

function check(changes: { rivals?: KubeObject[]; routes?: SeenRoute[] }) {
  return preflight({
    ...{ rollout: rollout('b', mine), service, serviceName: 'shop', podLabels: { app: 'shop' } },
    ...{ services: [service], allowed: [], routes: [route], rivals: [], ...changes },
  });
}

interface Row {
  name: string;
  because: string;
  rival: KubeObject;
  want: ReturnType<typeof preflight>;
}

test.each<Row>([
  {
    name: 'the same Service, older',
    because: "the younger's pods would serve the older's users, so there are none",
    rival: rollout('a', { ...mine, traffic: [{ httpRoute: 'other' }] }),
    want: [
      {
        field: 'spec.service',
        message: 'Service shop is driven by Rollout a already: give this Rollout one of its own, or delete one of them',
        barsPods: true,
      },
    ],
  },
  {
    name: 'the same HTTPRoute, older',
    because: 'kills: two releases that take each other for strangers on one fence',
    rival: rollout('a', { ...mine, service: 'cart' }),
    want: [
      {
        field: 'spec.traffic',
        message:
          'HTTPRoute web is driven by Rollout a already: give this Rollout one of its own, or delete one of them',
      },
    ],
  },
  {
    name: 'the same Service, younger',
    because: 'the older one keeps what it has',
    rival: rollout('c', mine, '2026-01-02T00:00:00Z'),
    want: [],
  },
])('rivals: $name', ({ rival, want, because }) => {
  expect(check({ rivals: [rival] }), because).toEqual(want);
});

test('a conflict names its HTTPRoute, because a Rollout may have eight', () => {
  const conflict = 'rules[0] already splits shop with cart; keep shop alone in this rule';
  expect(check({ routes: [{ ...route, conflict }] })).toEqual([
    { field: 'spec.traffic', message: `HTTPRoute web: ${conflict}` },
  ]);
});
