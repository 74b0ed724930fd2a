import { describe, expect, test } from 'vitest';
import { splitRouteKey } from '#core/routes.ts';
import { keyKind } from '#routers/define.ts';
import { generated } from '#schema/emit.ts';
import { climbable, granularityOf, routeKeyOf, traffic } from '#schema/traffic.ts';
import { routers } from '#src/catalog.ts';

const keys = routers.map(({ router: { kind } }) => routeKeyOf({ [kind]: 'shop' }));

test('each kind of the catalog has its field, and each field a key of its own', () => {
  expect(keys.map((key) => splitRouteKey(key).kind)).toEqual(routers.map(({ router }) => keyKind(router)));
  expect(new Set(keys).size).toBe(keys.length);
  const entries = routers.slice(0, 8).map(({ router: { kind } }) => ({ [kind]: 'shop' }));
  expect(traffic.safeParse(entries).success, 'one name, another kind: another route').toBe(true);
});

// kills: a comparison that the API server cannot price, for which it refuses the whole CRD
test('no rule of any CRD names a field by a reserved word of CEL', () => {
  const reserved =
    /\b(self|a|b|oldSelf)\.(as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return)\b/;
  const rules = Object.entries(generated()).flatMap(([path, text]) =>
    path.startsWith('crds/') ? [...text.matchAll(/rule: .*/g)].map(([rule]) => rule) : [],
  );
  expect(rules.length).toBeGreaterThan(10);
  expect(rules.filter((rule) => reserved.test(rule))).toEqual([]);
});

describe('the finest share', () => {
  test.each([
    { name: 'one that carries all', because: 'nothing is rounded', routes: ['shop'], want: 1 },
    {
      name: 'the coarsest',
      because: 'all routes carry the same weight',
      routes: ['shop', 'ApisixRoute/shop'],
      want: 1000,
    },
    { name: 'none', because: 'pods have a grid of their own', routes: [], want: 1 },
    { name: 'an unknown kind', because: 'a record of a later version is still read', routes: ['Rail/shop'], want: 1 },
  ])('$name: $because', ({ routes, want }) => {
    expect(granularityOf(routes)).toBe(want);
  });

  // kills: a granularity of which another is no multiple, so that no weight suits both.
  test('divides the whole and every coarser one', () => {
    const all = routers.map(({ router }) => router.granularity);
    for (const one of all)
      for (const other of [...all, 100_000]) expect(Math.max(one, other) % Math.min(one, other)).toBe(0);
  });
});

test('a ladder is rounded to what the routes carry, or to pods where there are none', () => {
  const steps = [{ weight: 1600, holdMs: 1000 }];
  const weights = (routes: string[]) => climbable({ steps }, { routes, replicas: 3 }).steps.map(({ weight }) => weight);
  expect(weights(['shop'])).toEqual([1600]);
  expect(weights(['shop', 'ApisixRoute/shop'])).toEqual([2000]);
  expect(weights([])).toEqual([25_000]);
});
