import { expect, test } from 'vitest';
import { mortal, parting } from './few.ts';
import { companions } from './play.ts';
import { playAll, seeds } from './play-all.ts';

/** Ingresses whose split stands in an object of ours, on the whole operator. Mutants: test/mutants/companions.ts. */

test('an Ingress of ours never sends more than was granted, and no stranger is touched', async () => {
  expect(await playAll(companions, seeds(0, 5))).toBe('');
}, 300_000);

test('whoever writes an Ingress of ours may die of it, before and after: the release goes its way', async () => {
  expect(await playAll(mortal, [0, 2])).toBe('');
}, 300_000);

test('a Rollout that is deleted at any moment leaves no Ingress of ours, and every other one', async () => {
  expect(await playAll(parting, seeds(0, 20))).toBe('');
}, 300_000);
