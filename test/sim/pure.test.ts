import { expect, test } from 'vitest';
import { playAll, seeds } from './play-all.ts';
import { pure } from './pure.ts';

/**
 * `decide`, the gates of the catalog and the diff in ten thousand worlds of plain data: safety while everything breaks,
 * liveness once nothing does any more. A failing world prints the one line that plays it again, cut down to the mishaps
 * that it takes. `node test/sim/run.ts --worlds pure --count 1000000` plays more of them.
 */

// kills: canary pods with both labels (5 of 5 worlds fail), a stable that is not asked before the first raise (5 of 15), a
// step that is left while gates wait (5 of 54), a pause that stands before the breach (4 of 250), probes that still run and
// count as passed (3 of 400)
const WORLDS = 10_000;
/** Enough to notice what `test/mutants` breaks. */
const FIRST = 700;

test('law: the first pure worlds are safe and come to rest', async () => {
  expect(await playAll(pure, seeds(0, FIRST))).toBe('');
}, 300_000);

test(`law: the other ${WORLDS - FIRST} pure worlds are safe and come to rest`, async () => {
  expect(await playAll(pure, seeds(FIRST, WORLDS - FIRST))).toBe('');
}, 900_000);
