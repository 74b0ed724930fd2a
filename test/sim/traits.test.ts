import { expect, test } from 'vitest';
import { adopting, asking, matching, mirroring, undoing } from './few.ts';
import type { Invariant } from './invariants.ts';
import { type Play, playSeed, replayLine } from './plan.ts';

/** Worlds in which nothing breaks and something is asked for: few of them are enough for what they are about. */

/** What went wrong in them, and how often they looked at what they are about. */
async function played(
  play: Play,
  seeds: readonly number[],
  about: Invariant,
): Promise<{ wrong: string[]; looks: number }> {
  const wrong: string[] = [];
  let looks = 0;
  for (const seed of seeds) {
    const ended = await playSeed(play, seed);
    if (ended.wrong !== undefined) wrong.push(`${replayLine(play, seed)}: ${ended.wrong}`);
    looks += ended.checks.get(about) ?? 0;
  }
  return { wrong, looks };
}

// kills: a step that is left with people missing, the same person twice, images that were not shown, a word for another
// release
test('no step is left without its people, whoever speaks, and for whatever', async () => {
  const { wrong, looks } = await played(asking, [4, 5], 'approved');
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(2);
});

// kills: an undo that waits for the next look, a pin that its template does not end, a way back to what never served
test('what was undone goes back at once, to what served, until the template changes', async () => {
  const { wrong, looks } = await played(undoing, [0, 7, 8], 'undone');
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(10);
});

// kills: a step of headers that gives a share of everybody, matched users that were taken back and are given again
test('a step of headers gives the canary to whom it names and to nobody else, and not again', async () => {
  const { wrong, looks } = await played(matching, [0, 6], 'matched');
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(2);
});

// kills: a step of copies that gives a share of everybody, copies that stay beside the next weight, and come again by themselves
test('a step of copies gives no user to the canary, and nothing of it stays', async () => {
  const { wrong, looks } = await played(mirroring, [0, 6], 'copied');
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(2);
});

// kills: a Deployment that is brought up with a template that nobody proved, or our pods gone before its own serve
test('as many serve as before a Deployment was taken over, until it is given back, and nobody else does', async () => {
  const { wrong, looks } = await played(adopting, [0, 3, 7], 'adopted');
  expect(wrong).toEqual([]);
  expect(looks).toBeGreaterThan(50);
});
