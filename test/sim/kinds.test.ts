import { expect, test } from 'vitest';
import { barred } from './barred.ts';
import { playAll, seeds } from './play-all.ts';
import { queued } from './queued.ts';

/** Pure worlds of their own kinds. Their mutants are in test/mutants/more-worlds.ts; `run.ts --worlds` plays more of them. */

test('law: no world sends where an owner does not let it', async () => {
  expect(await playAll(barred, seeds(0, 100))).toBe('');
}, 300_000);

// kills: beside what test/mutants breaks, a release that begins past the queue as another one of its Rollout ends (seed 21)
test('law: fleets keep to their limit, and nobody is passed or waits for ever', async () => {
  expect(await playAll(queued, seeds(0, 40))).toBe('');
}, 300_000);
