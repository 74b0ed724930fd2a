import { formatReach, MIXED_REACH } from '#core/reach.ts';
import type { HeaderMatch, Reach } from '#core/words.ts';
import { shortHash } from '#lib/hash.ts';
import { isRecord, sameJson } from '#lib/json.ts';
import type { PatchOperation } from './define.ts';
import type { Memo } from './memo.ts';
import type { Backend } from './rule-view.ts';

/**
 * Rules of Gateway API with whom a step without weight sends to the canary: matched users by a rule of ours behind all
 * others, which says what the user's rule says and asks for the headers beside it; copies by a filter of ours behind
 * the user's own. Everything else is the user's text, so taking ours out gives it back byte for byte.
 */

export interface Rule {
  name?: string;
  backendRefs?: Backend[];
  filters?: Filter[];
  matches?: Match[];
  [field: string]: unknown;
}

interface Filter {
  type?: string;
  requestMirror?: { backendRef?: Backend; percent?: number };
  [field: string]: unknown;
}

interface Match {
  headers?: { name: string; type?: string; value: string }[];
  [field: string]: unknown;
}

/** What tells the canary's backend from others, and how the kind says that every request matches. */
export interface RuleSight {
  isStable(ref: Backend): boolean;
  isCanary(ref: Backend): boolean;
  everything: Match;
  memo: Memo | undefined;
}

/** The user's rules, and what was found of ours among them. */
export interface Bared {
  rules: Rule[];
  /** By place among `rules`: whom a rule sends to the canary beside its backendRefs. */
  reach: (Reach | undefined)[];
  /** Rules of ours whose own rule of the user's has gone or changed. */
  orphans: number;
}

const MATCHED = /^headgate-matched-\d{1,2}$/;

/** Takes ours out of the rules. Only for a route of which a release has taken hold: at rest everything is the user's. */
export function bare(rules: Rule[], sight: RuleSight): Bared {
  const mine = rules.map((rule) => isMatchedRule(rule, rules, sight));
  const matched = rules.filter((_, i) => mine[i]);
  const kept = rules.filter((_, i) => !mine[i]).map((rule) => withoutMirror(rule, sight));
  const claimed = new Set<Rule>();
  const reach = kept.map(({ rule, mirror }): Reach | undefined => {
    const found = matched.find((one) => !claimed.has(one) && isMadeOf(one, rule, sight));
    if (found !== undefined) claimed.add(found);
    const headers = found === undefined ? undefined : addedHeaders(found, rule);
    if (headers === undefined && mirror === undefined) return undefined;
    return { ...(headers === undefined ? {} : { headers }), ...(mirror === undefined ? {} : { mirror }) };
  });
  return { rules: kept.map(({ rule }) => rule), reach, orphans: matched.length - claimed.size };
}

/** One text for all rules of ours, undefined for nobody; rules that disagree are nobody's wish. */
export function agreedReach({ reach, orphans }: Bared, isOurs: (index: number) => boolean): string | undefined {
  const said = reach.map((one) => formatReach(one));
  const ours = said.filter((_, i) => isOurs(i));
  // A rule that is not ours and sends copies all the same was one of ours before somebody changed it.
  const strays = said.filter((one, i) => !isOurs(i) && one !== undefined);
  if (orphans > 0 || strays.length > 0 || ours.some((one) => one !== ours[0])) return MIXED_REACH;
  return ours[0];
}

/** By its name, which it keeps whatever is edited; by its content where an old CRD knows no names of rules. */
function isMatchedRule(rule: Rule, all: Rule[], sight: RuleSight): boolean {
  const refs = rule.backendRefs ?? [];
  if (refs.length === 0 || !refs.every((ref) => sight.isCanary(ref))) return false;
  if (MATCHED.test(rule.name ?? '')) return true;
  // A rule of the user's is theirs, whatever somebody has left of its backends.
  if (rule.name !== undefined || isKnown(rule, sight)) return false;
  return all.some((other) => other !== rule && isMadeOf(rule, other, sight));
}

function isMadeOf(made: Rule, rule: Rule, sight: RuleSight): boolean {
  const base = withoutMirror(rule, sight).rule;
  const headers = addedHeaders(made, base);
  const [to] = made.backendRefs ?? [];
  const from = (base.backendRefs ?? []).find((ref) => sight.isStable(ref));
  if (headers === undefined || to === undefined || from === undefined || !sameJson(bearing(to), bearing(from)))
    return false;
  const { name: _, backendRefs: __, ...is } = made;
  const { name: ___, backendRefs: ____, ...would } = matched(base, headers, sight);
  return sameJson(is, would);
}

/** A backend without its name and its share. */
function bearing({ name: _, weight: __, ...rest }: Backend): object {
  return rest;
}

/** The headers that the first match asks for beyond those of the rule that it was made of. */
function addedHeaders(made: Rule, rule: Rule): HeaderMatch[] | undefined {
  const asked = made.matches?.[0]?.headers ?? [];
  const own = rule.matches?.[0]?.headers?.length ?? 0;
  return asked.length <= own
    ? undefined
    : asked
        .slice(own)
        .map(({ name, type, value }) => (type === 'RegularExpression' ? { name, regex: value } : { name, value }));
}

function matched(rule: Rule, headers: readonly HeaderMatch[], { everything }: RuleSight): Rule {
  const asked = headers.map(({ name, value, regex }) =>
    regex === undefined
      ? { name, type: 'Exact', value: value ?? '' }
      : { name, type: 'RegularExpression', value: regex },
  );
  const matches = rule.matches === undefined || rule.matches.length === 0 ? [everything] : rule.matches;
  return { ...rule, matches: matches.map((match) => ({ ...match, headers: [...(match.headers ?? []), ...asked] })) };
}

/** The memo lists it, with this very content. */
function isKnown({ backendRefs: _, ...content }: Rule, { memo }: RuleSight): boolean {
  const hash = shortHash(content);
  return memo !== undefined && [...memo.keys()].some((key) => key.split('.')[0] === hash);
}

/** Requests of this rule are copied to the canary. */
export function copies(rule: Rule, sight: RuleSight): boolean {
  return withoutMirror(rule, sight).mirror !== undefined;
}

function withoutMirror(rule: Rule, sight: RuleSight): { rule: Rule; mirror?: number } {
  const ours = (rule.filters ?? []).filter(({ requestMirror }) => {
    const ref = requestMirror?.backendRef;
    return isRecord(ref) && sight.isCanary(ref);
  });
  if (ours.length === 0) return { rule };
  const mirror = (ours[0]?.requestMirror?.percent ?? 100) * 1000;
  const { filters = [], ...rest } = rule;
  const own = filters.filter((filter) => !ours.includes(filter));
  if (own.length > 0) return { rule: { ...rest, filters: own }, mirror };
  // An empty list of filters would be told from none by nobody: `lacksRoom` lets no such rule be copied.
  return { rule: rest, mirror };
}

/** What ours is made of: the user's backendRef under the canary's name. */
export interface ReachWish {
  reach: Reach;
  /** By place among the rules; undefined for rules that get nothing of ours. */
  backends: (Backend | undefined)[];
}

/** Puts ours into the user's rules: filters behind theirs, rules behind all of theirs. */
export function dressing(rules: Rule[], { reach, backends }: ReachWish, sight: RuleSight): PatchOperation[] {
  const { headers, mirror } = reach;
  return rules.flatMap((rule, i): PatchOperation[] => {
    const backend = backends[i];
    if (backend === undefined) return [];
    const path = `/spec/rules/${i}/filters`;
    const copied: PatchOperation[] =
      mirror === undefined ? [] : [{ op: 'add', path, value: [...(rule.filters ?? []), mirrorTo(backend, mirror)] }];
    if (headers === undefined) return copied;
    const backendRefs = [{ ...backend, weight: 1 }];
    const value = { ...matched(rule, headers, sight), name: `headgate-matched-${i}`, backendRefs };
    return [...copied, { op: 'add', path: '/spec/rules/-', value }];
  });
}

function mirrorTo(backend: Backend, mirror: number): Filter {
  // Filters of the backendRef and its weight are no part of where copies go.
  const { weight: _, filters: __, ...backendRef } = backend;
  const percent = Math.round(mirror / 1000);
  return {
    type: 'RequestMirror',
    requestMirror: { backendRef: { group: '', kind: 'Service', ...backendRef }, percent },
  };
}

/** Limits of Gateway API v1: of one list of rules, of the matches of all of them, of one match, of one rule's filters. */
const MOST = { rules: 16, matches: 128, headers: 16, filters: 16 } as const;

/** Why these rules cannot carry such a step, for people; undefined when they can. `labels` are those of rules of ours. */
export function lacksRoom(rules: Rule[], reach: Reach, labels: (string | undefined)[]): string | undefined {
  const ours = rules.filter((_, i) => labels[i] !== undefined);
  for (const [i, rule] of rules.entries()) {
    const label = labels[i];
    const why = label === undefined ? undefined : (cannotMatch(rule, reach.headers ?? []) ?? cannotCopy(rule, reach));
    if (why !== undefined) return `${label} ${why}`;
  }
  if (reach.headers === undefined) return undefined;
  const countOf = (some: Rule[]) => some.reduce((count, { matches }) => count + Math.max(1, matches?.length ?? 1), 0);
  const all = countOf(rules) + countOf(ours);
  if (rules.length + ours.length > MOST.rules || all >= MOST.matches)
    return `a copy of each of its ${ours.length} rules is needed, and a route has ${MOST.rules} rules with ${MOST.matches} matches at most: share them out over several routes, or take the step out`;
  return undefined;
}

function cannotMatch({ matches = [] }: Rule, headers: readonly HeaderMatch[]): string | undefined {
  const asked = matches.flatMap((match) => match.headers ?? []).map(({ name }) => name.toLowerCase());
  const twice = headers.find(({ name }) => asked.includes(name.toLowerCase()));
  if (twice !== undefined) return `asks for header ${twice.name} itself: take another header`;
  const most = Math.max(0, ...matches.map((match) => match.headers?.length ?? 0));
  if (most + headers.length <= MOST.headers) return undefined;
  return 'asks for so many headers that none can be added: take the step out';
}

function cannotCopy({ filters }: Rule, { mirror }: Reach): string | undefined {
  if (mirror === undefined || filters === undefined) return undefined;
  if (filters.length === 0) return 'has an empty list of filters, which would come back as none: take it out';
  if (filters.length < MOST.filters) return undefined;
  return `has ${MOST.filters} filters, and none can be added: take the step out`;
}
