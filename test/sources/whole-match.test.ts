import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wholeMatcher } from '#sources/whole-match.ts';

const atom = fc.constantFrom('a', 'b', '-', '@', '.', '\\.', '\\d', '\\w', '[a-c]', '[0-9]', '1');
const repeat = fc.constantFrom('', '', '*', '+', '?');
const branch = fc.array(fc.tuple(atom, repeat), { maxLength: 6 }).map((parts) => parts.flat().join(''));
const pattern = fc.array(branch, { minLength: 1, maxLength: 3 }).map((branches) => branches.join('|'));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'd', '-', '@', '.', '1', 'A'), maxLength: 8 });

test('matches what a regular expression matches as a whole', () => {
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      const matcher = wholeMatcher(source);
      expect(matcher?.matches(value)).toBe(new RegExp(`^(?:${source})$`, 's').test(value));
    }),
    { numRuns: 2000 },
  );
});

test('whatever matches begins with one of the prefixes', () => {
  fc.assert(
    fc.property(pattern, text, (source, value) => {
      const matcher = wholeMatcher(source);
      if (matcher?.matches(value) !== true) return;
      // kills: a prefix that runs on behind an optional character
      expect(matcher.prefixes.some((prefix) => value.startsWith(prefix))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  { source: '(a|b)c', because: 'groups nest' },
  { source: '(?i)a', because: 'flags are not ours' },
  { source: 'a{2}', because: 'counted repeats multiply' },
  { source: 'a+?', because: 'lazy' },
  { source: 'a**', because: 'an error there as well' },
  { source: '*a', because: 'an error there as well' },
  { source: '[z-a]', because: 'an error there as well' },
  { source: '[^a]', because: 'negated classes differ in what they let through' },
  { source: '^a$', because: 'anchors are implied' },
  { source: '\\bé', because: 'beyond ASCII the units differ' },
  { source: 'a'.repeat(513), because: 'too long' },
])('$source has no matcher: $because', ({ source }) => {
  expect(wholeMatcher(source)).toBeUndefined();
});

test('a pattern that makes backtracking explode takes its time from lengths only', () => {
  const matcher = wholeMatcher(`${'a*'.repeat(60)}b`);
  // kills: handing the pattern to a backtracking engine, which would not end
  expect(matcher?.matches('a'.repeat(5000))).toBe(false);
});
