import { expect, test } from 'vitest';
import { stormy } from './play.ts';
import { playAll, seeds } from './play-all.ts';

/** The other half of worlds.test.ts. */

test('more stormy worlds', async () => {
  expect(await playAll(stormy, seeds(1000, 150))).toBe('');
}, 900_000);
