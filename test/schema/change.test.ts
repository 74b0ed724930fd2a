import { expect, test } from 'vitest';
import { changeWords } from '#core/change.ts';
import { change, changeOf } from '#schema/change.ts';

/** Provenance of a change: whose, which, why. */

const on = (own: Record<string, unknown>) => ({ metadata: { annotations: own } });

test.each([
  {
    name: 'all of them',
    because: 'each has its annotation',
    given: on({
      'headgate.dev/change-commit': 'c0ffee',
      'headgate.dev/change-author': 'ana@example.com',
      'headgate.dev/change-kind': 'agent',
      'headgate.dev/change-url': 'https://git.example/shop/pull/7',
      'kubernetes.io/change-cause': 'faster checkout',
    }),
    want: {
      commit: 'c0ffee',
      author: 'ana@example.com',
      kind: 'agent',
      url: 'https://git.example/shop/pull/7',
      cause: 'faster checkout',
    },
  },
  {
    name: 'the template before the Rollout',
    because: 'those of the Rollout may be left from the change before',
    given: on({ 'headgate.dev/change-author': 'old' }),
    template: { 'headgate.dev/change-author': 'new' },
    want: { author: 'new' },
  },
  {
    name: 'a script for a link',
    because: 'the page makes a link of it',
    given: on({ 'headgate.dev/change-url': 'javascript:alert(1)' }),
    want: {},
  },
  {
    name: 'too long, and no text',
    because: 'a Release is bounded',
    given: on({ 'headgate.dev/change-author': 'a'.repeat(999), 'headgate.dev/change-commit': 7 }),
    want: { author: `${'a'.repeat(255)}…` },
  },
  { name: 'nothing at all', because: 'any object can come', given: undefined, want: {} },
])('$name: $because', ({ given, template = {}, want, because }) => {
  expect(changeOf(given, template), because).toEqual(want);
  expect(change.safeParse(changeOf(given, template)).success).toBe(true);
});

test('people read it in one line', () => {
  expect(changeWords({})).toBeUndefined();
  expect(changeWords({ author: 'ana', kind: 'human', commit: '0123456789abcdef' })).toBe('ana, 0123456789ab');
  expect(changeWords({ author: 'bot', kind: 'agent', cause: 'update' })).toBe('bot (agent), update');
});
