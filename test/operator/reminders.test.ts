import { expect, test } from 'vitest';
import { createReminders } from '#operator/reminders.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

test('a Rollout is reminded of once, however many passes ask for it, and again after that', async () => {
  const clock = createVirtualClock();
  const woken: string[] = [];
  const remind = createReminders(clock, (key) => woken.push(key));
  remind('shop/web', 1000);
  remind('shop/web', 1000);
  remind('shop/api', 1000);
  await clock.advance(1000);
  // kills: a reminder for each pass, each of which wakes a pass that sets another
  expect(woken).toEqual(['shop/web', 'shop/api']);
  remind('shop/web', 1000);
  await clock.advance(1000);
  expect(woken).toEqual(['shop/web', 'shop/api', 'shop/web']);
});
