import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Selector } from '#core/gate.ts';
import { type CounterExpression, readCounters, unquote } from '#sources/counter-query.ts';
import { quoteLabel } from '#sources/promql.ts';

const m: Selector = { metric: 'm', matchers: [] };
const rate = { by: 'rate', window: '5m' } as const;

test.each<{ name: string; query: string; want: CounterExpression }>([
  { name: 'a bare counter', query: 'm', want: { is: 'Counter', counter: { selector: m } } },
  { name: 'a rate', query: 'sum(rate(m[5m]))', want: { is: 'Counter', counter: { selector: m, over: rate } } },
  {
    name: 'an increase',
    query: '((sum((increase((m[1h30m]))))))',
    want: { is: 'Counter', counter: { selector: m, over: { by: 'increase', window: '1h30m' } } },
  },
  {
    name: 'a sum that keeps a label',
    query: 'sum(rate(m[5m])) by (job)',
    want: { is: 'Counter', counter: { selector: m, over: rate, apart: 'by (job)' } },
  },
  {
    name: 'a sum of a sum that kept a label',
    query: 'sum(sum by (job) (rate(m[5m])))',
    want: { is: 'Counter', counter: { selector: m, over: rate } },
  },
  {
    name: 'no sum',
    query: 'rate(m[5m])',
    want: { is: 'Counter', counter: { selector: m, over: rate, apart: 'each series' } },
  },
  {
    name: 'a zero of its own',
    query: 'sum(rate(m[5m])) OR on() vector(0)',
    want: { is: 'Counter', counter: { selector: m, over: rate, orZero: true } },
  },
  {
    name: 'comments and all kinds of quotes',
    query: `# all\nm{a="1", # one\nb!='2',c=~\`\\d\`,"d"!~"\\\\d",}`,
    want: {
      is: 'Counter',
      counter: {
        selector: {
          metric: 'm',
          matchers: [
            { label: 'a', op: '=', value: '1' },
            { label: 'b', op: '!=', value: '2' },
            { label: 'c', op: '=~', value: '\\d' },
            { label: 'd', op: '!~', value: '\\d' },
          ],
        },
      },
    },
  },
  { name: 'a name as a label', query: '{__name__="m"}', want: { is: 'Counter', counter: { selector: m } } },
  { name: 'a name in quotes', query: '{"m"}', want: { is: 'Counter', counter: { selector: m } } },
  {
    name: 'a difference',
    query: 'sum(rate(m[5m])) - (sum(rate(n[5m])) or vector(0))',
    want: {
      is: 'Difference',
      from: { selector: m, over: rate },
      less: { selector: { metric: 'n', matchers: [] }, over: rate, orZero: true },
    },
  },
  {
    name: 'a quantile',
    query: 'histogram_quantile(0.99, sum by (le) (rate(m[5m])))',
    want: { is: 'Quantile', quantile: 0.99, counter: { selector: m, over: rate, apart: 'by (le)' } },
  },
])('$name', ({ query, want }) => expect(readCounters(query)).toEqual(want));

test.each([
  { query: 'a or b', says: '"or" joins two queries' },
  { query: 'a or vector(1)', says: '"or" joins two queries' },
  { query: 'a + b', says: '"+" adds counters' },
  { query: 'a - b - c', says: '"-" may only take the good events from all events' },
  { query: 'a / b', says: '"/" makes a ratio' },
  { query: 'a * 2', says: '"*" changes counts' },
  { query: 'a > 1', says: '">" filters what was counted' },
  { query: 'a unless b', says: '"unless" filters what was counted' },
  { query: '-a', says: 'take the sign out' },
  { query: 'a offset 5m', says: 'take the offset out' },
  { query: 'rate(a[5m] offset 5m)', says: 'take the offset out' },
  { query: 'sum(rate(a[5m])) @ end()', says: 'take the @ out' },
  { query: 'a[5m]', says: 'wrap it in rate()' },
  { query: 'rate(a[1h:5m])', says: 'a subquery samples an expression' },
  { query: 'rate(sum(a)[5m:])', says: 'a subquery samples an expression' },
  { query: 'irate(a[5m])', says: 'write rate()' },
  { query: 'delta(a[5m])', says: 'delta() gives no count of events' },
  { query: 'avg(rate(a[5m]))', says: 'avg() gives no count of events' },
  { query: 'topk(1, a)', says: 'topk() gives no count of events' },
  { query: '1', says: '1 is no counter' },
  { query: '"a"', says: '"a" is no counter' },
  { query: '{job="a"}', says: 'names no metric' },
  { query: 'a{b="\\d"}', says: 'has an escape that PromQL does not know' },
  { query: 'histogram_quantile(2, a)', says: 'must have a quantile between 0 and 1' },
  { query: '', says: 'is empty' },
  { query: 'sum(', says: 'does not parse: it ends too early (line 1, column 5)' },
  { query: '('.repeat(20_000), says: 'is longer than' },
])('$query is no counter', ({ query, says }) => expect(readCounters(query)).toContain(says));

describe('what a selector says is what is read', () => {
  const word = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
  const label = word.filter((text) => text !== '__name__');
  const selector: fc.Arbitrary<Selector> = fc.record({
    metric: word.map((text) => `x${text}`),
    matchers: fc.array(
      fc.record({
        label,
        op: fc.constantFrom('=', '!=', '=~', '!~'),
        value: fc.string({ unit: 'grapheme' }),
      }),
      { maxLength: 4 },
    ),
  });

  // kills: an escape taken literally, a matcher dropped, `!=` read as `=`
  test('in every function and sum', () => {
    fc.assert(
      fc.property(selector, fc.constantFrom('$', 'rate($[5m])', 'sum by (a) (increase($[1h]))'), (given, around) => {
        const matchers = given.matchers.map(({ label: of, op, value }) => `${of}${op}${quoteLabel(value)}`);
        const query = around.replace('$', () => `${given.metric}{${matchers.join(',')}}`);
        expect(readCounters(query)).toMatchObject({ is: 'Counter', counter: { selector: given } });
      }),
    );
  });
});

test.each([
  { literal: '"a\\"b"', want: 'a"b' },
  { literal: "'a\\n'", want: 'a\n' },
  { literal: '`a\\n`', want: 'a\\n' },
  { literal: '"\\x41\\101\\u0041\\U0001F600"', want: 'AAA😀' },
  { literal: '"\\d"', want: undefined },
  { literal: '"\\U7FFFFFFF"', want: undefined },
  { literal: '"a', want: undefined },
  { literal: 'a', want: undefined },
])('$literal', ({ literal, want }) => expect(unquote(literal)).toBe(want));
