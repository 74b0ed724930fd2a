import { expect, test } from 'vitest';
import type { RouteObject, Router } from '#routers/define.ts';
import { httpRoute } from '#routers/http-route.ts';
import { nginxIngress } from '#routers/nginx-ingress.ts';
import { traefikService } from '#routers/traefik-service.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { route } from './gateway-rules.ts';
import { services } from './rules.ts';

/** Which routes keep users on the arm that they met first: there the share of requests follows the weight late. */

const ref = { name: 'checkout', port: 80 };
const sessions = { sessionPersistence: { sessionName: 'shop' } };
const traefik = (more: object): RouteObject => ({
  metadata: { name: 'web', namespace: 'shop' },
  spec: { weighted: { services: [ref], ...more } },
});
const nginx = (said: Record<string, string>): RouteObject => ({
  metadata: {
    name: 'web-canary',
    annotations: Object.fromEntries(
      Object.entries({ canary: 'true', ...said }).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
    ),
  },
});

interface Row {
  name: string;
  because: string;
  router: Router;
  object: RouteObject;
  want: true | undefined;
}

test.each<Row>([
  {
    name: 'a rule with sessions',
    because: 'GEP-1619: a session goes before weights',
    router: httpRoute,
    object: route([{ ...sessions, backendRefs: [ref] }]),
    want: true,
  },
  {
    name: 'sessions of a rule to another Service',
    because: 'its users are not shared out',
    router: httpRoute,
    object: route([{ backendRefs: [ref] }, { ...sessions, backendRefs: [{ name: 'cart', port: 80 }] }]),
    want: undefined,
  },
  {
    name: 'no sessions',
    because: 'each request is dealt out anew',
    router: httpRoute,
    object: route([{ backendRefs: [ref] }]),
    want: undefined,
  },
  {
    name: 'weighted.sticky',
    because: 'its cookie names the Service',
    router: traefikService,
    object: traefik({ sticky: { cookie: { name: 'arm' } } }),
    want: true,
  },
  {
    name: 'no weighted.sticky',
    because: 'a cookie of one Service names its pods alone',
    router: traefikService,
    object: traefik({ services: [{ ...ref, sticky: { cookie: {} } }] }),
    want: undefined,
  },
  {
    name: 'affinity',
    because: 'the canary takes part in it where nothing else is said',
    router: nginxIngress,
    object: nginx({ affinity: 'cookie' }),
    want: true,
  },
  {
    name: 'affinity that leaves the canary out',
    because: 'legacy is what it was before there was a choice',
    router: nginxIngress,
    object: nginx({ affinity: 'cookie', 'affinity-canary-behavior': 'legacy' }),
    want: undefined,
  },
])('$router.kind, $name: $because', ({ router, object, want }) => {
  expect(router.read(object, services).sticky).toBe(want);
});

// kills: a canary that stays a backend at weight 0, where its sessions would go on
test('at weight 0 the canary is no backend any more, so no session can hold a user there', () => {
  const before = route([{ ...sessions, backendRefs: [ref] }]);
  const memo = httpRoute.capture(before, services);
  const write = (object: RouteObject, weight: number) =>
    applyPatch(
      object,
      httpRoute.write(object, services, {
        ...{ weight, memo, resourceVersion: '7' },
        fence: { release: 'checkout-7', n: 1, weight },
      }),
    );
  const split = write(before, 50_000);
  expect(JSON.stringify(split['spec'])).toContain('checkout-canary');
  expect(write(split, 0)['spec']).toEqual(before['spec']);
});
