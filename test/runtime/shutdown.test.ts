import { expect, test } from 'vitest';
import { silentLog } from '#runtime/json-log.ts';
import { drain } from '#runtime/shutdown.ts';
import { createVirtualClock } from '#test/support/virtual-clock.ts';

test('steps end in order; one that hangs or fails does not keep the others', async () => {
  // kills: no limit for a step; a failure ends the drain
  const clock = createVirtualClock();
  const story: string[] = [];
  const draining = drain(
    [
      { name: 'queue', stop: () => void story.push('queue') },
      {
        name: 'runs',
        limitMs: 5000,
        stop: (signal) => new Promise(() => signal.addEventListener('abort', () => story.push('runs aborted'))),
      },
      { name: 'lease', stop: () => Promise.reject(new Error('refused')) },
      { name: 'connections', stop: () => void story.push('connections') },
    ],
    { boundMs: 20_000, clock, log: silentLog },
  );
  await clock.advance(5000);
  expect(await draining).toEqual(['runs', 'lease']);
  expect(story).toEqual(['queue', 'runs aborted', 'connections']);
  expect(clock.pending, 'no timer is left').toBe(0);
});
