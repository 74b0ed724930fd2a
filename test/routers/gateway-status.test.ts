import { expect, test } from 'vitest';
import type { Json } from '#lib/json.ts';
import { httpRoute } from '#routers/http-route.ts';

const condition = (type: string, status = 'True', observedGeneration = 4) => ({ type, status, observedGeneration });
const good = [condition('Accepted'), condition('ResolvedRefs')];
const internal = { name: 'internal', namespace: 'infra', sectionName: 'https' };

interface Row {
  name: string;
  because: string;
  parents: object[];
  want: boolean;
  refs?: object[];
}

test.each<Row>([
  {
    name: 'every parent',
    because: 'both gateways route it',
    parents: [
      { parentRef: { name: 'public' }, conditions: good },
      { parentRef: internal, conditions: good },
    ],
    want: true,
  },
  {
    name: 'defaults written out',
    because: 'controllers may echo the ref with its defaults',
    parents: [
      {
        parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public', namespace: 'shop' },
        conditions: good,
      },
      { parentRef: internal, conditions: good },
    ],
    want: true,
  },
  {
    name: 'one parent is silent',
    because: 'silence is not success',
    parents: [{ parentRef: { name: 'public' }, conditions: good }],
    want: false,
  },
  {
    name: 'another section',
    because: 'a status for another listener proves nothing for ours',
    parents: [
      { parentRef: { name: 'public' }, conditions: good },
      { parentRef: { ...internal, sectionName: 'http' }, conditions: good },
    ],
    want: false,
  },
  {
    name: 'old generation',
    because: 'the weight that was accepted is the one before',
    parents: [
      { parentRef: { name: 'public' }, conditions: [condition('Accepted', 'True', 3), condition('ResolvedRefs')] },
      { parentRef: internal, conditions: good },
    ],
    want: false,
  },
  {
    name: 'unresolved reference',
    because: 'the canary Service is not known there yet, and its share would answer 500',
    parents: [
      { parentRef: { name: 'public' }, conditions: [condition('Accepted'), condition('ResolvedRefs', 'False')] },
      { parentRef: internal, conditions: good },
    ],
    want: false,
  },
  {
    name: 'two controllers, one refuses',
    because: 'whoever reports on a parent of ours counts',
    parents: [
      { parentRef: { name: 'public' }, conditions: good },
      { parentRef: { name: 'public' }, conditions: [condition('Accepted', 'False')] },
      { parentRef: internal, conditions: good },
    ],
    want: false,
  },
  {
    name: 'left-over parent',
    because: 'a parent that the spec no longer names does not hold a release',
    parents: [
      { parentRef: { name: 'public' }, conditions: good },
      { parentRef: internal, conditions: good },
      { parentRef: { name: 'gone' }, conditions: [condition('Accepted', 'False')] },
    ],
    want: true,
  },
  { name: 'no parents', because: 'a route that nobody serves', parents: [], refs: [], want: false },
])('accepted: $name', ({ parents, refs = [{ name: 'public' }, internal], want, because }) => {
  const metadata = { name: 'web', namespace: 'shop', generation: 4 };
  expect(httpRoute.accepted?.({ metadata, spec: { parentRefs: refs }, status: { parents } }), because).toBe(want);
});

/** As Linkerd's policy controller writes it: the core group by name, and no generations. */
const linkerd = (conditions: object[], controllerName = 'linkerd.io/policy-controller') => ({
  parents: [
    {
      controllerName,
      parentRef: { group: 'core', kind: 'Service', name: 'checkout', namespace: 'shop', port: 80 },
      conditions,
    },
  ],
});
const undated = [
  { type: 'Accepted', status: 'True', reason: 'Accepted', message: '' },
  { type: 'ResolvedRefs', status: 'True', reason: 'ResolvedRefs', message: '' },
];

test.each([
  { name: 'a Service as parent', because: 'Linkerd never says a generation', status: linkerd(undated), want: true },
  {
    name: 'one of two conditions',
    because: 'references that are not resolved answer 500',
    status: linkerd(undated.slice(0, 1)),
    want: false,
  },
  {
    name: 'another controller without generations',
    because: 'it may have judged the weight of yesterday',
    status: linkerd(undated, 'example.com/mesh'),
    want: false,
  },
  {
    name: 'an older generation',
    because: 'should Linkerd ever say one, it counts',
    status: linkerd(undated.map((condition) => ({ ...condition, observedGeneration: 3 }))),
    want: false,
  },
])('of a mesh, $name: $because', ({ status, want }) => {
  const metadata = { name: 'web', namespace: 'shop', generation: 4 };
  for (const group of ['core', '']) {
    const parentRefs = [{ group, kind: 'Service', name: 'checkout', port: 80 }];
    expect(httpRoute.accepted?.({ metadata, spec: { parentRefs }, status })).toBe(want);
  }
});

test('a route without any status is not accepted', () => {
  expect(httpRoute.accepted?.({ metadata: { name: 'web' }, spec: { parentRefs: [{ name: 'public' }] } })).toBe(false);
  expect(httpRoute.accepted?.({ metadata: { name: 'web' } })).toBe(false);
});

const entry = (manager: string, time: string, rest: Record<string, Json> = {}): Json => ({
  manager,
  time,
  fieldsV1: { 'f:spec': { 'f:rules': {} } },
  ...rest,
});

test.each([
  {
    name: 'the newest other',
    because: 'we always wrote after somebody else',
    fields: [
      entry('kubectl', '2026-01-02T00:00:00Z'),
      entry('headgate-traffic', '2026-01-03T00:00:00Z'),
      entry('argocd', '2026-01-01T00:00:00Z'),
    ],
    want: 'kubectl',
  },
  {
    name: 'spec alone',
    because: 'a controller that writes status or labels did not touch the traffic',
    fields: [
      entry('kustomize-controller', '2026-01-01T00:00:00Z'),
      entry('traefik', '2026-01-05T00:00:00Z', { subresource: 'status' }),
      entry('labeller', '2026-01-06T00:00:00Z', { fieldsV1: { 'f:metadata': {} } }),
    ],
    want: 'kustomize-controller',
  },
  {
    name: 'us alone',
    because: 'nobody else to name',
    fields: [entry('headgate', '2026-01-01T00:00:00Z')],
    want: undefined,
  },
  { name: 'none', because: 'a client may have asked to leave them out', fields: undefined, want: undefined },
])('manager: $name', ({ fields, want, because }) => {
  const metadata = { name: 'web', ...(fields && { managedFields: fields }) };
  expect(httpRoute.manager({ metadata }), because).toBe(want);
});
