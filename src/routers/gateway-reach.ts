import { formatReach } from '#core/reach.ts';
import type { Reach } from '#core/words.ts';
import type { Ability, PatchOperation, RouteObject, RouteReading, Router, RouteWish, ServicePair } from './define.ts';
import { guards, readFence } from './fence.ts';
import { entriesOf, specOf } from './lists.ts';
import { type Memo, parseMemo } from './memo.ts';
import {
  agreedReach,
  type Bared,
  bare,
  copies,
  dressing,
  lacksRoom,
  type Rule,
  type RuleSight,
} from './reach-rules.ts';
import { type RuleShape, type RuleView, viewRules } from './rule-view.ts';

interface Kind {
  shape: RuleShape;
  reaches: readonly Ability[];
  everything: RuleSight['everything'];
}

/**
 * A lens of weights that learns to match headers and to copy requests: it shows the lens the route without our matched
 * rules and mirror filters, and puts them in behind what the lens has written.
 */
export function withReach(router: Router, { shape, reaches, everything }: Kind): Router {
  const look = (route: RouteObject, services: ServicePair, memo: Memo | undefined) =>
    lookAt({ shape, everything }, { route, services, memo });
  return {
    ...router,
    can: [...router.can, ...reaches],
    read(route, services, memo): RouteReading {
      const { bared, plain, views, sight, flawed } = look(route, services, parseMemo(memo));
      const reading = router.read(plain, services, memo);
      const reach = agreedReach(bared, (index) => views[index]?.ours === true);
      const conflict =
        reading.conflict ?? copiedAtRest(route, { views, rules: bared.rules, sight, flawed, services, memo });
      return { ...reading, ...(reach === undefined ? {} : { reach }), ...(conflict === undefined ? {} : { conflict }) };
    },
    capture: (route, services) => router.capture(look(route, services, undefined).plain, services),
    refuses(route, services, reach) {
      const { bared, views, flawed } = look(route, services, undefined);
      // The conflict says what is to be corrected first.
      if (flawed) return undefined;
      const labels = views.map(({ ours, label }) => (ours ? label : undefined));
      return lacksRoom(bared.rules, reach, labels);
    },
    write(route, services, wish) {
      const seen = look(route, services, parseMemo(wish.memo));
      return written(router, { route, services, wish, seen });
    },
  };
}

interface Look {
  sight: RuleSight;
  bared: Bared;
  /** The route with the rules as they would be without ours. */
  plain: RouteObject;
  /** Something in it is not what it should be, and a conflict. */
  flawed: boolean;
  views: RuleView[];
}

function lookAt(
  { shape, everything }: Pick<Kind, 'shape' | 'everything'>,
  { route, services, memo }: { route: RouteObject; services: ServicePair; memo: Memo | undefined },
): Look {
  const place = { route, namespace: services.namespace ?? route.metadata.namespace };
  const sight: RuleSight = {
    isStable: (ref) => shape.isService(ref, services.stable, place),
    isCanary: (ref) => shape.isService(ref, services.canary, place),
    everything,
    memo,
  };
  const rules = rulesOf(route);
  // At rest everything is the user's, whatever it looks like.
  const fenced = memo !== undefined || readFence(route) !== undefined;
  const flawed = shape.rules(route).some(({ flaw }) => flaw !== undefined);
  // What cannot be read is left as it is, the weights of other rules are still written.
  const bared = fenced && !flawed ? bare(rules, sight) : { rules, reach: [], orphans: 0 };
  const plain = isBare(bared) ? route : { ...route, spec: { ...(route['spec'] as object), rules: bared.rules } };
  return { sight, bared, plain, flawed, views: viewRules(shape, { route: plain, services, memo }) };
}

const rulesOf = (route: RouteObject): Rule[] => entriesOf(specOf(route)['rules']);

function isBare({ reach, orphans }: Bared): boolean {
  return orphans === 0 && reach.every((one) => one === undefined);
}

function copiedAtRest(
  route: RouteObject,
  at: Pick<Look, 'views' | 'sight' | 'flawed'> & { rules: Rule[]; services: ServicePair; memo: string | undefined },
): string | undefined {
  if (at.memo !== undefined || at.flawed || readFence(route) !== undefined) return undefined;
  const copying = at.rules.findIndex((rule, index) => at.views[index]?.ours === true && copies(rule, at.sight));
  if (copying < 0) return undefined;
  const { canary } = at.services;
  return `${at.views[copying]?.label} already copies requests to ${canary}; remove that filter: Headgate adds and removes ${canary} by itself`;
}

/** The lens's own patch, between taking ours out and putting ours in. */
function written(
  router: Router,
  { route, services, wish, seen }: { route: RouteObject; services: ServicePair; wish: RouteWish; seen: Look },
): PatchOperation[] {
  const { bared, plain, views, sight, flawed } = seen;
  const reach = flawed ? undefined : wish.reach;
  const own = router.write(plain, services, wish);
  if (isBare(bared) && reach === undefined) return own;
  const same = agreedReach(bared, (index) => views[index]?.ours === true) === formatReach(reach);
  if (own.length === 0 && same) return [];
  const opening = guards(route, wish.resourceVersion);
  const rules = rulesOf(route);
  const path = '/spec/rules';
  const stripped: PatchOperation[] = isBare(bared) ? [] : [{ op: 'replace', path, value: bared.rules }];
  return [
    ...opening,
    { op: 'test', path, value: rules },
    ...stripped,
    ...own.slice(opening.length),
    ...putIn(reach, { views, bared, services, sight }),
  ];
}

function putIn(
  reach: Reach | undefined,
  { views, bared, services, sight }: Pick<Look, 'views' | 'bared' | 'sight'> & { services: ServicePair },
): PatchOperation[] {
  if (reach === undefined) return [];
  const backends = views.map(({ ours, conflict, stable: [ref] }) =>
    ours && conflict === undefined && ref !== undefined ? { ...ref, name: services.canary } : undefined,
  );
  return dressing(bared.rules, { reach, backends }, sight);
}
