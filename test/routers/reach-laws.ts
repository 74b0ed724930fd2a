import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatReach } from '#core/reach.ts';
import type { Reach } from '#core/words.ts';
import { canonicalJson } from '#lib/json.ts';
import { WHOLE } from '#lib/units.ts';
import type { PatchOperation, RouteObject } from '#routers/define.ts';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { applyPatch } from '#sandbox/patches.ts';
import type { RouterSubject } from './laws.ts';

const header = fc.oneof(
  fc.record({ name: fc.constantFrom('x-beta', 'x-team', 'cookie'), value: fc.constantFrom('yes', 'no') }),
  fc.record({ name: fc.constantFrom('x-beta', 'x-team', 'cookie'), regex: fc.constantFrom('y.*', '^b') }),
);
const matched: fc.Arbitrary<Reach> = fc
  .uniqueArray(header, { selector: ({ name }) => name, minLength: 1, maxLength: 3 })
  .map((headers) => ({ headers }));
const copied: fc.Arbitrary<Reach> = fc.integer({ min: 1, max: 100 }).map((percent) => ({ mirror: percent * 1000 }));

/** Law 9 of src/routers/define.ts, for kinds that can match headers or copy requests. */
export function reachLaws({ router, services, routes, conflicts }: RouterSubject): void {
  const reaches = fc.oneof(
    ...(router.can.includes('header') ? [matched] : []),
    ...(router.can.includes('mirror') ? [copied] : []),
  );
  const patchOf = (route: RouteObject, to: { weight?: number; reach?: Reach }, memo: string, n: number) => {
    const { weight = 0, reach } = to;
    const wish = { weight, memo, fence: { release: 'checkout-7', n, weight } };
    const resourceVersion = route.metadata.resourceVersion ?? '';
    return router.write(route, services, { ...wish, resourceVersion, ...(reach && { reach }) });
  };
  const store = (route: RouteObject, patch: PatchOperation[]): RouteObject => {
    const next = applyPatch(route, patch);
    next.metadata.resourceVersion = String(Number(route.metadata.resourceVersion) + 1);
    return next;
  };
  const write = (...args: Parameters<typeof patchOf>) => store(args[0], patchOf(...args));
  const able = (route: RouteObject, reach: Reach) => fc.pre(router.refuses?.(route, services, reach) === undefined);

  describe(`laws of ${router.kind} beside the weight`, () => {
    // kills: a matched rule that asks for one header of two, a fence that is not written with it
    test('9: read says whom write sends, and the same write again is an empty patch', () => {
      fc.assert(
        fc.property(routes, reaches, (route, reach) => {
          able(route, reach);
          const memo = router.capture(route, services);
          const moved = write(route, { reach }, memo, 3);
          const fence = { release: 'checkout-7', n: 3, weight: 0 };
          const want = { weight: 0, reach: formatReach(reach), fence, memo, extra: [] };
          expect(router.read(moved, services, memo)).toMatchObject(want);
          expect(router.read(moved, services, memo).conflict).toBeUndefined();
          expect(patchOf(moved, { reach }, memo, 3)).toEqual([]);
        }),
      );
    });

    // kills: a matched rule left behind by a lowering, filters that come back as an empty list
    test('9: what follows leaves nothing of it, and rest is the text of the user', () => {
      fc.assert(
        fc.property(
          routes,
          fc.array(reaches, { maxLength: 3 }),
          fc.integer({ min: 1, max: WHOLE }),
          (route, path, weight) => {
            for (const reach of path) able(route, reach);
            const memo = router.capture(route, services);
            const moved = path.reduce((at, reach, n) => write(at, { reach }, memo, n + 1), write(route, {}, memo, 0));
            const climbed = write(moved, { weight }, memo, 8);
            expect(router.read(climbed, services, memo).reach).toBeUndefined();
            expect(canonicalJson(climbed['spec'])).toBe(canonicalJson(write(route, { weight }, memo, 8)['spec']));
            for (const from of [moved, climbed]) {
              const rest = write(from, {}, memo, 9);
              expect(canonicalJson(rest['spec'])).toBe(canonicalJson(route['spec']));
            }
          },
        ),
      );
    });

    test('9: a patch fails as a whole when anything moved', () => {
      fc.assert(
        fc.property(routes, reaches, (route, reach) => {
          able(route, reach);
          const memo = router.capture(route, services);
          const fenced = write(route, {}, memo, 1);
          const patch = patchOf(fenced, { reach }, memo, 2);
          const newer = structuredClone(fenced);
          newer.metadata.resourceVersion = '999999';
          const overtaken = structuredClone(fenced);
          overtaken.metadata.annotations = { ...overtaken.metadata.annotations, [FENCE_ANNOTATION]: 'checkout-8/1/0' };
          const reached = { ...structuredClone(fenced), spec: write(fenced, { reach }, memo, 2)['spec'] };
          for (const stale of [newer, overtaken, reached]) expect(() => applyPatch(stale, patch)).toThrow();
        }),
      );
    });

    test('9: a conflict stays a conflict', () => {
      fc.assert(
        fc.property(conflicts, reaches, (route, reach) => {
          able(route, reach);
          const before = router.read(route, services);
          const moved = write(route, { reach }, router.capture(route, services), 1);
          expect(router.read(moved, services, before.memo).conflict).toBe(before.conflict);
        }),
      );
    });
  });
}
