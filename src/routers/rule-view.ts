import { shortHash } from '#lib/hash.ts';
import { type Weight, WHOLE } from '#lib/units.ts';
import type { RouteObject, Router, ServicePair } from './define.ts';
import { readFence } from './fence.ts';
import type { Memo } from './memo.ts';

/** One entry of a rule's list: a backend in the words of its kind. Its weight stands in the entry itself. */
export interface Backend {
  weight?: number;
  [field: string]: unknown;
}

/** A rule as its kind writes it: the list of its backends, and everything else that it says. */
export interface Rule {
  /** For people: `rules[1]`, or `rules[1] (pay)` when the rule has a name. */
  label: string;
  /** Where the list stands in the object, as a JSON pointer. */
  path: string;
  backends: Backend[];
  /** The rule without its list: by this it is known again. */
  content: unknown;
  /** What of it is no list of objects, where one is due: it is left alone. */
  flaw?: string | undefined;
}

/** What tells one kind of route from another. All of it is pure and total. */
export interface RuleShape extends Pick<Router, 'kind' | 'resource' | 'granularity' | 'writes' | 'skips'> {
  /** The list can name Services of other namespaces. */
  namespaces?: true;
  rules(route: RouteObject): Rule[];
  /** Whether a backend is the Service of this name, in the Services' namespace, without any subset of it. */
  isService(backend: Backend, name: string, place: { route: RouteObject; namespace?: string | undefined }): boolean;
  /** The same backend, to the Service of another name. */
  renamed(backend: Backend, name: string): Backend;
  /** What the data plane makes of the weights of one list, in their order. */
  weights(backends: Backend[]): number[];
  /** For people: what one entry of the list is called, and whom it names. */
  word: string;
  nameOf(backend: Backend): string;
  /** What else in a rule of ours would make its weights say something else, with the fix. */
  objection?(rule: Rule, stable: string): string | undefined;
  /** Whether the data plane keeps users of this rule on the backend that they met first. Left out: of no rule. */
  sticky?(rule: Rule, route: RouteObject): boolean;
  /** Left out where the controllers report nothing on the object. */
  accepted?(route: RouteObject): boolean;
}

/** One rule, seen with our eyes. */
export interface RuleView extends Rule {
  key: string;
  stable: Backend[];
  canary: Backend[];
  /** Backends that are neither and take traffic. */
  rivals: Backend[];
  /** Sends traffic, and the user's Service is among the backends. */
  named: boolean;
  ours: boolean;
  share: Weight | undefined;
  conflict: string | undefined;
}

type Pair = { route: RouteObject; services: ServicePair; memo: Memo | undefined };

export function viewRules(shape: RuleShape, { route, services, memo }: Pair): RuleView[] {
  const fenced = memo !== undefined || readFence(route) !== undefined;
  const place = { route, namespace: services.namespace ?? route.metadata.namespace };
  const repeats = new Map<string, number>();
  return shape.rules(route).map((rule) => {
    const { backends } = rule;
    const hash = shortHash(rule.content);
    const repeat = repeats.get(hash) ?? 0;
    repeats.set(hash, repeat + 1);
    const key = repeat === 0 ? hash : `${hash}.${repeat}`;
    const stable = backends.filter((backend) => shape.isService(backend, services.stable, place));
    const canary = backends.filter((backend) => shape.isService(backend, services.canary, place));
    const weights = shape.weights(backends);
    const rivals = backends.filter(
      (backend, index) => !stable.includes(backend) && !canary.includes(backend) && (weights[index] ?? 0) > 0,
    );
    const named = stable.length > 0 && weights.some((weight) => weight > 0);
    const split = stable.length > 0 && canary.length > 0;
    const known = memo === undefined ? named : memo.has(key) && (named || canary.length > 0);
    const view = { ...rule, key, stable, canary, rivals, named, ours: split || known };
    return { ...view, share: shareOf(view, weights), conflict: ruleConflict(shape, view, { services, fenced }) };
  });
}

/** What some entries of a list weigh, as the data plane counts. */
export function weightOf(shape: RuleShape, { backends }: Rule, some: Backend[]): number {
  const weights = shape.weights(backends);
  return weights.reduce((total, weight, index) => (isOf(some, backends[index]) ? total + weight : total), 0);
}

const isOf = (some: Backend[], backend: Backend | undefined) => backend !== undefined && some.includes(backend);

/** Rounded to the grid, but a trickle is never nothing, nor is almost everything all of it. */
function shareOf({ backends, canary }: Pick<RuleView, 'backends' | 'canary'>, weights: number[]): Weight | undefined {
  const all = weights.reduce((total, weight) => total + weight, 0);
  const part = weights.reduce((total, weight, index) => (isOf(canary, backends[index]) ? total + weight : total), 0);
  if (canary.length === 0 || (part === 0 && all > 0)) return 0;
  if (all === 0) return undefined;
  if (part === all) return WHOLE;
  return Math.min(WHOLE - 1, Math.max(1, Math.round((part * WHOLE) / all)));
}

function ruleConflict(
  shape: RuleShape,
  view: Omit<RuleView, 'share' | 'conflict'>,
  { services: { stable, canary }, fenced }: { services: ServicePair; fenced: boolean },
): string | undefined {
  const { label, flaw } = view;
  if (flaw !== undefined)
    return `${flaw} is no list of well-formed entries: correct it, or take the route out of spec.traffic`;
  const own = `Headgate adds and removes ${canary} by itself`;
  if (view.canary.length > 0 && view.stable.length === 0) {
    return `${label} sends to ${canary} without ${stable}; put ${stable} in its place: ${own}`;
  }
  if (!view.ours) return undefined;
  if (view.stable.length > 1) return `${label} names ${stable} more than once; keep one ${shape.word} to it`;
  if (view.canary.length > 1) return `${label} names ${canary} more than once; remove it: ${own}`;
  const [rival] = view.rivals;
  if (rival !== undefined) {
    return `${label} already splits ${stable} with ${shape.nameOf(rival)}; keep ${stable} alone in this rule, or take the route out of spec.traffic`;
  }
  // Without a fence or a memo no release of ours can have put it there.
  if (!fenced && view.canary.length > 0) return `${label} already names ${canary}; remove it: ${own}`;
  const objection = shape.objection?.(view, stable);
  return objection === undefined ? undefined : `${label} ${objection}`;
}
