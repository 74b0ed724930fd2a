import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { RouteObject, Router } from '#routers/define.ts';
import { applyPatch } from '#sandbox/patches.ts';
import { checkShape, prune, type Schema } from '#sandbox/structural.ts';
import type { RouterSubject } from './laws.ts';

/** Routes whose rules have lists of backends, for the laws of each kind of them. */

export interface Ref {
  weight?: number;
  [field: string]: unknown;
}
export interface Rule {
  [field: string]: unknown;
}

export const services = { stable: 'checkout', canary: 'checkout-canary' };

/** How a kind writes such a route. */
export interface Dialect {
  router: Router;
  /** Whatever a rule says beside its backends. */
  content: fc.Arbitrary<Rule>;
  /** The field of a rule that has the list. */
  field: string;
  spec(rules: Rule[]): object;
  rulesOf(object: RouteObject): Rule[];
  /** A backend that is the Service of this name. */
  ref(name: string): Ref;
  /** The name of the Service that a backend is; undefined for what is called alike and is none of this namespace. */
  nameOf(ref: Ref): unknown;
  /** Other fields that a backend of the user's may have. */
  extras: fc.Arbitrary<object>;
  /** Backends of others that the kind calls alike. */
  namesakes: readonly Ref[];
  /** Rules at most; many, where it is left out. */
  most?: 1;
}

export function routeOf(
  dialect: Pick<Dialect, 'spec'>,
  rules: Rule[],
  annotations?: Record<string, string>,
): RouteObject {
  const metadata = { name: 'web', namespace: 'shop', resourceVersion: '7', ...(annotations && { annotations }) };
  return { metadata, spec: dialect.spec(rules) };
}

const listOf = ({ field }: Dialect, rule: Rule): Ref[] => (rule[field] as Ref[] | undefined) ?? [];
const has = (dialect: Dialect, rule: Rule, name: string) =>
  listOf(dialect, rule).some((ref) => dialect.nameOf(ref) === name);

interface RuleKinds {
  ownRule: fc.Arbitrary<Rule>;
  foreignRule: fc.Arbitrary<Rule>;
  rivalRule: fc.Arbitrary<Rule>;
}

function ruleKinds(dialect: Dialect): RuleKinds {
  const { content, field, extras, ref, namesakes } = dialect;
  const weighed = (name: string, weight: fc.Arbitrary<number>): fc.Arbitrary<Ref> =>
    fc.tuple(extras, weight).map(([more, given]) => ({ ...ref(name), ...more, weight: given }));
  const with_ = (refs: fc.Arbitrary<Ref[] | undefined>): fc.Arbitrary<Rule> =>
    fc.tuple(content, refs).map(([rest, list]) => (list ? { ...rest, [field]: list } : rest));
  const own = weighed('checkout', fc.integer({ min: 1, max: 1_000_000 }));
  // What a list makes of absent weights beside others differs; alone, a backend gets everything.
  const alone = extras.map((more) => [{ ...ref('checkout'), ...more }]);
  const idle = fc.constantFrom('old', 'older').chain((name) => weighed(name, fc.constant(0)));
  const beside = fc
    .tuple(fc.array(idle, { maxLength: 2 }), own, fc.array(idle, { maxLength: 1 }))
    .map(([before, mine, after]) => [...before, mine, ...after]);
  const foreign = fc
    .constantFrom('cart', 'checkout-b', 'search')
    .chain((name) => weighed(name, fc.integer({ min: 0, max: 9 })));
  const others = namesakes.length === 0 ? foreign : fc.oneof(foreign, fc.constantFrom(...namesakes));
  return {
    ownRule: with_(fc.oneof(alone, beside)),
    foreignRule: with_(fc.option(fc.array(others, { maxLength: 3 }), { nil: undefined })),
    rivalRule: with_(fc.tuple(own, foreign).map(([mine, rival]) => [mine, { ...rival, weight: 1 }])),
  };
}

/** What the law suite asks for. */
export function ruleSubject(dialect: Dialect): RouterSubject {
  const { ownRule, foreignRule, rivalRule } = ruleKinds(dialect);
  const notes = fc.option(fc.constant({ 'example.com/team': 'a/b~c' }), { nil: undefined });
  const some = (rule: fc.Arbitrary<Rule>, maxLength: number) =>
    fc.array(rule, { maxLength: dialect.most === 1 ? 0 : maxLength });
  const either = fc.oneof(ownRule, foreignRule);
  const routes = fc
    .tuple(some(either, 6), ownRule, some(foreignRule, 3), notes)
    .map(([head, mine, tail, annotations]) => routeOf(dialect, [...head, mine, ...tail], annotations));
  const conflicts = fc
    .tuple(some(either, 3), rivalRule, some(ownRule, 2))
    .map(([head, rival, tail]) => routeOf(dialect, [...head, rival, ...tail]));
  return {
    router: dialect.router,
    services,
    routes,
    conflicts,
    splits: (object) => splits(dialect, object),
    foreign: (object) => untouchable(dialect, object),
    disagree: (object) => disagree(dialect, object),
  };
}

function splits(dialect: Dialect, object: RouteObject): [number, number][] {
  const weightIn = (rule: Rule, name: string) =>
    listOf(dialect, rule).find((ref) => dialect.nameOf(ref) === name)?.weight ?? -1;
  return dialect
    .rulesOf(object)
    .filter((rule) => has(dialect, rule, services.canary))
    .map((rule) => [weightIn(rule, services.stable), weightIn(rule, services.canary)]);
}

function untouchable(dialect: Dialect, object: RouteObject): unknown {
  const mine = (ref: Ref) => dialect.nameOf(ref) === services.stable || dialect.nameOf(ref) === services.canary;
  const rules = dialect.rulesOf(object).map((rule) => {
    if (rule[dialect.field] === undefined) return rule;
    const list = listOf(dialect, rule).filter((ref) => !mine(ref));
    return { ...rule, [dialect.field]: has(dialect, rule, services.stable) ? list : rule[dialect.field] };
  });
  return dialect.spec(rules);
}

function disagree(dialect: Dialect, object: RouteObject): RouteObject | undefined {
  const torn = structuredClone(object);
  const split = dialect.rulesOf(torn).filter((rule) => has(dialect, rule, services.canary));
  const [first] = split;
  if (first === undefined || split.length < 2) return undefined;
  const rest = listOf(dialect, first).filter((ref) => dialect.nameOf(ref) !== services.canary);
  first[dialect.field] = rest.map((ref) => (dialect.nameOf(ref) === services.stable ? { ...ref, weight: 1 } : ref));
  return torn;
}

/**
 * Golden folders: `before.yaml` is written at 5 %, and must be `after.yaml`; and back again. Both are objects that the
 * kind's own CRD takes, where its project publishes it as a package: `schemas/` names package and version.
 */
export function goldenCases(router: Router, place?: string): void {
  const folder = router.kind.replace(/(?<=[a-z])[A-Z]/g, (big) => `-${big}`).toLowerCase();
  const golden = new URL(place ?? `golden/${folder}/`, import.meta.url);
  test.each(readdirSync(golden))('golden: %s', (name) => {
    const load = (file: string): RouteObject => parse(readFileSync(new URL(`${name}/${file}.yaml`, golden), 'utf8'));
    const before = load('before');
    const memo = router.capture(before, services);
    const fence = { release: 'checkout-7', n: 1, weight: 5000 };
    const write = (object: RouteObject, weight: number): RouteObject =>
      applyPatch(
        object,
        router.write(object, services, { weight, memo, fence: { ...fence, weight }, resourceVersion: '41' }),
      );
    expect(router.read(before, services).conflict).toBeUndefined();
    expect(write(before, 5000)).toEqual(load('after'));
    expect(write(load('after'), 0)['spec']).toEqual(before['spec']);
    for (const object of [before, load('after')]) expect(refusals(folder, object)).toEqual([]);
  });
}

/** What the kind's CRD has against an object: wrong shapes and unknown fields. Gateway API's own are in the lab. */
function refusals(folder: string, object: RouteObject): unknown[] {
  const file = new URL(`schemas/${folder}.json`, import.meta.url);
  if (!existsSync(file)) return [];
  const { spec: schema }: { spec: Schema } = JSON.parse(readFileSync(file, 'utf8'));
  const unknown: string[] = [];
  prune(object['spec'], schema, unknown, 'spec');
  return [...unknown, ...checkShape(object['spec'], schema, 'spec')];
}
