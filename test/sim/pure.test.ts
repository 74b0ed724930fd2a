import { expect, test } from 'vitest';
import { playAll, seeds } from './play-all.ts';
import { handled, pure } from './pure.ts';

/**
 * `decide`, the gates of the catalog and the diff in ten thousand worlds of plain data: safety while everything breaks,
 * liveness once nothing does any more. A failing world prints the one line that plays it again, cut down to the mishaps
 * that it takes. `node test/sim/run.ts --worlds pure --count 1000000` plays more of them.
 */

// kills: canary pods with both labels (5 of 5 worlds fail), a stable that is not asked before the first raise (5 of 15), a
// step that is left while gates wait (5 of 54), a pause that stands before the breach (4 of 250), probes that still run and
// count as passed (3 of 400); and what test/mutants/pure-worlds.ts breaks
const WORLDS = 10_000;
/** Enough to notice what `test/mutants/pure-worlds.ts` breaks: the rarest of it shows in two of these worlds. */
const TELLING = { from: 240, count: 260 };

test('law: telling pure worlds are safe and come to rest', async () => {
  expect(await playAll(pure, seeds(TELLING.from, TELLING.count))).toBe('');
}, 300_000);

// kills: copies and matched users that a retreat forgets (fence planted by weight alone: 6 of 40 worlds)
test('law: pure worlds where people work by hand are safe and come to rest', async () => {
  expect(await playAll(handled, seeds(0, 600))).toBe('');
}, 300_000);

// kills: a canary that has all of the traffic and is held against nothing (5030289), a grant in the pass that has to lower
// (5015055), an attempt that counts what was asked before it (5102275), a hand on the way back that nobody sees (9002102)
const FOUND = [5_011_091, 5_015_055, 5_030_289, 5_102_275, 9_002_102];

test('law: pure worlds that long runs have found are safe and come to rest', async () => {
  expect(await playAll(pure, FOUND)).toBe('');
}, 60_000);

test(`law: the other ones of ${WORLDS} pure worlds are safe and come to rest`, async () => {
  const { from, count } = TELLING;
  const others = [...seeds(0, from), ...seeds(from + count, WORLDS - from - count)];
  expect(await playAll(pure, others)).toBe('');
}, 900_000);
