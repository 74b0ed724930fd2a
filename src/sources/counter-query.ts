import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import type { Matcher, Selector } from '#core/gate.ts';
import { parsePromql } from './promql.ts';

/** One counter, as a query of other tools names it. */
export interface CounterQuery {
  selector: Selector;
  /** How the query made a speed of it. Left out: the bare counter. */
  over?: { by: 'rate' | 'increase'; window: string };
  /** What the query keeps apart, in its own words: `by (service)`. Left out: everything is summed. */
  apart?: string;
  /** It says itself that a missing series is 0: `or vector(0)`. */
  orZero?: true;
}

/** What a query comes down to, where it comes down to counters. */
export type CounterExpression =
  | { is: 'Counter'; counter: CounterQuery }
  | { is: 'Difference'; from: CounterQuery; less: CounterQuery }
  | { is: 'Quantile'; quantile: number; counter: CounterQuery };

/**
 * Reads a query that is one counter, one counter less another, or a quantile of a histogram. Everything else is
 * answered with a text: what stands in the way, and what to write instead.
 */
export function readCounters(given: string): CounterExpression | string {
  const parsed = parsePromql(given);
  if (!parsed.ok) return parsed.message === 'is empty' ? 'is empty' : `${parsed.message} (${placeOf(parsed)})`;
  const text = withoutComments(given);
  const node = bare(parser.parse(text).topNode.firstChild);
  if (node === null) return 'is empty';
  if (node.name === 'FunctionCall' && slice(node.firstChild, text) === 'histogram_quantile')
    return quantile(node, text);
  if (node.name === 'BinaryExpr' && operatorOf(node)?.name === 'Sub') {
    const from = counter(node.firstChild, text);
    const less = counter(node.lastChild, text);
    if (typeof from === 'string') return from;
    return typeof less === 'string' ? less : { is: 'Difference', from, less };
  }
  const read = counter(node, text);
  return typeof read === 'string' ? read : { is: 'Counter', counter: read };
}

/** Comments may stand between any two words; blanks in their place spare everybody else the thought. */
function withoutComments(text: string): string {
  let result = text;
  const cursor = parser.parse(text).cursor();
  do {
    if (cursor.name !== 'LineComment') continue;
    result = result.slice(0, cursor.from) + ' '.repeat(cursor.to - cursor.from) + result.slice(cursor.to);
  } while (cursor.next());
  return result;
}

function placeOf({ line, column }: { line: number; column: number }): string {
  return `line ${line}, column ${column}`;
}

function quantile(call: SyntaxNode, text: string): CounterExpression | string {
  const [share, buckets, ...more] = argumentsOf(call);
  const value = Number(slice(share, text));
  if (share === undefined || buckets === undefined || more.length > 0 || !(value > 0 && value < 1)) {
    return 'histogram_quantile() must have a quantile between 0 and 1 and one histogram';
  }
  const read = counter(buckets, text);
  return typeof read === 'string' ? read : { is: 'Quantile', quantile: value, counter: read };
}

/** A counter, or what stands in the way of one. */
function counter(given: SyntaxNode | null | undefined, text: string): CounterQuery | string {
  const node = bare(given);
  if (node === null) return 'is empty';
  switch (node.name) {
    case 'VectorSelector': {
      const selector = selectorOf(node, text);
      return typeof selector === 'string' ? selector : { selector };
    }
    case 'FunctionCall':
      return speed(node, text);
    case 'AggregateExpr':
      return sum(node, text);
    case 'BinaryExpr':
      return orZero(node, text);
    default:
      return refusals[node.name] ?? `${slice(node, text)} is no counter: give a counter in rate() or increase()`;
  }
}

const refusals: Record<string, string> = {
  OffsetExpr: 'take the offset out: evidence is counted as it comes',
  StepInvariantExpr: 'take the @ out: evidence is counted as it comes',
  AnchoredExpr: 'take "anchored" out: increments are counted exactly anyway',
  SmoothedExpr: 'take "smoothed" out: increments are counted exactly anyway',
  SubqueryExpr: 'a subquery samples an expression and counts no events: give the counter that counts them',
  MatrixSelector: 'a range alone has no value: wrap it in rate() or increase()',
  UnaryExpr: 'a signed counter counts no events: take the sign out',
};

function speed(call: SyntaxNode, text: string): CounterQuery | string {
  const name = slice(call.firstChild, text);
  if (name === 'irate') return 'irate() looks at two samples alone: write rate()';
  if (name !== 'rate' && name !== 'increase') {
    return `${name}() gives no count of events: only rate() or increase() of one counter does`;
  }
  const range = bare(argumentsOf(call)[0]);
  if (range === null) return `${name}() must have one counter with a range`;
  const inner = range.name === 'MatrixSelector' ? bare(range.firstChild) : null;
  if (inner?.name !== 'VectorSelector') {
    const problem = range.name === 'MatrixSelector' ? counter(inner, text) : refusals[range.name];
    return typeof problem === 'string' ? problem : `${name}() must have one counter with a range, such as [5m]`;
  }
  const selector = selectorOf(inner, text);
  if (typeof selector === 'string') return selector;
  return { selector, over: { by: name, window: slice(range.lastChild, text) }, apart: 'each series' };
}

function sum(node: SyntaxNode, text: string): CounterQuery | string {
  const name = slice(node.getChild('AggregateOp'), text);
  if (name !== 'sum') return `${name}() gives no count of events: only sum() of a counter does`;
  const read = counter(argumentsOf(node)[0], text);
  if (typeof read === 'string') return read;
  const { apart: _, ...rest } = read;
  const modifier = node.getChild('AggregateModifier');
  return modifier === null ? rest : { ...rest, apart: slice(modifier, text) };
}

function orZero(node: SyntaxNode, text: string): CounterQuery | string {
  const operator = operatorOf(node);
  const right = bare(node.lastChild);
  if (operator?.name === 'Or' && right?.name === 'FunctionCall' && isZero(right, text)) {
    const read = counter(node.firstChild, text);
    return typeof read === 'string' ? read : { ...read, orZero: true };
  }
  return operatorProblem(slice(operator, text).toLowerCase());
}

function isZero(call: SyntaxNode, text: string): boolean {
  const [value] = argumentsOf(call);
  return slice(call.firstChild, text) === 'vector' && value !== undefined && Number(slice(value, text)) === 0;
}

function operatorProblem(operator: string): string {
  if (operator === 'or') {
    return '"or" joins two queries: give one counter (a series that is not there yet counts as 0 by itself)';
  }
  if (operator === '+') {
    return '"+" adds counters: give one, such as one metric whose label says which, selected by a regular expression';
  }
  if (operator === '/') return '"/" makes a ratio: give the bad or good events and all events as counters of their own';
  if (operator === '-') return '"-" may only take the good events from all events: give the bad events as one counter';
  if (['*', '%', '^', 'atan2'].includes(operator)) return `"${operator}" changes counts: give the counter alone`;
  return `"${operator}" filters what was counted: select the series by matchers instead`;
}

function operatorOf(binary: SyntaxNode): SyntaxNode | null {
  return binary.firstChild?.nextSibling ?? null;
}

function argumentsOf(call: SyntaxNode): SyntaxNode[] {
  return childrenOf(call.getChild('FunctionCallBody'));
}

/** The node without parentheses around it. */
function bare(given: SyntaxNode | null | undefined): SyntaxNode | null {
  let node = given ?? null;
  while (node?.name === 'ParenExpr') node = node.firstChild;
  return node;
}

function selectorOf(node: SyntaxNode, text: string): Selector | string {
  const name = node.getChild('Identifier');
  const names = name === null ? [] : [slice(name, text)];
  const matchers: Matcher[] = [];
  for (const part of childrenOf(node.getChild('LabelMatchers'))) {
    const matcher = matcherOf(part, text);
    if (typeof matcher === 'string') return matcher;
    // A name in quotes alone, or as the label __name__, is the name of the metric.
    if (matcher.op === '=' && matcher.label === '__name__') names.push(matcher.value);
    else matchers.push(matcher);
  }
  const [metric] = names;
  return metric === undefined
    ? `${slice(node, text)} names no metric: write its name before the braces`
    : { metric, matchers };
}

function matcherOf(part: SyntaxNode, text: string): Matcher | string {
  const [first, op, value] = childrenOf(part);
  const named = part.name === 'QuotedLabelName';
  const label = first?.name === 'LabelName' ? slice(first, text) : unquote(slice(first, text));
  const given = named ? label : unquote(slice(value, text));
  if (label === undefined || given === undefined) return `${slice(part, text)} has an escape that PromQL does not know`;
  return named
    ? { label: '__name__', op: '=', value: given }
    : { label, op: slice(op, text) as Matcher['op'], value: given };
}

function childrenOf(node: SyntaxNode | null): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function slice(node: SyntaxNode | null | undefined, text: string): string {
  return node === null || node === undefined ? '' : text.slice(node.from, node.to);
}

const ESCAPE = /\\(?:([abfnrtv\\"'])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[\s\S]?)/g;
const plain: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** What a PromQL string literal means, with Go's escapes; undefined where Prometheus would refuse it. */
export function unquote(literal: string): string | undefined {
  const quote = literal[0];
  if (literal.length < 2 || quote === undefined || !'"\'`'.includes(quote) || !literal.endsWith(quote))
    return undefined;
  const body = literal.slice(1, -1);
  if (quote === '`') return body;
  let sound = true;
  const meant = body.replace(ESCAPE, (_, letter?: string, hex?: string, octal?: string, u?: string, big?: string) => {
    if (letter !== undefined) return plain[letter] ?? letter;
    const code = Number.parseInt(hex ?? octal ?? u ?? big ?? '', octal === undefined ? 16 : 8);
    if (Number.isNaN(code) || code > 0x10ffff) sound = false;
    return sound ? String.fromCodePoint(code) : '';
  });
  return sound ? meant : undefined;
}
