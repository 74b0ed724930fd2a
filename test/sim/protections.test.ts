import { expect, test } from 'vitest';
import { dying, taken } from './few.ts';
import { playAll } from './play-all.ts';

/**
 * Worlds with one misfortune, for protections that stand one behind the other: in a storm it takes thousands of worlds
 * until the first one is missed.
 */

// kills: fence numbers that are not compared. The lowering is done and its record is not written; who comes next has no
// word of the gates yet, finds the grant of the record on no route, and has a fresh cache to patch by: only the number of
// the fence says that the grant is older than what was done since. In these worlds a rotten canary is found in Shifting.
test('who dies as it lowers is not undone by who comes next', async () => {
  expect(await playAll(dying, [9, 19, 26, 34])).toBe('');
});

// kills: a lowered weight that is taken for a lost raise, and is then raised by whoever does not compare weight and fence.
// The second protection hides the loss of the first one alone: a raise is refused wherever the weight is not the fence's,
// nothing but a write of ours changes the fence, and after three tries the release pauses all the same.
test('traffic that is taken back by hand stays there', async () => {
  expect(await playAll(taken, [0, 1, 2, 3, 4, 6, 7, 8])).toBe('');
});
