import { expect, test } from 'vitest';
import { phases, reasons, stages } from '#schema/release-words.ts';
import { portraits } from './portraits.ts';

test('every phase, reason and stage is portrayed', () => {
  const all = portraits();
  const states = all.map(({ state }) => state);
  expect(new Set(states.map(({ phase }) => phase))).toEqual(new Set(phases));
  expect(new Set(states.flatMap(({ reason }) => reason ?? []))).toEqual(new Set(reasons));
  expect(new Set(states.flatMap(({ release }) => release?.stage ?? []))).toEqual(new Set(stages));
});
