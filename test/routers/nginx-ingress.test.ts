import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { WHOLE } from '#lib/units.ts';
import type { RouteObject } from '#routers/define.ts';
import { nginxIngress } from '#routers/nginx-ingress.ts';
import { routerLaws } from './laws.ts';
import { goldenCases, services } from './rules.ts';

const prefix = 'nginx.ingress.kubernetes.io/';
const { companion } = nginxIngress;
const made = (user: RouteObject) => companion?.made(user, services);

interface Path {
  path: string;
  backend: object;
}
const to = (name: string, path = '/'): Path => ({ path, backend: { service: { name, port: { number: 80 } } } });
const user = (paths: Path[], annotations?: Record<string, string>): RouteObject => ({
  metadata: { name: 'web', namespace: 'shop', resourceVersion: '7', ...(annotations && { annotations }) },
  spec: { ingressClassName: 'nginx', rules: [{ host: 'shop.example', http: { paths } }] },
});

const notes = fc.dictionary(
  fc.constantFrom(`${prefix}affinity`, `${prefix}proxy-body-size`, 'kubernetes.io/ingress.class', 'example.com/team'),
  fc.constantFrom('cookie', 'a/b~c'),
);
const routes = fc
  .tuple(fc.array(fc.constantFrom('/', '/a', '/b'), { minLength: 1 }), notes)
  .map(([paths, annotations]) => {
    const object = made(
      user(
        paths.map((path) => to('checkout', path)),
        annotations,
      ),
    );
    if (object === undefined || 'conflict' in object) throw new Error('every such Ingress can be split');
    return { ...object, metadata: { ...object.metadata, resourceVersion: '7' } };
  });

const weightIn = ({ metadata: { annotations = {} } }: RouteObject) => Number(annotations[`${prefix}canary-weight`]);

routerLaws({
  router: nginxIngress,
  services,
  routes,
  conflicts: routes,
  splits: (route) => (weightIn(route) === 0 ? [] : [[WHOLE - weightIn(route), weightIn(route)]]),
  foreign: ({ spec }) => spec,
  disagree: () => undefined,
});
goldenCases(nginxIngress);

test('golden: ours is made of the paths that name the Service, under the annotations that a canary has of its own', () => {
  const load = (file: string): RouteObject =>
    parse(readFileSync(new URL(`golden/nginx-ingress/one-host/${file}.yaml`, import.meta.url), 'utf8'));
  const { resourceVersion: _, ...metadata } = load('before').metadata;
  expect(made(load('user'))).toEqual({ ...load('before'), metadata });
});

test.each<{ name: string; because: string; object: RouteObject; want: string }>([
  {
    name: 'nobody names the Service',
    because: 'a release through it would move nothing',
    object: user([to('cart')]),
    want: 'no path of Ingress web sends traffic to Service checkout: add one (a default backend cannot be split), or name another Ingress in spec.traffic',
  },
  {
    name: 'a default backend alone',
    because: 'a canary has hosts and paths only',
    object: { metadata: { name: 'web' }, spec: { defaultBackend: to('checkout').backend } },
    want: 'no path of Ingress web sends traffic to Service checkout: add one (a default backend cannot be split), or name another Ingress in spec.traffic',
  },
  {
    name: 'a canary itself',
    because: 'a canary has none beside it',
    object: user([to('checkout')], { [`${prefix}canary`]: 'true' }),
    want: 'Ingress web is a canary itself: name the Ingress that it stands beside',
  },
])('conflict: $name', ({ object, want, because }) => {
  expect(made(object), because).toEqual({ conflict: want });
});

// kills: a weight that is read without its total, a canary that is read by its weight alone
test.each<{ name: string; because: string; said: Record<string, string>; want: number | undefined }>([
  {
    name: 'percent by hand',
    because: 'the total is 100 where none is said',
    said: { 'canary-weight': '20' },
    want: 20_000,
  },
  { name: 'no weight', because: 'a canary without one gets nothing', said: {}, want: 0 },
  {
    name: 'a trickle',
    because: 'less than the grid is still not nothing',
    said: { 'canary-weight': '1', 'canary-weight-total': '900000000' },
    want: 1,
  },
  { name: 'more than all', because: 'it is all', said: { 'canary-weight': '200' }, want: WHOLE },
  {
    name: 'no canary',
    because: 'it is an Ingress like any other then, with the same hosts and paths',
    said: { canary: 'false' },
    want: undefined,
  },
  {
    name: 'by header',
    because: 'nobody knows how many have it',
    said: { 'canary-by-header': 'x-beta' },
    want: undefined,
  },
  {
    name: 'nonsense',
    because: 'what a controller makes of it nobody knows',
    said: { 'canary-weight': '5%' },
    want: undefined,
  },
])('weight: $name', ({ said, want, because }) => {
  const annotations = Object.fromEntries(
    Object.entries({ canary: 'true', ...said }).map(([name, value]) => [`${prefix}${name}`, value]),
  );
  const { weight, spread } = nginxIngress.read({ metadata: { name: 'web-canary', annotations } }, services);
  expect(weight, because).toBe(want);
  expect(spread).toEqual(want === undefined ? { least: 0, most: WHOLE } : undefined);
});

test('who moved the weight is told by the annotations, and never ourselves', () => {
  const wrote = (manager: string, time: string, field: string) => ({
    manager,
    time,
    fieldsV1: { 'f:metadata': { 'f:annotations': { [`f:${field}`]: {} } } },
  });
  const managedFields = [
    wrote('headgate-traffic', '2026-03-02T03:00:05Z', `${prefix}canary-weight`),
    wrote('kubectl-edit', '2026-03-02T03:00:04Z', `${prefix}canary-weight`),
    wrote('cert-manager', '2026-03-02T03:00:06Z', 'cert-manager.io/issuer'),
  ];
  expect(nginxIngress.manager({ metadata: { name: 'web-canary', managedFields } })).toBe('kubectl-edit');
});
