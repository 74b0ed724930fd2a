import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { type Parsed, parsePromql, quoteLabel } from './promql.ts';

/** A query that reads one namespace only, or the place of what stands against it, counted from 1. */
export type Forced = { ok: true; promql: string } | Extract<Parsed, { ok: false }>;

/**
 * Forces a namespace into every vector selector of a query that somebody wrote for their own namespace.
 *
 * Matchers of a selector all have to hold, so what is inserted cannot be undone by what stands beside it. A selector that
 * names another namespace is refused all the same: it would silently match nothing.
 */
export function forceNamespace(text: string, namespace: string): Forced {
  const problem = textProblem(text);
  if (problem !== undefined) return problem;
  const edits: Edit[] = [];
  const problems: { at: number; message: string }[] = [];
  parser.parse(text).iterate({
    enter({ node }) {
      if (node.name === 'Info') problems.push({ at: node.from, message: INFO });
      if (node.name === 'LineComment') edits.push({ from: node.from, to: node.to, text: '' });
      if (node.name !== 'VectorSelector') return;
      const wish = wishOf(node, { text, namespace });
      if ('message' in wish) problems.push(wish);
      else edits.push(...wish.edits);
    },
  });
  const [first] = problems;
  if (first !== undefined) return refusal(text, first);
  return { ok: true, promql: edited(text, edits) };
}

const INFO = 'info() reads series that no selector names; write the join with group_left instead';

interface Edit {
  from: number;
  to: number;
  text: string;
}

/**
 * Prometheus ends a comment at a carriage return, and this parser does not: what follows would be read by one of them
 * only. Nothing is lost by refusing the control characters, which no query needs.
 */
function textProblem(text: string): Forced | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are the point
  const control = text.search(/[\u0000-\u0008\u000b-\u001f\u007f]/);
  if (control !== -1)
    return refusal(text, { at: control, message: 'has a control character; use spaces and new lines' });
  const parsed = parsePromql(text);
  return parsed.ok ? undefined : parsed;
}

interface Wanted {
  text: string;
  namespace: string;
}

function wishOf(selector: SyntaxNode, wanted: Wanted): { edits: Edit[] } | { at: number; message: string } {
  const matcher = `namespace=${quoteLabel(wanted.namespace)}`;
  const braces = selector.getChild('LabelMatchers');
  if (braces === null) return { edits: [{ from: selector.to, to: selector.to, text: `{${matcher}}` }] };
  const own = matchersOf(braces);
  const edits: Edit[] = [];
  for (const one of own) {
    const problem = matcherProblem(one, wanted);
    if (problem === 'same') edits.push({ ...placeOf(one), text: matcher });
    else if (problem !== undefined) return { at: one.from, message: problem };
  }
  if (edits.length > 0) return { edits };
  const place = braces.from + 1;
  return { edits: [{ from: place, to: place, text: own.length === 0 ? matcher : `${matcher},` }] };
}

function placeOf({ from, to }: SyntaxNode): { from: number; to: number } {
  return { from, to };
}

function matchersOf(braces: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = braces.firstChild; child !== null; child = child.nextSibling) {
    if (['UnquotedLabelMatcher', 'QuotedLabelMatcher', 'QuotedLabelName'].includes(child.name)) found.push(child);
  }
  return found;
}

/** What is wrong with a matcher; `same` when it says what is forced anyway. */
function matcherProblem(matcher: SyntaxNode, { text, namespace }: Wanted): string | undefined {
  const cut = (node: SyntaxNode | null) => (node === null ? '' : text.slice(node.from, node.to));
  if (matcher.name === 'QuotedLabelName') return undefined;
  const name = cut(matcher.firstChild);
  if (name.includes('\\')) return `${name}: write the label without an escape`;
  if (name.replaceAll(/["'`]/g, '') !== 'namespace') return undefined;
  const value = meaningOf(cut(matcher.getChild('StringLiteral')));
  if (value === namespace && cut(matcher.getChild('MatchOp')) === '=') return 'same';
  return `${cut(matcher)} names another namespace; this query may read ${namespace} only: remove the matcher`;
}

/** What a string literal without escapes means; undefined for the others. */
function meaningOf(literal: string): string | undefined {
  return literal.includes('\\') ? undefined : literal.slice(1, -1);
}

function edited(text: string, edits: readonly Edit[]): string {
  let result = '';
  let at = 0;
  for (const { from, to, text: put } of [...edits].sort((a, b) => a.from - b.from)) {
    result += text.slice(at, from) + put;
    at = to;
  }
  return result + text.slice(at);
}

function refusal(text: string, { at, message }: { at: number; message: string }): Extract<Parsed, { ok: false }> {
  const before = text.slice(0, at).split('\n');
  return { ok: false, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}
