import { parser } from '@prometheus-io/lezer-promql';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Matcher, Selector } from '#core/gate.ts';
import {
  countQuery,
  escapeRegex,
  parsePromql,
  quoteLabel,
  type Scope,
  selectorText,
  validateSelector,
} from '#sources/promql.ts';

const scope: Scope = { namespace: 'shop', replicaSets: ['checkout-6f', 'checkout-7b'] };
const requests: Selector = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] };
const pinned = 'namespace="shop",pod=~"checkout-6f-.*|checkout-7b-.*"';

test.each([
  {
    name: 'count',
    because: 'counters are summed within one process only',
    query: countQuery(requests, scope),
    want: `sum by (namespace, pod, container, instance) (http_requests_total{${pinned},code=~"5.."})`,
  },
  {
    name: 'names with dots',
    because: 'a dot in a name is a dot, not any character',
    query: countQuery({ metric: 'm', matchers: [] }, { namespace: 'shop', replicaSets: ['check.out-6f'] }),
    want: 'sum by (namespace, pod, container, instance) (m{namespace="shop",pod=~"check\\\\.out-6f-.*"})',
  },
])('$name query: $because', ({ query, want }) => {
  expect(query).toBe(want);
  expect(parsePromql(query)).toEqual({ ok: true });
});

const matcher: fc.Arbitrary<Matcher> = fc.record({
  label: fc.constantFrom('code', 'route', '_x', 'A1'),
  op: fc.constantFrom('=' as const, '!=' as const, '=~' as const, '!~' as const),
  value: fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '}', '{', ',', "'", '`', '#', 'é', '😀', '\t', '|') }),
});

describe('laws', () => {
  test('whatever the values are, the query parses and the namespace stays ours', () => {
    fc.assert(
      fc.property(fc.array(matcher, { maxLength: 4 }), (matchers) => {
        const text = selectorText({ metric: 'm', matchers }, scope);
        expect(parsePromql(text)).toEqual({ ok: true });
        // kills: quoting without the backslash, which lets a value close the string and add matchers
        expect(matchersOf(text)).toEqual([
          { label: 'namespace', value: '"shop"' },
          { label: 'pod', value: '"checkout-6f-.*|checkout-7b-.*"' },
          ...matchers.map(({ label, value }) => ({ label, value: quoteLabel(value) })),
        ]);
      }),
    );
  });

  test('a quoted value reads back as itself', () => {
    fc.assert(
      fc.property(fc.string(), (raw) => {
        const value = raw.replace(controls, '\n');
        expect(JSON.parse(quoteLabel(value))).toBe(value);
      }),
    );
  });

  test('an escaped text matches itself alone', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const regex = new RegExp(`^(?:${escapeRegex(text)})$`);
        expect(regex.test(text)).toBe(true);
        expect(regex.test(other)).toBe(other === text);
      }),
    );
  });
});

// JSON refuses raw control characters in a string; PromQL refuses the newline only, and that one is escaped.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters are the point
const controls = /[\u0000-\u001f]/g;

function matchersOf(text: string): { label: string; value: string }[] {
  const found: { label: string; value: string }[] = [];
  let label = '';
  parser.parse(text).iterate({
    enter({ name, from, to }) {
      if (name === 'LabelName') label = text.slice(from, to);
      if (name === 'StringLiteral') found.push({ label, value: text.slice(from, to) });
    },
  });
  return found;
}

test.each([
  { query: 'sum(rate(a[5m])) / sum(rate(b[5m]))', want: { ok: true } },
  { query: '', want: { ok: false, line: 1, column: 1, message: 'is empty' } },
  { query: 'sum(a', want: { ok: false, line: 1, column: 6, message: 'does not parse: it ends too early' } },
  { query: 'a +\n  b c', want: { ok: false, line: 2, column: 5, message: 'does not parse: unexpected "c"' } },
  { query: 'a{b="c}', want: { ok: false, line: 1, column: 8, message: 'does not parse: it ends too early' } },
  { query: 'nosuch(a)', want: { ok: false, line: 1, column: 7, message: 'does not parse: unexpected "(a)"' } },
  { query: 'a{b="{{.window}}"}', want: { ok: true } },
  {
    query: 'rate(a[{{.window}}])',
    want: { ok: false, line: 1, column: 8, message: 'does not parse: unexpected "{{.window}}])"' },
  },
])('parse $query', ({ query, want }) => {
  expect(parsePromql(query)).toEqual(want);
});

test('a query without end is refused, not parsed', () => {
  expect(parsePromql('a'.repeat(20_000))).toMatchObject({ ok: false, message: 'is longer than 16384 characters' });
});

test.each([
  { name: 'a good one', selector: requests, want: [] },
  {
    name: 'namespace',
    selector: { metric: 'm', matchers: [{ label: 'namespace', op: '=', value: 'other' }] },
    want: [
      {
        field: 'spec.total.matchers[0].label',
        message: "namespace is set by Headgate to the release's own namespace; remove this matcher",
      },
    ],
  },
  {
    name: 'pod',
    selector: {
      metric: 'm',
      matchers: [
        { label: 'a', op: '=', value: '' },
        { label: 'pod', op: '=~', value: '.*' },
      ],
    },
    want: [
      {
        field: 'spec.total.matchers[1].label',
        message: "pod is set by Headgate to the release's own pod; remove this matcher",
      },
    ],
  },
  {
    name: 'a name in braces',
    selector: { metric: 'm', matchers: [{ label: '__name__', op: '=', value: 'up' }] },
    want: [{ field: 'spec.total.matchers[0].label', message: 'write the name into metric instead of __name__' }],
  },
  {
    name: 'an expression as metric',
    selector: { metric: 'rate(m[5m])', matchers: [] },
    want: [
      { field: 'spec.total.metric', message: '"rate(m[5m])" is not a metric name; write e.g. http_requests_total' },
    ],
  },
  {
    name: 'an injected label',
    selector: { metric: 'm', matchers: [{ label: 'a="",b', op: '=', value: '' }] },
    want: [{ field: 'spec.total.matchers[0].label', message: '"a=\\"\\",b" is not a label name' }],
  },
  {
    name: 'an unknown operator',
    selector: { metric: 'm', matchers: [{ label: 'a', op: '==' as '=', value: '' }] },
    want: [{ field: 'spec.total.matchers[0].op', message: 'must be one of = != =~ !~' }],
  },
] satisfies { name: string; selector: Selector; want: unknown[] }[])('selector: $name', ({ selector, want }) => {
  expect(validateSelector(selector, 'spec.total')).toEqual(want);
});
