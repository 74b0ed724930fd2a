import type { Matcher } from '#core/gate.ts';
import type { QueryRules } from '#ports/metric-source.ts';
import { type Ask, commonSelector, questionText, type Span, type Within } from './ask.ts';
import { escapeRegex, renderSelector } from './promql.ts';
import { joinSpans } from './spans.ts';
import { wholeMatcher } from './whole-match.ts';

/**
 * Many asks of many gates → few queries.
 *
 * Asks for the same of the same metric under the same matchers differ only in whose series they want, and when. One
 * query asks for all of them, and `share` takes each one's part out of the answer. The number of queries depends on the
 * metrics that gates use, not on the number of gates.
 */

/** Asks that want the very same: one part of an answer serves all of them. */
export interface Part {
  /** Names whose series and which instants. */
  key: string;
  /** Names whose series. */
  who: string;
  within: Within;
  span: Span;
  asks: Ask[];
}

export interface Query {
  promql: string;
  span: Span;
  parts: readonly Part[];
  /** Names what is asked for; what is learned about the size of answers is kept by it. */
  group: string;
  /** The query names what it wants; otherwise foreign series of the same namespaces are in the answer. */
  exact: boolean;
  /** It cannot be joined with others. */
  lone: boolean;
}

/** What earlier answers taught: a shared answer that was too large is not asked for in that way again. */
export interface Learned {
  /** Groups whose queries must name the pods. */
  exact: ReadonlySet<string>;
  /** Most parts of one query, by group. */
  most: ReadonlyMap<string, number>;
  /** Parts (`group` + who) that are too large by themselves: each is asked for alone, and fails alone. */
  lone: ReadonlySet<string>;
}

export const nothingLearned: Learned = { exact: new Set(), most: new Map(), lone: new Set() };

/** Above this length the names of pods cost the source more than the series that they keep away. */
const MAX_NAMES = 2000;

/** The fewest queries that answer all asks within the rules. The same asks give the same queries, in the same order. */
export function plan(asks: readonly Ask[], rules: QueryRules, learned: Learned = nothingLearned): Query[] {
  const queries: Query[] = [];
  for (const [group, same] of Map.groupBy(asks, groupOf)) {
    for (const { span, parts } of joinSpans(partsOf(same))) {
      const size = { group: span.from === span.to ? group : `${group} over time`, span, rules };
      const isAlone = ({ who, within }: Part) => learned.lone.has(size.group + who) || !isSimple(within);
      const { alone = [], joined = [] } = Object.groupBy(parts, (part) => (isAlone(part) ? 'alone' : 'joined'));
      const most = learned.most.get(size.group) ?? Number.POSITIVE_INFINITY;
      for (const part of alone) queries.push({ ...queryOf([part], { ...size, exact: true }), lone: true });
      for (const some of pack(joined, { ...size, most, exact: learned.exact.has(size.group) })) queries.push(some);
    }
  }
  return queries;
}

/** The same parts in smaller queries, for one whose answer is too large; undefined when it cannot be made smaller. */
export function split(query: Query, rules: QueryRules): Query[] | undefined {
  const { parts, group, span, exact } = query;
  const size = { group, span, rules };
  if (!exact) return pack(parts, { ...size, most: parts.length, exact: true });
  if (parts.length < 2) return undefined;
  return pack(parts, { ...size, most: Math.ceil(parts.length / 2), exact: true });
}

interface Size {
  group: string;
  span: Span;
  rules: QueryRules;
}

/** Queries for the parts, as few as the rules allow. Parts stand in the order of their names, so that neighbours share. */
function pack(parts: readonly Part[], size: Size & { most: number; exact: boolean }): Query[] {
  const ordered = [...parts].sort((a, b) => (a.key < b.key ? -1 : 1));
  const queries: Query[] = [];
  for (let from = 0; from < ordered.length; ) {
    let count = Math.min(size.most, ordered.length - from);
    let query = queryOf(ordered.slice(from, from + count), size);
    while (query.promql.length > size.rules.maxQueryLength && count > 1) {
      // By how much it is too long says how many fit; at least one less, so that this ends.
      count = Math.max(1, Math.min(count - 1, Math.floor((count * size.rules.maxQueryLength) / query.promql.length)));
      query = queryOf(ordered.slice(from, from + count), size);
    }
    queries.push(query);
    from += count;
  }
  return queries;
}

function queryOf(parts: readonly Part[], { group, span, rules, exact }: Size & { exact: boolean }): Query {
  const [ask] = parts[0]?.asks ?? [];
  if (ask === undefined) throw new RangeError('a query answers at least one ask');
  const { matchers, named } = filtersOf(parts, exact);
  const { metric, matchers: own } = commonSelector(ask);
  const selector = renderSelector({ metric, matchers: [...matchers, ...own] });
  return {
    promql: questionText(ask, { selector, window: rules.window }),
    span,
    parts,
    group,
    exact: named,
    lone: false,
  };
}

/** Matchers that let the parts' series through. `named`: no others of the same namespaces, as far as one query can say. */
function filtersOf(parts: readonly Part[], exact: boolean): { matchers: Matcher[]; named: boolean } {
  const scopes = parts.flatMap(({ within }) => (within.by === 'Pod' ? [within.scope] : []));
  const labels = parts.flatMap(({ within }) => (within.by === 'Label' ? [within] : []));
  const [first] = labels;
  if (first !== undefined) {
    const value = [...new Set(labels.map(({ value: one }) => one))].join('|');
    const named = exact || value.length <= MAX_NAMES;
    const { label, except } = first;
    const wanted: Matcher[] = [{ label, op: '=~', value }];
    if (labels.length === 1 && except !== undefined) wanted.push({ label, op: '!~', value: except });
    // A pattern that matches nothing at all means series without the label.
    const unlabelled = labels.some(({ value: one }) => wholeMatcher(one)?.matches('') !== false);
    return { matchers: named ? wanted : unlabelled ? [] : [{ label, op: '!=', value: '' }], named };
  }
  if (scopes.length === 0) return { matchers: [], named: true };
  const namespaces = [...new Set(scopes.map(({ namespace }) => namespace))];
  const pods = [...new Set(scopes.flatMap(({ replicaSets }) => replicaSets))].map((name) => `${escapeRegex(name)}-.*`);
  const names = pods.join('|');
  const named = exact || names.length <= MAX_NAMES;
  const matchers: Matcher[] = [oneOf('namespace', namespaces)];
  return { matchers: named ? [...matchers, { label: 'pod', op: '=~', value: names }] : matchers, named };
}

function oneOf(label: string, values: readonly string[]): Matcher {
  const [only = '', ...more] = values;
  if (more.length === 0) return { label, op: '=', value: only };
  return { label, op: '=~', value: values.map(escapeRegex).join('|') };
}

/** Asks of one group can be answered by one query: what they ask for differs in whose and when alone. */
function groupOf(ask: Ask): string {
  const { metric, matchers } = commonSelector(ask);
  const texts = matchers.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`);
  const label = ask.within.by === 'Label' ? ask.within.label : '';
  return [ask.what, metric, ask.keep ?? '', ask.within.by, label, ask.span.stepMs, ...texts].join(' ');
}

function partsOf(asks: readonly Ask[]): Part[] {
  const parts = new Map<string, Part>();
  for (const ask of asks) {
    const who = whoOf(ask.within);
    const key = `${who} ${ask.span.from} ${ask.span.to}`;
    const known = parts.get(key);
    if (known === undefined) parts.set(key, { key, who, within: ask.within, span: ask.span, asks: [ask] });
    else known.asks.push(ask);
  }
  return [...parts.values()];
}

function whoOf(within: Within): string {
  if (within.by === 'Pod') return `${within.scope.namespace}/${within.scope.replicaSets.join(',')}`;
  return within.by === 'Label' ? `${within.value} ${within.except ?? ''}` : '';
}

function isSimple(within: Within): boolean {
  if (within.by !== 'Label') return true;
  const { value, except } = within;
  return wholeMatcher(value) !== undefined && (except === undefined || wholeMatcher(except) !== undefined);
}
