import { parser } from '@prometheus-io/lezer-promql';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePromql } from '#sources/promql.ts';
import { forceNamespace } from '#sources/promql-namespace.ts';

test.each([
  { query: 'a', want: 'a{namespace="shop"}', because: 'a bare name' },
  { query: 'a{}', want: 'a{namespace="shop"}', because: 'empty braces' },
  { query: 'a{b="c",}', want: 'a{namespace="shop",b="c",}', because: 'a trailing comma is allowed' },
  { query: '{__name__=~"a.*"}', want: '{namespace="shop",__name__=~"a.*"}', because: 'a name by pattern' },
  { query: '{"my.metric", b="c"}', want: '{namespace="shop","my.metric", b="c"}', because: 'a quoted name' },
  { query: 'a{namespace="shop"}', want: 'a{namespace="shop"}', because: 'it says so already' },
  { query: "a{'namespace'='shop',b='c'}", want: `a{namespace="shop",b='c'}`, because: 'in other quotes' },
  { query: 'rate(a[5m] offset 1w)', want: 'rate(a{namespace="shop"}[5m] offset 1w)', because: 'ranges and offsets' },
  {
    query: 'a @ end() / on(pod) group_left b',
    want: 'a{namespace="shop"} @ end() / on(pod) group_left b{namespace="shop"}',
    because: 'both sides',
  },
  {
    query: 'max_over_time(sum by (pod) (rate(a[1m]))[1h:1m])',
    want: 'max_over_time(sum by (pod) (rate(a{namespace="shop"}[1m]))[1h:1m])',
    because: 'subqueries',
  },
  {
    query: 'absent(a) or vector(0)',
    want: 'absent(a{namespace="shop"}) or vector(0)',
    because: 'what reads nothing stays',
  },
  { query: 'sum(sum)', want: 'sum(sum{namespace="shop"})', because: 'a metric may be called like an aggregation' },
  { query: 'a # b\n + c', want: 'a{namespace="shop"} \n + c{namespace="shop"}', because: 'comments go' },
  {
    query: 'a{b="{namespace=\\"x\\"}"}',
    want: 'a{namespace="shop",b="{namespace=\\"x\\"}"}',
    because: 'a value is only a value',
  },
])('$query: $because', ({ query, want }) => {
  expect(forceNamespace(query, 'shop')).toEqual({ ok: true, promql: want });
});

test.each([
  { query: 'a{namespace="other"}', column: 3, text: 'names another namespace' },
  { query: 'a + b{namespace=~"shop"}', column: 7, text: 'may read shop only' },
  { query: 'a{namespace!="x"}', column: 3, text: 'remove the matcher' },
  { query: 'a{"namespace"="other"}', column: 3, text: 'names another namespace' },
  { query: 'a{"\\u006eamespace"="other"}', column: 3, text: 'without an escape' },
  { query: 'info(a)', column: 1, text: 'info()' },
  { query: 'a # b\r or secret', column: 6, text: 'control character' },
  { query: 'sum(a', column: 6, text: 'does not parse' },
  { query: '', column: 1, text: 'is empty' },
])('$query is refused', ({ query, column, text }) => {
  const forced = forceNamespace(query, 'shop');
  expect(forced).toMatchObject({ ok: false, line: 1, column });
  expect(forced.ok ? '' : forced.message).toContain(text);
});

test('the place of a refusal is counted in lines', () => {
  expect(forceNamespace('a +\n  b{namespace="x"}', 'shop')).toMatchObject({ ok: false, line: 2, column: 5 });
});

const value = fc
  .string({ unit: fc.constantFrom('a', '\\\\', '\\"', '}', '{', ',', '=', '#', '(', ' ', "'", '`', 'é'), maxLength: 6 })
  .map((text) => `"${text}"`);
const label = fc.constantFrom('b', 'pod', '_x', '"quoted.label"', 'exported_namespace');
const matcher = fc.tuple(label, fc.constantFrom('=', '!=', '=~', '!~'), value).map((parts) => parts.join(''));
const braces = fc.array(matcher, { maxLength: 3 }).map((all) => `{${all.join(' , ')}}`);
const named = fc.constantFrom(
  '{__name__="a"}',
  '{__name__=~"a|b"}',
  '{"a.b"}',
  '{ "a" , b="c" }',
  'a',
  'sum',
  'by',
  'a:b',
);
const selector = fc.oneof(
  named,
  fc.tuple(fc.constantFrom('a', 'http_requests_total', 'offset_x'), braces).map((parts) => parts.join(' ')),
);

const { expression } = fc.letrec<{ expression: string; vector: string }>((tie) => ({
  vector: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    selector,
    fc
      .tuple(
        fc.constantFrom('rate', 'increase'),
        selector,
        fc.constantFrom('[5m]', '[1h:1m]', '[5m] offset 1w', '[5m] @ 10'),
      )
      .map(([name, inner, range]) => `${name}(${inner}${range})`),
    tie('vector').map((inner) => `sum by (pod, namespace) (${inner})`),
    tie('vector').map((inner) => `topk(3, ${inner})`),
    tie('vector').map((inner) => `-(${inner})`),
    tie('vector').map((inner) => `max_over_time((${inner})[1h:1m])`),
    tie('vector').map((inner) => `(${inner} offset 5m)`),
    tie('vector').map((inner) => `histogram_quantile(0.9, ${inner})`),
    tie('vector').map((inner) => `label_replace(${inner}, "namespace", "other", "", "")`),
    fc
      .tuple(tie('vector'), fc.constantFrom('+', '/ on (pod) group_left (x)', 'or', 'unless', '> bool'), tie('vector'))
      .map((parts) => parts.join(' ')),
    tie('vector').map((inner) => `(${inner}) # namespace="x"\n`),
  ),
  expression: fc.oneof(
    tie('vector'),
    tie('vector').map((inner) => `(${inner}) * 2`),
    fc.constant('vector(1)'),
    fc.constant('time()'),
  ),
}));

/** The matchers on the namespace of each selector, read from the tree. */
function namespacesOf(text: string): string[][] {
  const found: string[][] = [];
  parser.parse(text).iterate({
    enter({ node }) {
      if (node.name !== 'VectorSelector') return;
      const own: string[] = [];
      for (let child = node.getChild('LabelMatchers')?.firstChild ?? null; child !== null; child = child.nextSibling) {
        const name = child.firstChild;
        if (name !== null && text.slice(name.from, name.to) === 'namespace') own.push(text.slice(child.from, child.to));
      }
      found.push(own);
    },
  });
  return found;
}

describe('laws', () => {
  test('every selector of the result carries exactly the namespace, and the text still parses', () => {
    fc.assert(
      fc.property(expression, (query) => {
        fc.pre(parsePromql(query).ok);
        const forced = forceNamespace(query, 'shop');
        if (!forced.ok) throw new Error(`${query}: ${forced.message}`);
        expect(parsePromql(forced.promql)).toEqual({ ok: true });
        const before = namespacesOf(query).length;
        // kills: selectors inside subqueries, aggregations or braces only that are passed by
        expect(namespacesOf(forced.promql)).toEqual(Array.from({ length: before }, () => ['namespace="shop"']));
        expect(forceNamespace(forced.promql, 'shop')).toEqual(forced);
      }),
      { numRuns: 500 },
    );
  });

  test('whatever the text is, the answer is a query of this namespace or a place and a reason', () => {
    const noise = fc.string({
      unit: fc.constantFrom(
        'a',
        '{',
        '}',
        '"',
        'namespace',
        '=',
        'x',
        ',',
        '(',
        ')',
        '#',
        '\n',
        '\r',
        '[5m]',
        ' ',
        '\\',
      ),
      maxLength: 20,
    });
    fc.assert(
      fc.property(noise, (query) => {
        const forced = forceNamespace(query, 'shop');
        if (!forced.ok) expect(forced.line * forced.column).toBeGreaterThan(0);
        else
          expect(new Set(namespacesOf(forced.promql).flat())).toEqual(
            new Set(namespacesOf(forced.promql).length === 0 ? [] : ['namespace="shop"']),
          );
      }),
      { numRuns: 2000 },
    );
  });
});
