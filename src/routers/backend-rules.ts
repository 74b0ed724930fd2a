import type { Spread } from '#core/sights.ts';
import { sameJson } from '#lib/json.ts';
import { floorTo, type Weight, WHOLE } from '#lib/units.ts';
import { defineRouter, type PatchOperation, type RouteReading, type Router, type ServicePair } from './define.ts';
import { guards, readFence, removeFence, setFence } from './fence.ts';
import { lastSpecManager } from './gateway-status.ts';
import { formatMemo, MAX_MEMO_RULES, type OriginalWeight, parseMemo } from './memo.ts';
import { type Backend, type RuleShape, type RuleView, viewRules, weightOf } from './rule-view.ts';

/**
 * A route whose rules have lists of backends. Every rule that names the user's Service gets the canary right behind it,
 * cut from the same entry, so that port and filters are inherited and never invented.
 *
 * Such a list is atomic, and so is the list of the rules, which anybody may reorder: so a rule is known by its own
 * content, the hash of the rule without its backends (equal rules by their order among themselves). During a release a
 * rule is ours when the memo lists its content, or when it carries both Services, which is our doing even if a person
 * has since edited its matches. A rule that names the Service and is neither was added after the capture: it is
 * reported as extra.
 */
export function ruleRouter(shape: RuleShape): Router {
  const { kind, resource, granularity, writes, accepted, skips } = shape;
  return defineRouter({
    kind,
    resource,
    granularity,
    writes,
    can: ['weight', ...(accepted ? ['acceptance' as const] : []), ...(shape.namespaces ? ['namespaces' as const] : [])],
    read(route, services, memoText): RouteReading {
      const views = viewRules(shape, { route, services, memo: parseMemo(memoText) });
      const fence = readFence(route);
      const conflict = conflictOf(shape, views, {
        name: `${resource.kind} ${route.metadata.name}`,
        stable: services.stable,
      });
      const shares = views.filter(({ ours }) => ours).map(({ share }) => share);
      const weight = agreed(shares);
      return {
        weight,
        ...(weight === undefined && { spread: spreadOf(shares) }),
        ...(fence && { fence }),
        ...(conflict !== undefined && { conflict }),
        memo: memoText || captureMemo(views),
        rulesSplit: views.filter(({ canary }) => canary.length > 0).length,
        extra: views.filter(({ named, ours }) => named && !ours).map(({ label }) => label),
        ...(views.some((view) => view.ours && shape.sticky?.(view, route)) && { sticky: true }),
      };
    },
    capture: (route, services) => captureMemo(viewRules(shape, { route, services, memo: undefined })),
    write(route, services, { weight: wished, fence, memo: memoText, resourceVersion }) {
      const memo = parseMemo(memoText);
      const weight = floorTo(wished, granularity);
      const changes = viewRules(shape, { route, services, memo }).flatMap((view) => {
        const backends = rewrite(view, { shape, services, weight, original: memo?.get(view.key) });
        return sameJson(backends, view.backends) ? [] : replaceList(view, backends);
      });
      const all = [...setFence(route, { ...fence, weight: floorTo(fence.weight, granularity) }), ...changes];
      return all.length === 0 ? [] : [...guards(route, resourceVersion), ...all];
    },
    clearFence: removeFence,
    ...(accepted && { accepted }),
    ...(skips && { skips }),
    manager: lastSpecManager,
  });
}

function agreed(shares: (Weight | undefined)[]): Weight | undefined {
  const [first = 0] = shares;
  return shares.every((share) => share === first) ? first : undefined;
}

/** A rule that sends nowhere sends nothing to the canary either. */
function spreadOf(shares: (Weight | undefined)[]): Spread {
  const known = shares.map((share = 0) => share);
  return { least: Math.min(...known), most: Math.max(...known) };
}

function conflictOf(
  { word }: RuleShape,
  views: RuleView[],
  { name, stable }: { name: string; stable: string },
): string | undefined {
  const first = views.find(({ conflict }) => conflict !== undefined);
  if (first !== undefined) return first.conflict;
  if (views.every(({ named, ours }) => !named && !ours)) {
    return `no rule of ${name} sends traffic to Service ${stable}; add a ${word} to ${stable}, or name another route in spec.traffic`;
  }
  if (views.filter(({ ours }) => ours).length > MAX_MEMO_RULES) {
    return `more than ${MAX_MEMO_RULES} rules of ${name} name Service ${stable}; share them out over several routes`;
  }
  return undefined;
}

function captureMemo(views: RuleView[]): string {
  const ours = views.filter((view) => view.ours);
  return formatMemo(new Map(ours.map((view) => [view.key, originalWeight(view)])));
}

/** Of a rule that is already split the original is lost; 1 is what the API server fills in for an absent weight. */
function originalWeight({ stable: [backend], canary }: RuleView): OriginalWeight {
  return canary.length > 0 ? 1 : (backend?.weight ?? 'absent');
}

interface Rewriting {
  shape: RuleShape;
  services: ServicePair;
  weight: Weight;
  original: OriginalWeight | undefined;
}

function rewrite(view: RuleView, { shape, services, weight, original = 1 }: Rewriting): Backend[] {
  const { backends, stable, canary, conflict } = view;
  const [mine] = stable;
  if (!view.ours) return backends;
  const others = backends.filter((backend) => !canary.includes(backend));
  // A person who took the stable ref out of a rule of ours left all of its traffic on the canary.
  if (mine === undefined) {
    const back = canary.slice(0, 1).map((backend) => shape.renamed(reweigh(backend, original), services.stable));
    return [...others, ...back];
  }
  const replaced = (entries: Backend[]) => others.flatMap((backend) => (backend === mine ? entries : [backend]));
  // Nobody knows the shares that a person wants in a rule of conflict: only the canary's goes, to stable.
  if (conflict !== undefined) {
    return canary.length === 0 ? backends : replaced([giveBack(mine, weightOf(shape, view, [mine, ...canary]))]);
  }
  if (weight > 0) {
    const parts = (share: Weight) => share / shape.granularity;
    const split = shape.renamed(reweigh(mine, parts(weight)), services.canary);
    return replaced([reweigh(mine, parts(WHOLE - weight)), split]);
  }
  return canary.length === 0 ? backends : replaced([reweigh(mine, original)]);
}

/** 1,000,000 is the greatest weight that Gateway API allows. */
function giveBack(backend: Backend, weight: number): Backend {
  return reweigh(backend, Math.min(1_000_000, weight));
}

function reweigh({ weight: _, ...rest }: Backend, weight: OriginalWeight): Backend {
  return weight === 'absent' ? rest : { ...rest, weight };
}

/** The whole list, tested as it was read: it is atomic for the API server too. */
function replaceList({ path, backends }: RuleView, value: Backend[]): PatchOperation[] {
  return [
    { op: 'test', path, value: backends },
    { op: 'replace', path, value },
  ];
}
