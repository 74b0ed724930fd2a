import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Reach } from '#core/words.ts';
import { canonicalJson } from '#lib/json.ts';
import { floorTo, type Weight, WHOLE } from '#lib/units.ts';
import { LAWS, type Law, type RouteObject, type Router, type ServicePair } from '#routers/define.ts';
import { FENCE_ANNOTATION } from '#routers/fence.ts';
import { applyPatch } from '#sandbox/patches.ts';

/** What a kind hands to the law suite beside itself. */
export interface RouterSubject {
  router: Router;
  services: ServicePair;
  /** Routes at rest that the router accepts. */
  routes: fc.Arbitrary<RouteObject>;
  /** Routes at rest that it must refuse. */
  conflicts: fc.Arbitrary<RouteObject>;
  /** The weights of both arms in every rule that is split, in the order stable, canary. */
  splits(route: RouteObject): [stable: number, canary: number][];
  /** Everything in `spec` that no write may touch. */
  foreign(route: RouteObject): unknown;
  /** Annotations whose text holds weights. Left out: none. */
  splitsIn?(annotation: string): boolean;
  /** Makes one of at least two split rules say something else; undefined where there is only one. */
  disagree(route: RouteObject): RouteObject | undefined;
}

const weights = fc.oneof(fc.constantFrom(0, 1, WHOLE - 1, WHOLE), fc.integer({ min: 0, max: WHOLE }));

/** The laws of src/routers/define.ts: each is tested, or skipped with the reason that the kind gives. */
export function routerLaws(subject: RouterSubject): void {
  const { router } = subject;
  const checks = checksOf(subject);
  describe(`laws of ${router.kind}`, () => {
    test.each(LAWS)('%s', (law) => {
      const skipped = router.skips?.find((skip) => skip.law === law);
      if (skipped === undefined) checks[law]();
      else expect(skipped.reason).not.toBe('');
    });
  });
}

/** What controllers report, for those that do. */
const STATUS = {
  conditions: [{ type: 'Valid', status: 'True' }],
  parents: [{ parentRef: { name: 'public' }, conditions: [{ type: 'Accepted', status: 'True' }] }],
};

/** What an old CRD may keep where a list or an entry of one is due. */
const junk = fc.oneof(
  fc.constantFrom<unknown>(null, 0, '', {}, [null], ['x'], [[]], [{ name: null }], [{ weight: 'x' }]),
  fc.jsonValue({ maxDepth: 2 }),
);

const REACHES: Reach[] = [{ headers: [{ name: 'x', value: 'y' }] }, { mirror: 5000 }];

type Place = readonly (string | number)[];

/** Every list below `spec` and `status`, and every entry and member of one. */
function listsIn(value: unknown, place: Place, inList = false): Place[] {
  if (typeof value !== 'object' || value === null) return inList ? [place] : [];
  const here = Array.isArray(value) || inList ? [place] : [];
  const members = place.length === 0 ? ['spec', 'status'] : Object.keys(value);
  return [
    ...here,
    ...members.flatMap((key) =>
      listsIn((value as Record<string, unknown>)[key], [...place, key], inList || Array.isArray(value)),
    ),
  ];
}

function replaced(route: RouteObject, place: Place, value: unknown): RouteObject {
  const copy: unknown = structuredClone(route);
  const last = place.at(-1);
  const above = place.slice(0, -1).reduce<unknown>((at, key) => (isBranch(at) ? at[key] : undefined), copy);
  if (last !== undefined && isBranch(above) && last in above) above[last] = value;
  return copy as RouteObject;
}

const isBranch = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

function checksOf(subject: RouterSubject): Record<Law, () => void> {
  const { router, services, routes, conflicts } = subject;
  const { granularity } = router;
  const carried = fc.integer({ min: granularity, max: WHOLE });

  /** What the API server does with our patch: all or nothing, and a new resourceVersion. */
  const store = (route: RouteObject, patch: ReturnType<Router['write']>): RouteObject => {
    const next = applyPatch(route, patch);
    next.metadata.resourceVersion = String(Number(route.metadata.resourceVersion) + 1);
    return next;
  };
  const wish = (route: RouteObject, weight: Weight, memo: string, n = 1) => ({
    weight,
    memo,
    fence: { release: 'checkout-7', n, weight },
    resourceVersion: route.metadata.resourceVersion ?? '',
  });
  const write = (route: RouteObject, weight: Weight, memo: string, n?: number): RouteObject =>
    store(route, router.write(route, services, wish(route, weight, memo, n)));

  /** Everything that a router is asked, of an object that may be anything. */
  const asks = (broken: RouteObject, weight: Weight, known: string | undefined): void => {
    router.read(broken, services, known);
    router.capture(broken, services);
    router.accepted?.(broken);
    router.manager(broken);
    router.companion?.made(broken, services);
    const wishes = [wish(broken, 0, known ?? ''), wish(broken, weight, known ?? '')];
    const reaching =
      router.refuses === undefined ? [] : REACHES.map((reach) => ({ ...wish(broken, 0, known ?? ''), reach }));
    for (const { reach } of reaching) router.refuses?.(broken, services, reach);
    for (const wished of [...wishes, ...reaching]) applyPatch(broken, router.write(broken, services, wished));
  };

  return {
    '1: read says what write put': () => {
      fc.assert(
        fc.property(routes, weights, weights, (route, first, second) => {
          const memo = router.capture(route, services);
          expect(router.read(route, services)).toMatchObject({ weight: 0, memo, rulesSplit: 0, extra: [] });
          const moved = write(write(route, first, memo, 1), second, memo, 2);
          const { weight, fence, conflict, extra } = router.read(moved, services, memo);
          expect({ weight, fence, conflict, extra }).toEqual({
            weight: floorTo(second, granularity),
            fence: { release: 'checkout-7', n: 2, weight: floorTo(second, granularity) },
            conflict: undefined,
            extra: [],
          });
        }),
      );
    },

    '2: the same write again is an empty patch': () => {
      fc.assert(
        fc.property(routes, weights, (route, weight) => {
          const memo = router.capture(route, services);
          const moved = write(route, weight, memo);
          expect(router.write(moved, services, wish(moved, weight, memo))).toEqual([]);
        }),
      );
    },

    // kills: restoring every weight as 1, a split that goes to the end of the list, annotations left behind
    '3: rest is the text of the user, byte for byte': () => {
      fc.assert(
        fc.property(routes, fc.array(weights, { maxLength: 4 }), (route, path) => {
          const memo = router.capture(route, services);
          expect(memo.length).toBeLessThanOrEqual(1024);
          const climbed = path.reduce((at, weight, n) => write(at, weight, memo, n), route);
          const rest = write(climbed, 0, memo, 9);
          expect(canonicalJson(rest['spec'])).toBe(canonicalJson(route['spec']));
          const clean = store(rest, router.clearFence(rest));
          expect(canonicalJson(clean.metadata.annotations)).toBe(canonicalJson(route.metadata.annotations));
          expect(router.clearFence(clean)).toEqual([]);
        }),
      );
    },

    '4: what is not ours never changes': () => {
      fc.assert(
        fc.property(routes, weights, (route, weight) => {
          const memo = router.capture(route, services);
          const moved = write(route, weight, memo);
          const changes = router.write(route, services, wish(route, weight, memo)).filter(({ op }) => op !== 'test');
          const paths = changes.map(({ path }) => path).filter((path) => !path.startsWith(router.writes));
          expect(paths.filter((path) => !path.startsWith('/metadata/annotations'))).toEqual([]);
          expect(canonicalJson(subject.foreign(moved))).toBe(canonicalJson(subject.foreign(route)));
          const theirs = ({ metadata }: RouteObject) =>
            Object.entries(metadata.annotations ?? {}).filter(
              ([name]) => name !== FENCE_ANNOTATION && subject.splitsIn?.(name) !== true,
            );
          expect(theirs(moved)).toEqual(theirs(route));
        }),
      );
    },

    // kills: stable keeping its old weight, a canary weight that is rounded to percent
    '5: both arms sum to the whole in every split rule': () => {
      fc.assert(
        fc.property(routes, weights, (route, weight) => {
          const splits = subject.splits(write(route, weight, router.capture(route, services)));
          expect(splits.length > 0).toBe(weight >= granularity);
          for (const [stable, canary] of splits) {
            expect(canary).toBe(floorTo(weight, granularity) / granularity);
            expect(stable + canary).toBe(WHOLE / granularity);
          }
        }),
      );
    },

    // kills: a patch without the resourceVersion, without the fence, without the list
    '6: a patch fails as a whole when anything moved': () => {
      fc.assert(
        fc.property(routes, carried, (route, weight) => {
          const memo = router.capture(route, services);
          const fenced = write(route, 0, memo, 1);
          const patch = router.write(fenced, services, wish(fenced, weight, memo, 2));
          const newer = structuredClone(fenced);
          newer.metadata.resourceVersion = '999999';
          const overtaken = structuredClone(fenced);
          overtaken.metadata.annotations = { ...overtaken.metadata.annotations, [FENCE_ANNOTATION]: 'checkout-8/1/0' };
          const unfenced = structuredClone(fenced);
          delete unfenced.metadata.annotations?.[FENCE_ANNOTATION];
          const split = write(fenced, WHOLE, memo, 2);
          split.metadata.resourceVersion = fenced.metadata.resourceVersion ?? '';
          const fence = fenced.metadata.annotations?.[FENCE_ANNOTATION] ?? '';
          split.metadata.annotations = { ...split.metadata.annotations, [FENCE_ANNOTATION]: fence };
          for (const stale of [newer, overtaken, unfenced, split]) expect(() => applyPatch(stale, patch)).toThrow();
          expect(() => applyPatch(newer, router.clearFence(fenced))).toThrow();
        }),
      );
    },

    // kills: reading the first rule only
    '7: rules that disagree are unknown, and the next write mends them': () => {
      fc.assert(
        fc.property(routes, carried, (route, weight) => {
          const memo = router.capture(route, services);
          const torn = subject.disagree(write(route, weight, memo));
          fc.pre(torn !== undefined);
          const { weight: agreed, spread = { least: WHOLE, most: 0 } } = router.read(torn, services, memo);
          expect(agreed).toBeUndefined();
          expect(spread.least).toBeLessThanOrEqual(spread.most);
          expect(router.read(write(torn, weight, memo, 2), services, memo).weight).toBe(floorTo(weight, granularity));
        }),
      );
    },

    '8: a conflict stays a conflict and gets no canary': () => {
      fc.assert(
        fc.property(conflicts, weights, (route, weight) => {
          const before = router.read(route, services);
          expect(before.conflict).toBeDefined();
          const moved = write(route, weight, router.capture(route, services));
          expect(router.read(moved, services, before.memo).conflict).toBe(before.conflict);
        }),
      );
    },

    // kills: a list that is taken for one because its schema says so
    '10: what is no list gets an answer, not an exception': () => {
      fc.assert(
        fc.property(routes, weights, fc.nat(), junk, (route, weight, pick, value) => {
          const memo = router.capture(route, services);
          const written = write({ ...route, status: STATUS }, weight, memo);
          const places = listsIn(written, []);
          const at = places[pick % places.length] ?? [];
          for (const broken of [replaced(written, at, value), replaced({ ...route, status: STATUS }, at, value)])
            for (const known of [memo, undefined]) asks(broken, weight, known);
        }),
      );
    },
  };
}
