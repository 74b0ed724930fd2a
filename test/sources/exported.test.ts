import { expect, test } from 'vitest';
import type { Selector } from '#core/gate.ts';
import { edgeSelectors, renamings, storedAs, storedSelector } from '#sources/exported.ts';

const text = ({ matchers }: Selector) => matchers.map(({ label, op, value }) => `${label}${op}${value}`).join(' ');

test.each([
  { name: 'no label of a target', because: 'one way', labels: ['code', 'le'], want: [[]] },
  { name: 'one', because: 'its own, or pushed aside', labels: ['service', 'code'], want: [[], ['service']] },
  {
    name: 'two',
    because: 'a PodMonitor has a namespace and no service',
    labels: ['namespace', 'service', 'service'],
    want: [[], ['namespace'], ['service'], ['namespace', 'service']],
  },
])('$name: $because', ({ labels, want }) => {
  expect(renamings(labels).map((way) => [...way])).toEqual(want);
});

const selector: Selector = {
  metric: 'm',
  matchers: [
    { label: 'namespace', op: '=', value: 'shop' },
    { label: 'code', op: '!=', value: '499' },
  ],
};

test("a label of the series' own is not to be taken for the target's", () => {
  // kills: a namespace that the gateway itself runs in, and all that it serves with it
  expect(text(storedSelector(selector, new Set()))).toBe('namespace=shop exported_namespace= code!=499');
  expect(text(storedSelector(selector, new Set(['namespace'])))).toBe('exported_namespace=shop code!=499');
  expect(storedAs('canary', new Set())).toEqual({ label: 'canary', guards: [] });
});

test('every name that a series may have is one selector', () => {
  const arm = { label: 'service', value: 'web|web-2' };
  expect(edgeSelectors({ metric: 'm', matchers: [{ label: 'code', op: '=', value: '500' }] }, arm)).toEqual([
    'm{service=~"web|web-2",exported_service="",code="500"}',
    'm{exported_service=~"web|web-2",code="500"}',
  ]);
  expect(edgeSelectors({ metric: 'm', matchers: [] }, { label: 'cluster', value: 'a' })).toEqual(['m{cluster=~"a"}']);
});
