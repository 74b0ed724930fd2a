import { expect, test } from 'vitest';
import { endsWithin } from '#ports/clock.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

// kills: a hung answer that is waited for, a failure that is passed on, a timer that is left
test.each([
  { name: 'what has ended', work: () => Promise.resolve(), inTime: true },
  { name: 'what has failed', work: () => Promise.reject(new Error('refused')), inTime: true },
  { name: 'what hangs', work: () => new Promise<void>(() => undefined), inTime: false },
])('$name is waited for within a bound', async ({ work, inTime }) => {
  const clock = createVirtualClock();
  const waiting = endsWithin(clock, 2000, work());
  await clock.advance(2000);
  expect(await waiting).toBe(inTime);
  expect(clock.pending, 'no timer is left').toBe(0);
});
