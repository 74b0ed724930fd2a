import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Reach } from '#core/words.ts';
import type { RouteObject } from '#routers/define.ts';
import { httpRoute } from '#routers/http-route.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { route, rulesOf } from './gateway-rules.ts';
import { type Rule, services } from './rules.ts';

const beta: Reach = { headers: [{ name: 'x-beta', value: 'yes' }] };
const copies: Reach = { mirror: 10_000 };
const own = { backendRefs: [{ name: 'checkout', port: 80 }] };
const fenced = { 'headgate.dev/fence': 'checkout-7/3/0' };

function write(object: RouteObject, reach: Reach | undefined, memo: string): RouteObject {
  const wish = {
    weight: 0,
    memo,
    fence: { release: 'checkout-7', n: 1, weight: 0 },
    resourceVersion: object.metadata.resourceVersion ?? '',
  };
  return applyPatch(object, httpRoute.write(object, services, { ...wish, ...(reach && { reach }) }));
}

const golden = new URL('reach/', import.meta.url);
const team: Reach = {
  headers: [
    { name: 'x-beta', value: 'yes' },
    { name: 'cookie', regex: 'team=a' },
  ],
};

test.each([
  { name: 'matched', reach: team },
  { name: 'copied', reach: copies },
])('golden: $name', ({ name, reach }) => {
  const load = (file: string): RouteObject => parse(readFileSync(new URL(`${name}/${file}.yaml`, golden), 'utf8'));
  const before = load('before');
  const memo = httpRoute.capture(before, services);
  const after = write(before, reach, memo);
  expect(after).toEqual(load('after'));
  expect(write(after, undefined, memo)['spec']).toEqual(before['spec']);
});

const matches = (...names: string[]) => [{ headers: names.map((name) => ({ name, value: 'a' })) }];
const many = (count: number, rule: Rule): Rule[] => Array.from({ length: count }, () => rule);

// kills: room that is looked for after the first raise only
test.each<{ name: string; because: string; rules: Rule[]; reach: Reach; want: string | undefined }>([
  { name: 'one rule', because: 'there is room', rules: [own], reach: beta, want: undefined },
  {
    name: 'a rule that asks for the header itself',
    because: 'Gateway API looks at the first of two headers of one name: all of its users would be sent',
    rules: [{ ...own, matches: matches('X-Beta') }],
    reach: beta,
    want: 'rules[0] asks for header x-beta itself: take another header',
  },
  {
    name: 'the header in a rule of others',
    because: 'it is more specific than ours, or comes first',
    rules: [own, { backendRefs: [{ name: 'cart', port: 80 }], matches: matches('x-beta') }],
    reach: beta,
    want: undefined,
  },
  {
    name: 'nine rules',
    because: 'each needs one beside it and a route has 16',
    rules: many(9, own),
    reach: beta,
    want: 'a copy of each of its 9 rules is needed, and a route has 16 rules with 128 matches at most: share them out over several routes, or take the step out',
  },
  {
    name: 'nine rules to copy',
    because: 'a filter needs no rule',
    rules: many(9, own),
    reach: copies,
    want: undefined,
  },
  {
    name: 'sixteen headers',
    because: 'a match has room for no more',
    rules: [{ ...own, matches: matches(...Array.from({ length: 16 }, (_, i) => `x-${i}`)) }],
    reach: beta,
    want: 'rules[0] asks for so many headers that none can be added: take the step out',
  },
  {
    name: 'sixteen filters',
    because: 'a rule has room for no more',
    rules: [{ ...own, filters: many(16, { type: 'URLRewrite' }) }],
    reach: copies,
    want: 'rules[0] has 16 filters, and none can be added: take the step out',
  },
  {
    name: 'an empty list of filters',
    because: 'rest is the text of the user, byte for byte',
    rules: [{ ...own, filters: [] }],
    reach: copies,
    want: 'rules[0] has an empty list of filters, which would come back as none: take it out',
  },
])('room: $name', ({ rules, reach, want, because }) => {
  expect(httpRoute.refuses?.(route(rules), services, reach), because).toBe(want);
});

describe('in the hands of others', () => {
  const original = route([{ matches: [{ method: 'GET' }], ...own }]);
  const memo = httpRoute.capture(original, services);
  const matched = write(original, beta, memo);
  const withRules = (rules: Rule[]): RouteObject => ({ ...matched, spec: { ...(matched['spec'] as object), rules } });
  const [first = {}, ours = {}] = rulesOf(matched);

  // kills: matched rules that are known by what they were made of alone
  test.each<{ name: string; because: string; rules: Rule[]; rest: Rule[] }>([
    { name: 'edited', because: 'its name says whose it is', rules: [first, { ...ours, matches: [] }], rest: [first] },
    { name: 'moved before all', because: 'its place means nothing', rules: [ours, first], rest: [first] },
    { name: 'left alone', because: 'it sends users all the same', rules: [ours], rest: [] },
    {
      name: 'without its name',
      because: 'an old CRD knows no names of rules',
      rules: [first, (({ name: _, ...rest }) => rest)(ours as Rule & { name?: string })],
      rest: [first],
    },
  ])('a matched rule that was $name goes with the next lowering: $because', ({ rules, rest }) => {
    const seen = withRules(rules);
    expect(httpRoute.read(seen, services, memo).reach).toBeDefined();
    expect(rulesOf(write(seen, undefined, memo))).toEqual(rest);
  });

  // kills: a rule of the user's taken for ours because it looks like one
  test('a rule of the user that a person pointed at the canary comes back as theirs', () => {
    const asked = { matches: [{ method: 'GET', headers: [{ name: 'x-beta', type: 'Exact', value: 'yes' }] }] };
    const two = route([
      { matches: [{ method: 'GET' }], ...own },
      { ...asked, ...own },
    ]);
    const both = httpRoute.capture(two, services);
    const turned = route(
      [...rulesOf(two).slice(0, 1), { ...asked, backendRefs: [{ name: 'checkout-canary', port: 80 }] }],
      fenced,
    );
    expect(rulesOf(write(turned, undefined, both))).toEqual(rulesOf(two));
  });

  test('copies that the user sends to the canary at rest are a conflict', () => {
    const backendRef = { name: 'checkout-canary', port: 80 };
    const copying = route([{ ...own, filters: [{ type: 'RequestMirror', requestMirror: { backendRef } }] }]);
    expect(httpRoute.read(copying, services).conflict).toBe(
      'rules[0] already copies requests to checkout-canary; remove that filter: Headgate adds and removes checkout-canary by itself',
    );
  });

  test('a rule that is in conflict is neither matched nor copied', () => {
    const split = route([
      {
        backendRefs: [
          { name: 'checkout', port: 80 },
          { name: 'cart', port: 80 },
        ],
      },
    ]);
    const kept = httpRoute.capture(split, services);
    for (const reach of [beta, copies]) expect(rulesOf(write(split, reach, kept))).toEqual(rulesOf(split));
  });
});
