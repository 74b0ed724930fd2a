import type { Spread } from '#core/sights.ts';
import { shortHash } from '#lib/hash.ts';
import { sameJson } from '#lib/json.ts';
import { type Weight, WHOLE } from '#lib/units.ts';
import {
  defineRouter,
  type PatchOperation,
  type RouteObject,
  type RouteReading,
  type Router,
  type ServicePair,
} from './define.ts';
import { guards, readFence, removeFence, setFence } from './fence.ts';
import { acceptedByParents, lastSpecManager } from './gateway-status.ts';
import { formatMemo, MAX_MEMO_RULES, type Memo, type OriginalWeight, parseMemo } from './memo.ts';

/** How a kind of Gateway API v1 is called: in `spec.traffic[]`, and by the API server. */
export interface RuleKind {
  key: string;
  plural: string;
  kind: string;
}

/**
 * A route of Gateway API v1 whose rules have backendRefs. Every rule that names the user's Service gets the canary right
 * behind it, cut from the same backendRef, so that port and filters are inherited and never invented.
 *
 * `rules` is an atomic list that anybody may reorder, so a rule is known by its own content: the hash of the rule
 * without its backendRefs (equal rules by their order among themselves). During a release a rule is ours when the
 * memo lists its content, or when it carries both Services, which is our doing even if a person has since edited
 * its matches. A rule that names the Service and is neither was added after the capture: it is reported as extra.
 */
export function ruleRouter({ key, plural, kind }: RuleKind): Router {
  return defineRouter({
    kind: key,
    resource: { group: 'gateway.networking.k8s.io', version: 'v1', plural, kind, namespaced: true },
    can: ['weight'],
    read(route, services, memoText): RouteReading {
      const views = viewRules(route, services, parseMemo(memoText));
      const fence = readFence(route);
      const conflict = conflictOf(`${kind} ${route.metadata.name}`, services, views);
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
      };
    },
    capture: (route, services) => captureMemo(viewRules(route, services, undefined)),
    write(route, services, { weight, fence, memo: memoText, resourceVersion }) {
      const memo = parseMemo(memoText);
      const changes = viewRules(route, services, memo).flatMap((view) => {
        const refs = rewrite(view, services, weight, memo?.get(view.key));
        return sameJson(refs, view.refs) ? [] : replaceRefs(view, refs);
      });
      const all = [...setFence(route, fence), ...changes];
      return all.length === 0 ? [] : [...guards(route, resourceVersion), ...all];
    },
    clearFence: removeFence,
    accepted: acceptedByParents,
    manager: lastSpecManager,
  });
}

interface BackendRef {
  group?: string;
  kind?: string;
  name: string;
  namespace?: string;
  weight?: number;
  [field: string]: unknown;
}

interface Rule {
  name?: string;
  backendRefs?: BackendRef[];
  [field: string]: unknown;
}

/** One rule, seen with our eyes. */
interface RuleView {
  index: number;
  /** For people: `rules[1]`, or `rules[1] (pay)` when the rule has a name. */
  label: string;
  key: string;
  refs: BackendRef[];
  stable: BackendRef[];
  canary: BackendRef[];
  /** Backends that are neither and take traffic. */
  rivals: BackendRef[];
  /** Sends traffic, and the user's Service is among the backends. */
  named: boolean;
  ours: boolean;
  share: Weight | undefined;
  conflict: string | undefined;
}

/** Gateway API: a backendRef without weight has weight 1. */
const weightOf = (ref: BackendRef): number => ref.weight ?? 1;
const sum = (refs: BackendRef[]): number => refs.reduce((total, ref) => total + weightOf(ref), 0);

function viewRules(route: RouteObject, services: ServicePair, memo: Memo | undefined): RuleView[] {
  const rules = ((route['spec'] as { rules?: Rule[] } | undefined)?.rules ?? []).map((rule) => rule ?? {});
  const fenced = memo !== undefined || readFence(route) !== undefined;
  const repeats = new Map<string, number>();
  return rules.map((rule, index) => {
    const { backendRefs: refs = [], ...content } = rule;
    const hash = shortHash(content);
    const repeat = repeats.get(hash) ?? 0;
    repeats.set(hash, repeat + 1);
    const key = repeat === 0 ? hash : `${hash}.${repeat}`;
    const stable = refs.filter((ref) => isService(ref, services.stable, route));
    const canary = refs.filter((ref) => isService(ref, services.canary, route));
    const rivals = refs.filter((ref) => !stable.includes(ref) && !canary.includes(ref) && weightOf(ref) > 0);
    const named = stable.length > 0 && sum(refs) > 0;
    const split = stable.length > 0 && canary.length > 0;
    const known = memo === undefined ? named : memo.has(key) && (named || canary.length > 0);
    const label = rule.name === undefined ? `rules[${index}]` : `rules[${index}] (${rule.name})`;
    const view = { index, label, key, refs, stable, canary, rivals, named, ours: split || known };
    return { ...view, share: shareOf(view), conflict: ruleConflict(view, services, fenced) };
  });
}

function isService(ref: BackendRef, name: string, route: RouteObject): boolean {
  const { group = '', kind = 'Service', namespace = route.metadata.namespace } = ref;
  return ref.name === name && kind === 'Service' && group === '' && namespace === route.metadata.namespace;
}

/** Rounded to the grid, but a trickle is never nothing, nor is almost everything all of it. */
function shareOf({ refs, canary }: Pick<RuleView, 'refs' | 'canary'>): Weight | undefined {
  const part = sum(canary);
  const all = sum(refs);
  if (canary.length === 0 || (part === 0 && all > 0)) return 0;
  if (all === 0) return undefined;
  if (part === all) return WHOLE;
  return Math.min(WHOLE - 1, Math.max(1, Math.round((part * WHOLE) / all)));
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

function ruleConflict(
  view: Omit<RuleView, 'share' | 'conflict'>,
  { stable, canary }: ServicePair,
  fenced: boolean,
): string | undefined {
  const { label } = view;
  const own = `Headgate adds and removes ${canary} by itself`;
  if (view.canary.length > 0 && view.stable.length === 0) {
    return `${label} sends to ${canary} without ${stable}; put ${stable} in its place: ${own}`;
  }
  if (!view.ours) return undefined;
  if (view.stable.length > 1) return `${label} names ${stable} more than once; keep one backendRef to it`;
  if (view.canary.length > 1) return `${label} names ${canary} more than once; remove it: ${own}`;
  const [rival] = view.rivals;
  if (rival !== undefined) {
    return `${label} already splits ${stable} with ${rival.name}; keep ${stable} alone in this rule, or take the route out of spec.traffic`;
  }
  // Without a fence or a memo no release of ours can have put it there.
  if (!fenced && view.canary.length > 0) return `${label} already names ${canary}; remove it: ${own}`;
  return undefined;
}

function conflictOf(name: string, { stable }: ServicePair, views: RuleView[]): string | undefined {
  const first = views.find(({ conflict }) => conflict !== undefined);
  if (first !== undefined) return first.conflict;
  if (views.every(({ named, ours }) => !named && !ours)) {
    return `no rule of ${name} sends traffic to Service ${stable}; add a backendRef to ${stable}, or name another route in spec.traffic`;
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
function originalWeight({ stable: [ref], canary }: RuleView): OriginalWeight {
  return canary.length > 0 ? 1 : (ref?.weight ?? 'absent');
}

function rewrite(view: RuleView, services: ServicePair, weight: Weight, original: OriginalWeight = 1): BackendRef[] {
  const { refs, stable, canary, conflict } = view;
  const [mine] = stable;
  if (!view.ours) return refs;
  const others = refs.filter((ref) => !canary.includes(ref));
  // A person who took the stable ref out of a rule of ours left all of its traffic on the canary.
  if (mine === undefined)
    return [...others, ...canary.slice(0, 1).map((ref) => reweigh(ref, original, services.stable))];
  // Nobody knows the shares that a person wants in a rule of conflict: only the canary's goes, to stable.
  if (conflict !== undefined) {
    return canary.length === 0 ? refs : others.map((ref) => (ref === mine ? giveBack(ref, canary) : ref));
  }
  if (weight > 0) {
    const split = [reweigh(mine, WHOLE - weight), reweigh(mine, weight, services.canary)];
    return others.flatMap((ref) => (ref === mine ? split : [ref]));
  }
  return canary.length === 0 ? refs : others.map((ref) => (ref === mine ? reweigh(ref, original) : ref));
}

/** 1,000,000 is the greatest weight that Gateway API allows. */
function giveBack(ref: BackendRef, canary: BackendRef[]): BackendRef {
  return reweigh(ref, Math.min(1_000_000, weightOf(ref) + sum(canary)));
}

function reweigh(ref: BackendRef, weight: OriginalWeight, name = ref.name): BackendRef {
  const { weight: _, ...rest } = ref;
  return weight === 'absent' ? { ...rest, name } : { ...rest, name, weight };
}

/** The whole list, tested as it was read: it is atomic for the API server too. */
function replaceRefs({ index, refs }: RuleView, value: BackendRef[]): PatchOperation[] {
  const path = `/spec/rules/${index}/backendRefs`;
  return [
    { op: 'test', path, value: refs },
    { op: 'replace', path, value },
  ];
}
