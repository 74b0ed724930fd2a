import { parser } from '@prometheus-io/lezer-promql';
import type { Matcher, Selector } from '#core/gate.ts';
import type { Problem } from '#core/seen.ts';

/** Which series of a metric a release may look at: the pods of its two ReplicaSets, in its own namespace. */
export interface Scope {
  namespace: string;
  /** Names of the ReplicaSets: their pods are called `<name>-<suffix>`. At least one. */
  replicaSets: string[];
}

/** Labels that we set ourselves: a selector that pins them would look at somebody else's pods, or at none. */
const FORCED = ['namespace', 'pod'];
const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const OPERATORS = ['=', '!=', '=~', '!~'];

/** Counters are only ever summed within one process; every label that tells processes apart stays. */
const PROCESS = '(namespace, pod, container, instance)';

/** What a person must change in a selector, by field; empty when it can be used. `field` is the selector's path. */
export function validateSelector(selector: Selector, field: string): Problem[] {
  const problems: Problem[] = [];
  if (!METRIC.test(selector.metric)) {
    const message = `${JSON.stringify(selector.metric)} is not a metric name; write e.g. http_requests_total`;
    problems.push({ field: `${field}.metric`, message });
  }
  for (const [index, matcher] of selector.matchers.entries()) {
    const message = matcherProblem(matcher);
    if (message !== undefined) problems.push({ field: `${field}.matchers[${index}].${message.at}`, ...message });
  }
  return problems.map(({ field: at, message }) => ({ field: at, message }));
}

function matcherProblem({ label, op }: Matcher): { at: 'label' | 'op'; message: string } | undefined {
  if (FORCED.includes(label)) {
    const message = `${label} is set by Headgate to the release's own ${label}; remove this matcher`;
    return { at: 'label', message };
  }
  if (label === '__name__') return { at: 'label', message: 'write the name into metric instead of __name__' };
  if (!LABEL.test(label)) return { at: 'label', message: `${JSON.stringify(label)} is not a label name` };
  if (!OPERATORS.includes(op)) return { at: 'op', message: `must be one of ${OPERATORS.join(' ')}` };
  return undefined;
}

/** The raw counter of each process in scope, as one number: `sum by (…) (metric{…})`. */
export function countQuery(selector: Selector, scope: Scope): string {
  return `sum by ${PROCESS} (${selectorText(selector, scope)})`;
}

/** The selector in PromQL, with the namespace and the pods of `scope` forced in. */
export function selectorText(selector: Selector, scope: Scope): string {
  const pods = scope.replicaSets.map((name) => `${escapeRegex(name)}-.*`).join('|');
  const matchers: Matcher[] = [
    { label: 'namespace', op: '=', value: scope.namespace },
    { label: 'pod', op: '=~', value: pods },
    ...selector.matchers,
  ];
  return renderSelector({ metric: selector.metric, matchers });
}

/** The selector in PromQL, just as it is. */
export function renderSelector({ metric, matchers }: Selector): string {
  return `${metric}{${matchers.map(({ label, op, value }) => `${label}${op}${quoteLabel(value)}`).join(',')}}`;
}

/** A PromQL string literal that means exactly `value`. */
export function quoteLabel(value: string): string {
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}

/** An RE2 expression that matches exactly `text`. */
export function escapeRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

export type Parsed = { ok: true } | { ok: false; line: number; column: number; message: string };

/** Longest query that is parsed: longer text is refused, not worked on. */
const MAX_QUERY = 16_384;

/** Does `text` parse as one PromQL expression? The place of the first error otherwise, both counted from 1. */
export function parsePromql(text: string): Parsed {
  if (text.length > MAX_QUERY) return failure(text, MAX_QUERY, `is longer than ${MAX_QUERY} characters`);
  if (text.trim() === '') return failure(text, 0, 'is empty');
  const tree = parser.parse(text);
  const cursor = tree.cursor();
  do {
    if (cursor.type.isError) {
      const rest = text.slice(cursor.from).trimStart();
      const near = rest === '' ? 'it ends too early' : `unexpected ${JSON.stringify(rest.slice(0, 20))}`;
      return failure(text, cursor.from, `does not parse: ${near}`);
    }
  } while (cursor.next());
  return { ok: true };
}

function failure(text: string, offset: number, message: string): Parsed {
  const before = text.slice(0, offset).split('\n');
  return { ok: false, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}
