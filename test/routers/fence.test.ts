import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WHOLE } from '#lib/units.ts';
import { formatFence, parseFence } from '#routers/fence.ts';

test.each([
  { text: 'checkout-7/3/5000', want: { release: 'checkout-7', n: 3, weight: 5000 }, because: 'our own grammar' },
  { text: 'a.b/0/0', want: { release: 'a.b', n: 0, weight: 0 }, because: 'object names may have dots' },
  { text: undefined, want: undefined, because: 'no annotation' },
  { text: '', want: undefined, because: 'an emptied annotation' },
  { text: 'checkout-7/3', want: undefined, because: 'a part is missing' },
  { text: 'checkout-7/3/5000/1', want: undefined, because: 'a part too many' },
  { text: 'shop/checkout-7/3/5', want: { release: 'shop/checkout-7', n: 3, weight: 5 }, because: 'a route elsewhere' },
  { text: 'shop/checkout/3/5', want: undefined, because: 'a release has a number' },
  { text: 'a/shop/checkout-7/3/5', want: undefined, because: 'a namespace and a name, no more' },
  { text: 'checkout-7/3/100001', want: undefined, because: 'more than everything' },
  { text: 'checkout-7/03/5000', want: undefined, because: 'we never write leading zeros' },
  { text: 'checkout-7/-1/5000', want: undefined, because: 'n counts up from 0' },
  { text: 'Check_out/3/5000', want: undefined, because: 'no object is named so' },
  { text: 'checkout-7/3/5e3', want: undefined, because: 'not an integer as text' },
  { text: ' checkout-7/3/5000\n', want: undefined, because: 'somebody edited it' },
])('fence $text: $because', ({ text, want }) => {
  expect(parseFence(text)).toEqual(want);
});

test('law: what is printed is parsed back', () => {
  const fences = fc.record({
    release: fc.stringMatching(/^([a-z]{1,9}\/)?[a-z][a-z0-9-]{0,40}[a-z0-9]-[1-9]$/),
    n: fc.nat({ max: 999_999_999 }),
    weight: fc.nat({ max: WHOLE }),
  });
  fc.assert(
    fc.property(fences, (fence) => {
      expect(parseFence(formatFence(fence))).toEqual(fence);
    }),
  );
});
