import type { Matcher, Selector } from '#core/gate.ts';
import { type CounterExpression, type CounterQuery, readCounters } from '#sources/counter-query.ts';
import { type Field, isThere, note, refuse, settle } from './field.ts';
import { latencyOf, withBothBounds } from './latency.ts';

/** The SLI of one of our objectives, as it stands in its spec. */
export type Sli =
  | { events: { total: SeriesText; bad?: SeriesText; good?: SeriesText } }
  | { latency: { histogram: SeriesText; threshold: string; form?: 'Native' } };

/** A selector as people write it: `=` goes without saying, and so does the lack of matchers. */
export interface SeriesText {
  metric: string;
  matchers?: { label: string; op?: string; value: string }[];
}

/** A counter with the field that it was read from. */
export interface Counted {
  field: Field;
  query: CounterQuery;
}

/** A query that comes down to counters, read; undefined once it was refused. */
export function readExpression(field: Field): CounterExpression | undefined {
  if (!isThere(field)) return refuse(field, 'is missing: give a PromQL query');
  const read = expressionIn(field);
  return typeof read === 'string' ? refuse(field, read) : read;
}

/** What the query of a field comes down to, or what stands in the way. */
export function expressionIn(field: Field): CounterExpression | string {
  const { value } = field;
  if (typeof value !== 'string') return 'must be a PromQL query';
  settle(field);
  const filled = value.replace(WINDOW, fillWindow);
  const left = /\{\{.*?\}\}/.exec(filled);
  if (left !== null) return `${left[0]} is filled in by a template: write the value that it stands for`;
  return readCounters(filled);
}

const WINDOW = /\{\{-?\s*\.window\s*-?\}\}/g;
/** Stands for the window of a template while the query is parsed. */
const ANY_WINDOW = '5m';

/** As long as the template, so that places in messages stay those of the text. */
function fillWindow(template: string): string {
  return ANY_WINDOW.padEnd(template.length);
}

/** Is the window of this query filled in by the tool that it was written for? */
function isTemplated({ value }: Field): boolean {
  return typeof value === 'string' && value.search(WINDOW) >= 0;
}

/** Notes what of a counter's query has no place: its window, what it keeps apart, a zero of its own. */
export function noteShape({ field, query }: Counted): void {
  const { metric } = query.selector;
  if (EDGE.test(metric)) {
    note(
      field,
      'Loss',
      `${metric} is counted by pods of a gateway, not of a release: give sli.builtin with that gateway`,
    );
  }
  if (query.over !== undefined && !isTemplated(field)) {
    note(field, 'Remark', `[${query.over.window}]: increments are counted as they come, over no range`);
  }
  if (query.orZero === true) {
    note(field, 'Remark', '"or vector(0)": a series that is not there yet counts as 0 by itself');
  }
  if (query.apart !== undefined) {
    const apart = query.apart === 'each series' ? 'each series by itself' : query.apart;
    note(field, 'Loss', `${apart}: an objective is one sum; select what matters by matchers`);
  }
}

/** Counters that gateways keep about all that is behind them. */
const EDGE = /^(traefik_(entrypoint|router|service)|envoy_(cluster|http)|nginx_ingress_controller|haproxy)_/;

/** Two counters can only be one ratio when both were made a speed in the same way. */
export function fitTogether(one: Counted, other: Counted): boolean {
  const [mine, theirs] = [one.query.over, other.query.over];
  if (mine?.by === theirs?.by && mine?.window === theirs?.window) return true;
  refuse(one.field, `is ${sayOver(mine)} while ${other.field.path} is ${sayOver(theirs)}: write both alike`);
  return false;
}

function sayOver(over: CounterQuery['over']): string {
  return over === undefined ? 'the bare counter' : `${over.by}() over ${over.window}`;
}

/** Namespace of the objective: what was asked for, or the one that every selector names. */
export function namespaceIn(counted: readonly Counted[]): string | undefined {
  const named = counted.map(({ query }) => query.selector.matchers.find(isNamespace)?.value);
  const [first] = named;
  return first !== undefined && named.every((value) => value === first) ? first : undefined;
}

function isNamespace({ label, op, value }: Matcher): boolean {
  return label === 'namespace' && op === '=' && value !== '';
}

/** The selector without the labels that Headgate sets itself to what a release is made of. */
export function withoutForced({ field, query }: Counted, namespace: string | undefined): Selector {
  const { metric, matchers } = query.selector;
  for (const matcher of matchers) {
    const text = `${matcher.label}${matcher.op}${JSON.stringify(matcher.value)}`;
    if (matcher.label === 'pod') {
      note(field, 'Remark', `${text}: a release is judged by its own pods`);
    } else if (matcher.label === 'namespace' && agrees(matcher, namespace)) {
      note(field, 'Remark', `${text}: a release is judged in its own namespace`);
    } else if (matcher.label === 'namespace') {
      const hint = isNamespace(matcher) ? `: import it with -n ${matcher.value}` : '';
      note(field, 'Loss', `${text} names others than the objective's own namespace, ${namespace}${hint}`);
    }
  }
  return { metric, matchers: matchers.filter(({ label }) => label !== 'pod' && label !== 'namespace') };
}

/** Would the matcher let the objective's own namespace through? */
function agrees({ op, value }: Matcher, namespace: string | undefined): boolean {
  if (namespace === undefined) return op === '=' || value === '' || value === '.+' || value === '.*';
  if (op === '=' || op === '!=') return (value === namespace) === (op === '=');
  try {
    return new RegExp(`^(?:${value})$`, 'u').test(namespace) === (op === '=~');
  } catch {
    return false; // RE2 that JavaScript cannot read: say it rather than guess
  }
}

/** Bad or good events of all events: a latency where the three are the buckets of one histogram. */
export function sliOf(
  { total, bad, good }: { total: Counted; bad?: Counted; good?: Counted },
  namespace: string | undefined,
): Sli {
  for (const counted of [total, bad, good]) if (counted !== undefined) noteShape(counted);
  const all = withoutForced(total, namespace);
  const part = good ?? bad;
  const some = part === undefined ? all : withoutForced(part, namespace);
  const latency = good === undefined ? undefined : latencyOf(some, all);
  if (latency !== undefined) {
    return { latency: { histogram: seriesText(latency.histogram), threshold: latency.threshold } };
  }
  const [whole, share] = [all, some].map((selector) => seriesText(withBothBounds(selector)));
  if (whole === undefined || share === undefined) throw new Error('two selectors went in');
  return { events: good === undefined ? { total: whole, bad: share } : { total: whole, good: share } };
}

export function seriesText({ metric, matchers }: Selector): SeriesText {
  if (matchers.length === 0) return { metric };
  return {
    metric,
    matchers: matchers.map(({ label, op, value }) => (op === '=' ? { label, value } : { label, op, value })),
  };
}
