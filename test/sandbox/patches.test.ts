import { expect, test } from 'vitest';
import { applyPatch } from '#sandbox/patches.ts';

// Cases of RFC 6902, appendix A, and the ones that our patches lean on.
test.each([
  { name: 'A.1 adds a member', from: { a: 1 }, patch: [{ op: 'add', path: '/b', value: 2 }], want: { a: 1, b: 2 } },
  {
    name: 'A.2 adds an element',
    from: { a: [1, 3] },
    patch: [{ op: 'add', path: '/a/1', value: 2 }],
    want: { a: [1, 2, 3] },
  },
  { name: 'A.4 removes an element', from: { a: [1, 2] }, patch: [{ op: 'remove', path: '/a/0' }], want: { a: [2] } },
  { name: 'A.5 replaces', from: { a: 1 }, patch: [{ op: 'replace', path: '/a', value: 2 }], want: { a: 2 } },
  {
    name: 'A.14 escapes',
    from: { 'a/b~': 1 },
    patch: [{ op: 'test', path: '/a~1b~0', value: 1 }],
    want: { 'a/b~': 1 },
  },
  { name: 'A.16 appends', from: { a: [1] }, patch: [{ op: 'add', path: '/a/-', value: 2 }], want: { a: [1, 2] } },
] as const)('$name', ({ from, patch, want }) => {
  expect(applyPatch<unknown>(from, patch)).toEqual(want);
});

test.each([
  { name: 'a test that differs', patch: [{ op: 'test', path: '/a', value: 2 }] },
  { name: 'a test of what is absent', patch: [{ op: 'test', path: '/b', value: null }] },
  { name: 'a replace of what is absent', patch: [{ op: 'replace', path: '/b', value: 1 }] },
  { name: 'a member of an absent parent', patch: [{ op: 'add', path: '/b/c', value: 1 }] },
  { name: 'an element past the end', patch: [{ op: 'add', path: '/l/2', value: 1 }] },
] as const)('refuses $name and changes nothing', ({ patch }) => {
  const target = { a: 1, l: [1] };
  expect(() => applyPatch(target, [{ op: 'add', path: '/a', value: 9 }, ...patch])).toThrow();
  expect(target).toEqual({ a: 1, l: [1] });
});
