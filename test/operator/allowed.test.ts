import { expect, test } from 'vitest';
import { HTTP_ROUTE, REFERENCE_GRANT } from '#kube/resources.ts';
import { ALLOW_ANNOTATION, barredFrom } from '#operator/allowed.ts';
import type { KubeObject } from '#ports/kube-api.ts';

/** Who must agree before a Rollout splits a route of another namespace. */

const rollout: KubeObject = {
  ...{ apiVersion: 'headgate.dev/v1alpha1', kind: 'Rollout' },
  metadata: { name: 'checkout', namespace: 'shop' },
};
const route = (namespace: string, allows?: string): KubeObject => ({
  ...{ apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute' },
  metadata: {
    ...{ name: 'public', namespace },
    ...(allows === undefined ? {} : { annotations: { [ALLOW_ANNOTATION]: allows } }),
  },
});
const grant = (spec: unknown): KubeObject => ({
  ...{ apiVersion: 'gateway.networking.k8s.io/v1beta1', kind: 'ReferenceGrant' },
  ...{ metadata: { name: 'edge', namespace: 'shop' }, spec },
});
const from = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'edge' }];
const service = (name?: string) => ({ group: '', kind: 'Service', ...(name === undefined ? {} : { name }) });
const whole = grant({ from, to: [service()] });

function ask(allows: string | undefined, grants: KubeObject[], namespace = 'edge'): string | undefined {
  const ref = { resource: HTTP_ROUTE, namespace, name: 'public' };
  return barredFrom(route(namespace, allows), { ref }, { rollout, service: 'checkout', grants });
}

interface Row {
  name: string;
  because: string;
  allows?: string;
  grants?: KubeObject[];
  namespace?: string;
  want: RegExp | undefined;
}

const said = 'shop/checkout';

// kills: the annotation not asked for, a grant for one Service taken for both, a grant of another kind or namespace
test.each<Row>([
  { name: 'both agree', because: 'all Services may be sent to', allows: said, grants: [whole], want: undefined },
  {
    name: 'two grants for one Service each',
    because: 'together they name both',
    allows: said,
    grants: ['checkout', 'checkout-canary'].map((name) => grant({ from, to: [service(name)] })),
    want: undefined,
  },
  {
    name: "a grant for the user's Service alone",
    because: "the canary's would be answered with errors",
    allows: said,
    grants: [grant({ from, to: [service('checkout')] })],
    want: /^no ReferenceGrant of namespace shop lets it send to Service checkout-canary: kubectl apply/,
  },
  {
    name: 'no grant',
    because: 'nothing may be sent',
    allows: said,
    want: /to Service checkout and checkout-canary: kubectl apply/,
  },
  {
    name: 'a grant for another namespace',
    because: 'it is not for this route',
    allows: said,
    grants: [grant({ from: [{ ...from[0], namespace: 'other' }], to: [service()] })],
    want: /no ReferenceGrant/,
  },
  {
    name: 'a grant for GRPCRoutes',
    because: 'it is not for this kind',
    allows: said,
    grants: [grant({ from: [{ ...from[0], kind: 'GRPCRoute' }], to: [service()] })],
    want: /no ReferenceGrant/,
  },
  {
    name: 'a grant to Secrets',
    because: 'that is for certificates',
    allows: said,
    grants: [grant({ from, to: [{ group: '', kind: 'Secret' }] })],
    want: /no ReferenceGrant/,
  },
  ...[undefined, 'from', { from: null, to: 3 }, { from: [null], to: ['x'] }].map((spec) => ({
    name: `a grant that says ${JSON.stringify(spec)}`,
    because: 'an old CRD lets anything in',
    allows: said,
    grants: [grant(spec)],
    want: /no ReferenceGrant/,
  })),
  {
    name: 'no word of its owner',
    because: 'the grant is from our side, and the route is theirs',
    grants: [whole],
    want: /let its owner do this: kubectl annotate httproutes public -n edge headgate.dev\/allow-rollout=shop\/checkout$/,
  },
  {
    name: 'another Rollout allowed',
    because: 'a route has room for one',
    allows: 'shop/cart',
    grants: [whole],
    want: /lets Rollout shop\/cart alone split it/,
  },
  { name: 'its own namespace', because: 'nobody else has a say', namespace: 'shop', want: undefined },
  {
    name: 'its own namespace, but another Rollout allowed',
    because: 'two would each take the other for a stranger on one fence',
    namespace: 'shop',
    allows: 'edge/checkout',
    want: /lets Rollout edge\/checkout alone split it/,
  },
])('$name: $because', ({ allows, grants = [], namespace, want }) => {
  const barred = ask(allows, grants, namespace);
  if (want === undefined) expect(barred).toBeUndefined();
  else expect(barred ?? 'nothing').toMatch(want);
});

test('the grant in the message is the one that is missing', () => {
  const text = /<<< '(.+)'$/.exec(ask(said, []) ?? '')?.[1] ?? '{}';
  const made: KubeObject = JSON.parse(text);
  expect(made).toMatchObject({ kind: REFERENCE_GRANT.kind, metadata: { namespace: 'shop' } });
  expect(made.apiVersion).toBe(`${REFERENCE_GRANT.group}/${REFERENCE_GRANT.version}`);
  expect(ask(said, [made])).toBeUndefined();
});
