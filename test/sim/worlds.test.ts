import { expect, test } from 'vitest';
import { fair, stormy } from './play.ts';
import { playAll, seeds } from './play-all.ts';

/**
 * The production reflector, queue, reconcile loop and leader election on the sandbox, in virtual time. A failing world
 * prints the one line that plays it again, cut down to the mishaps that it takes. The other half of these worlds is in
 * more-worlds.test.ts, so that two workers share them.
 */

// kills: raises that start together with the store (5 of 7 worlds fail), canary pods that go by the clock alone (3 of 36);
// in earlier counts a watch that goes on after 410 (4 of 21), a list that forgets nothing (2 of 19)
// With measured gates: a stop that is forgotten (seed 85, mishap 15).
// Two that storms miss, because a second protection stands behind each, are killed in protections.test.ts.
// The limits end what hangs; a world takes about half a second of CPU.
test('fair worlds', async () => {
  expect(await playAll(fair, seeds(0, 12))).toBe('');
}, 600_000);

test('stormy worlds', async () => {
  expect(await playAll(stormy, seeds(0, 145))).toBe('');
}, 900_000);
