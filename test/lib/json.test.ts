import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, sameJson } from '#lib/json.ts';

const anything = fc.anything({ maxDepth: 3, withNullPrototype: false, key: fc.constantFrom('a', 'b', 'c') });

// kills: members that only one of the two has; lists compared by their common part; null taken for absent.
test('law: two values are the same where their canonical bytes are', () => {
  fc.assert(
    fc.property(anything, anything, (a, b) => {
      expect(sameJson(a, b)).toBe(canonicalJson(a) === canonicalJson(b));
    }),
    { numRuns: 2000, seed: 5 },
  );
});

test.each([
  { name: 'another order of keys', a: { x: 1, y: [2] }, b: { y: [2], x: 1 }, same: true },
  { name: 'an undefined member', a: { x: 1, y: undefined }, b: { x: 1 }, same: true },
  { name: 'null for nothing', a: { x: null }, b: {}, same: false },
  { name: 'a longer list', a: [1], b: [1, 2], same: false },
  { name: 'a list for an object', a: [], b: {}, same: false },
])('$name', ({ a, b, same }) => {
  expect(sameJson(a, b)).toBe(same);
  expect(sameJson(b, a)).toBe(same);
});
