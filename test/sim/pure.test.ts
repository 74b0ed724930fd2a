import { expect, test } from 'vitest';
import { playAll, seeds } from './play-all.ts';
import { pure } from './pure.ts';

/**
 * `decide`, the gates of the catalog and the diff in ten thousand worlds of plain data: safety while everything breaks,
 * liveness once nothing does any more. A failing world prints the one line that plays it again, cut down to the mishaps
 * that it takes. `node test/sim/run.ts --worlds pure --count 1000000` plays more of them.
 */

const WORLDS = 10_000;

test(`law: ${WORLDS} pure worlds are safe and come to rest`, async () => {
  expect(await playAll(pure, seeds(0, WORLDS))).toBe('');
}, 900_000);
