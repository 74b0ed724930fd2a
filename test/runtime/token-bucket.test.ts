import { expect, test } from 'vitest';
import { createTokenBucket } from '#runtime/token-bucket.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

test('a burst at once, then one at a time in the order of asking', async () => {
  const clock = createVirtualClock();
  const bucket = createTokenBucket(clock, { perSecond: 2, burst: 3 });
  const taken: number[] = [];
  for (let ask = 0; ask < 6; ask += 1)
    bucket.take().then(
      () => taken.push(ask),
      () => undefined,
    );
  await clock.advance(0);
  expect(taken).toEqual([0, 1, 2]);
  await clock.advance(500);
  expect(taken).toEqual([0, 1, 2, 3]);
  await clock.advance(1000);
  expect(taken).toEqual([0, 1, 2, 3, 4, 5]);
});

test('who gives up gives the token back', async () => {
  // kills: no refund
  const clock = createVirtualClock();
  const bucket = createTokenBucket(clock, { perSecond: 1, burst: 1 });
  await bucket.take();
  const stop = new AbortController();
  const waiting = bucket.take(stop.signal).catch(() => 'gave up');
  stop.abort();
  expect(await waiting).toBe('gave up');
  await clock.advance(1000);
  expect(bucket.tryTake()).toBe(true);
  expect(bucket.tryTake()).toBe(false);
});
