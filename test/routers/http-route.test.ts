import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WHOLE } from '#lib/units.ts';
import type { RouteObject } from '#routers/define.ts';
import { httpRoute } from '#routers/http-route.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { gatewayDialect, route, rulesOf } from './gateway-rules.ts';
import { routerLaws } from './laws.ts';
import { reachLaws } from './reach-laws.ts';
import { goldenCases, type Ref, type Rule, ruleSubject, services } from './rules.ts';

const content = fc.record(
  {
    name: fc.constantFrom('pay', 'browse'),
    matches: fc.constantFrom<object[]>(
      [{ path: { type: 'PathPrefix', value: '/' } }],
      [{ method: 'POST' }],
      [{ headers: [{ name: 'x-beta', value: 'yes' }] }, { headers: [{ name: 'host', value: 'a' }] }],
      [{ headers: [{ name: 'host', value: 'a' }] }],
    ),
    filters: fc.constantFrom([], [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x'] } }]),
    timeouts: fc.constant({ request: '5s' }),
    sessionPersistence: fc.constant({ sessionName: 'shop', type: 'Cookie', absoluteTimeout: '1h' }),
  },
  { requiredKeys: [] },
);
routerLaws(ruleSubject(gatewayDialect(httpRoute, content)));
reachLaws(ruleSubject(gatewayDialect(httpRoute, content)));

const mine = (weight?: number): Ref => ({ name: 'checkout', port: 80, ...(weight !== undefined && { weight }) });
const canary = (weight: number): Ref => ({ name: 'checkout-canary', port: 80, weight });
const fenced = { 'headgate.dev/fence': 'checkout-7/3/5000' };

test.each([
  {
    name: 'another Service beside it',
    because: 'a split that a person made is theirs',
    object: route([
      { backendRefs: [mine()] },
      { name: 'pay', backendRefs: [mine(9), { name: 'checkout-b', port: 80 }] },
    ]),
    want: 'rules[1] (pay) already splits checkout with checkout-b; keep checkout alone in this rule, or take the route out of spec.traffic',
  },
  {
    name: 'at weight 0 beside another',
    because: 'a split that stands at 0 is a split all the same',
    object: route([{ backendRefs: [mine(0), { name: 'checkout-b', port: 80, weight: 1 }] }]),
    want: 'rules[0] already splits checkout with checkout-b; keep checkout alone in this rule, or take the route out of spec.traffic',
  },
  {
    name: 'canary alone',
    because: 'without stable there is nothing to come back to',
    object: route([{ backendRefs: [mine()] }, { backendRefs: [canary(1)] }]),
    want: 'rules[1] sends to checkout-canary without checkout; put checkout in its place: Headgate adds and removes checkout-canary by itself',
  },
  {
    name: 'canary declared by hand',
    because: 'at rest it would be taken out and drift from Git',
    object: route([{ backendRefs: [mine(100), canary(0)] }]),
    want: 'rules[0] already names checkout-canary; remove it: Headgate adds and removes checkout-canary by itself',
  },
  {
    name: 'stable twice',
    because: 'one weight cannot be cut from two',
    object: route([{ backendRefs: [mine(), { ...mine(), port: 81 }] }]),
    want: 'rules[0] names checkout more than once; keep one backendRef to it',
  },
  {
    name: 'nobody names the Service',
    because: 'a release through this route would move nothing',
    object: route([{ backendRefs: [{ name: 'cart', port: 80 }] }, { filters: [] }]),
    want: 'no rule of HTTPRoute web sends traffic to Service checkout; add a backendRef to checkout, or name another route in spec.traffic',
  },
  {
    name: 'switched off',
    because: 'weight 0 is a rule that its owner closed: a split would open it',
    object: route([{ backendRefs: [mine(0)] }]),
    want: 'no rule of HTTPRoute web sends traffic to Service checkout; add a backendRef to checkout, or name another route in spec.traffic',
  },
  {
    name: 'no rules at all',
    because: 'the API allows it',
    object: { metadata: { name: 'web', namespace: 'shop' }, spec: {} },
    want: 'no rule of HTTPRoute web sends traffic to Service checkout; add a backendRef to checkout, or name another route in spec.traffic',
  },
  {
    name: 'our own split',
    because: 'a fence says that a release put it there',
    object: route([{ backendRefs: [mine(95_000), canary(5000)] }], fenced),
    want: undefined,
  },
])('conflict: $name', ({ object, want, because }) => {
  expect(httpRoute.read(object, services).conflict, because).toBe(want);
});

test.each([
  { name: 'hand-made 50/50', because: 'shares count, not our grid', refs: [mine(1), canary(1)], want: 50_000 },
  { name: 'a trickle', because: 'less than the grid is still not nothing', refs: [mine(1e6), canary(1)], want: 1 },
  { name: 'almost all', because: 'stable still serves', refs: [mine(1), canary(1e6)], want: WHOLE - 1 },
  { name: 'all', because: 'stable at 0 is the whole', refs: [mine(0), canary(7)], want: WHOLE },
  { name: 'nowhere', because: 'both at 0 answers 500: no share at all', refs: [mine(0), canary(0)], want: undefined },
  {
    name: 'absent weights',
    because: 'absent is 1',
    refs: [mine(), { name: 'checkout-canary', port: 80 }],
    want: 50_000,
  },
])('weight: $name', ({ refs, want, because }) => {
  expect(httpRoute.read(route([{ backendRefs: refs }], fenced), services).weight, because).toBe(want);
});

describe('in the middle of a release', () => {
  const original = route([{ matches: [{ method: 'GET' }], backendRefs: [mine(3)] }]);
  const memo = httpRoute.capture(original, services);
  const write = (object: RouteObject, weight: number): RouteObject =>
    applyPatch(
      object,
      httpRoute.write(object, services, { weight, memo, fence: { release: 'r', n: 1, weight }, resourceVersion: '7' }),
    );
  const withRules = (object: RouteObject, rules: Rule[]): RouteObject => ({ ...object, spec: { rules } });

  test('an added rule stays untouched and is reported', () => {
    const added = { matches: [{ method: 'PUT' }], backendRefs: [mine()] };
    const split = withRules(original, [added, ...rulesOf(write(original, 5000))]);
    expect(httpRoute.read(split, services, memo)).toMatchObject({ weight: 5000, rulesSplit: 1, extra: ['rules[0]'] });
    expect(rulesOf(write(split, 0))).toEqual([added, ...rulesOf(original)]);
  });

  test('an added rule that a person splits is reported, not a conflict: it waits for the next release', () => {
    const added = { matches: [{ method: 'PUT' }], backendRefs: [mine(), { name: 'cart', port: 80 }] };
    const split = withRules(original, [...rulesOf(write(original, 5000)), added]);
    expect(httpRoute.read(split, services, memo)).toMatchObject({ weight: 5000, extra: ['rules[1]'] });
  });

  // kills: identity by index
  test('rules that change places keep their own original weights', () => {
    const two = route([
      { matches: [{ method: 'GET' }], backendRefs: [mine(3)] },
      { matches: [{ method: 'PUT' }], backendRefs: [mine()] },
    ]);
    const both = httpRoute.capture(two, services);
    const wish = { memo: both, fence: { release: 'r', n: 1, weight: 0 }, resourceVersion: '7' };
    const split = applyPatch(two, httpRoute.write(two, services, { ...wish, weight: 10 }));
    const turned = withRules(split, rulesOf(split).toReversed());
    const rest = applyPatch(turned, httpRoute.write(turned, services, { ...wish, weight: 0 }));
    expect(rulesOf(rest)).toEqual(rulesOf(two).toReversed());
  });

  test('a split rule whose matches were edited is still taken back', () => {
    const [split] = rulesOf(write(original, 5000));
    const edited = withRules(original, [{ ...split, matches: [{ method: 'PATCH' }] }]);
    expect(httpRoute.read(edited, services, memo)).toMatchObject({ weight: 5000, extra: [] });
    expect(rulesOf(write(edited, 0))).toEqual([{ matches: [{ method: 'PATCH' }], backendRefs: [mine(1)] }]);
  });

  test('a rival that joins a split rule gets nothing of the share that goes back', () => {
    const [split] = rulesOf(write(original, WHOLE));
    const rival = { name: 'cart', port: 80, weight: 1 };
    const joined = withRules(original, [
      { ...split, backendRefs: [...((split?.['backendRefs'] ?? []) as Ref[]), rival] },
    ]);
    expect(httpRoute.read(joined, services, memo).conflict).toContain('rules[0] already splits checkout with cart');
    expect(rulesOf(write(joined, WHOLE))).toMatchObject([{ backendRefs: [mine(WHOLE), rival] }]);
  });

  test('a rule of ours that lost its stable ref gets it back from the canary', () => {
    const orphan = withRules(original, [{ matches: [{ method: 'GET' }], backendRefs: [canary(5000)] }]);
    expect(httpRoute.read(orphan, services, memo)).toMatchObject({ weight: WHOLE, conflict: expect.any(String) });
    expect(rulesOf(write(orphan, 0))).toEqual(rulesOf(original));
  });

  test('an unreadable memo never keeps traffic on the canary', () => {
    const split = write(original, 5000);
    const wish = { weight: 0, memo: '{"v":', fence: { release: 'r', n: 2, weight: 0 }, resourceVersion: '7' };
    const rest = applyPatch(split, httpRoute.write(split, services, wish));
    expect(rulesOf(rest)).toEqual([{ matches: [{ method: 'GET' }], backendRefs: [mine(1)] }]);
  });

  test('the fullest memo fits its bound', () => {
    const same = Array.from({ length: 40 }, () => ({ backendRefs: [mine(1_000_000)] }));
    expect(httpRoute.capture(route(same), services).length).toBeLessThanOrEqual(1024);
    expect(httpRoute.read(route(same), services).conflict).toBeUndefined();
    expect(httpRoute.read(route([...same, ...same]), services).conflict).toContain('more than 40 rules');
  });
});

goldenCases(httpRoute);
