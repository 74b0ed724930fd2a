import fc from 'fast-check';
import type { RouteObject, Router } from '#routers/define.ts';
import type { RouterSubject } from './laws.ts';

/** Routes of Gateway API whose rules have backendRefs, for the laws of each kind of them. */

export interface Ref {
  name: string;
  weight?: number;
  [field: string]: unknown;
}
export interface Rule {
  backendRefs?: Ref[];
  [field: string]: unknown;
}

export const services = { stable: 'checkout', canary: 'checkout-canary' };

export function route(rules: Rule[], annotations?: Record<string, string>): RouteObject {
  return {
    metadata: { name: 'web', namespace: 'shop', resourceVersion: '7', ...(annotations && { annotations }) },
    spec: { parentRefs: [{ name: 'public' }], hostnames: ['shop.example'], rules },
  };
}

export const rulesOf = (object: RouteObject): Rule[] => (object['spec'] as { rules: Rule[] }).rules;
const isOurs = ({ backendRefs = [] }: Rule) => backendRefs.some(({ name }) => name === 'checkout');

const port = fc.constantFrom(80, 8080);
const filters = fc.constantFrom([], [{ type: 'RequestHeaderModifier', requestHeaderModifier: { remove: ['x'] } }]);
const own = fc.record(
  {
    name: fc.constant('checkout'),
    group: fc.constant(''),
    kind: fc.constant('Service'),
    namespace: fc.constant('shop'),
    port,
    weight: fc.integer({ min: 1, max: 1_000_000 }),
    filters,
  },
  { requiredKeys: ['name', 'port'] },
);
const idle = fc.record({ name: fc.constantFrom('old', 'older'), port, weight: fc.constant(0) });
const foreign = fc.record(
  {
    name: fc.constantFrom('cart', 'checkout-b', 'search'),
    port,
    weight: fc.integer({ min: 0, max: 9 }),
    namespace: fc.constantFrom('other', 'shop'),
  },
  { requiredKeys: ['name', 'port'] },
);
/** A Service of the same name that is not the user's: another namespace, or another kind. */
const namesake = fc.constantFrom<Ref>(
  { name: 'checkout', namespace: 'other', port: 80 },
  { name: 'checkout', kind: 'ServiceImport', group: 'multicluster.x-k8s.io', port: 80 },
);
const weightIn = ({ backendRefs = [] }: Rule, service: string) =>
  backendRefs.find(({ name }) => name === service)?.weight;

/** Whatever a rule says beside its backendRefs: each kind has its own matches. */
export type Content = fc.Arbitrary<Omit<Rule, 'backendRefs'>>;

function ruleKinds(content: Content): {
  ownRule: fc.Arbitrary<Rule>;
  foreignRule: fc.Arbitrary<Rule>;
  rivalRule: fc.Arbitrary<Rule>;
} {
  const with_ = (refs: fc.Arbitrary<Ref[] | undefined>): fc.Arbitrary<Rule> =>
    fc.tuple(content, refs).map(([rest, backendRefs]) => (backendRefs ? { ...rest, backendRefs } : rest));
  const beside = fc.tuple(fc.array(idle, { maxLength: 2 }), own, fc.array(idle, { maxLength: 1 }));
  return {
    ownRule: with_(beside.map(([before, mine, after]) => [...before, mine, ...after])),
    foreignRule: with_(fc.option(fc.array(fc.oneof(foreign, namesake), { maxLength: 3 }), { nil: undefined })),
    rivalRule: with_(fc.tuple(own, foreign).map(([mine, rival]) => [mine, { ...rival, weight: 1 }])),
  };
}

/** What the law suite asks for. */
export function ruleSubject(router: Router, content: Content): RouterSubject {
  const { ownRule, foreignRule, rivalRule } = ruleKinds(content);
  const notes = fc.option(fc.constant({ 'example.com/team': 'a/b~c' }), { nil: undefined });
  const others = fc.array(fc.oneof(ownRule, foreignRule), { maxLength: 6 });
  const routes = fc
    .tuple(others, ownRule, fc.array(foreignRule, { maxLength: 3 }), notes)
    .map(([head, mine, tail, annotations]) => route([...head, mine, ...tail], annotations));
  const conflicts = fc
    .tuple(fc.array(fc.oneof(ownRule, foreignRule), { maxLength: 3 }), rivalRule, fc.array(ownRule, { maxLength: 2 }))
    .map(([head, rival, tail]) => route([...head, rival, ...tail]));
  return { router, services, routes, conflicts, splits, foreign: untouchable, disagree };
}

function splits(object: RouteObject): [number, number][] {
  return rulesOf(object)
    .filter((rule) => rule.backendRefs?.some(({ name }) => name === services.canary))
    .map((rule) => [weightIn(rule, 'checkout') ?? -1, weightIn(rule, services.canary) ?? -1]);
}

function untouchable(object: RouteObject): unknown {
  return {
    ...(object['spec'] as object),
    rules: rulesOf(object).map((rule) => ({
      ...rule,
      backendRefs: isOurs(rule)
        ? rule.backendRefs?.filter(({ name }) => !name.startsWith('checkout') || name === 'checkout-b')
        : rule.backendRefs,
    })),
  };
}

function disagree(object: RouteObject): RouteObject | undefined {
  const torn = structuredClone(object);
  const split = rulesOf(torn).filter((rule) => rule.backendRefs?.some(({ name }) => name === services.canary));
  const [first] = split;
  if (first === undefined || split.length < 2) return undefined;
  first.backendRefs = (first.backendRefs ?? []).filter(({ name }) => name !== services.canary);
  for (const ref of first.backendRefs) if (ref.name === 'checkout') ref.weight = 1;
  return torn;
}
