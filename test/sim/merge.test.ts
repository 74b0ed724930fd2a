import { expect, test } from 'vitest';
import { simulationsOf } from '../../scripts/simulations.ts';
import { mergeKinds, mergeReports } from './merge.ts';
import { playPart } from './players.ts';
import { pure } from './pure.ts';

const part = async (from: number, count: number) => {
  const report = await playPart(pure, { from, count }, false);
  return { ...report, commit: 'abc1234', cpuSeconds: 1 };
};

test('law: the parts of a run, in any order, say what the whole says', async () => {
  const [a, b, c, whole] = [await part(10, 12), await part(22, 5), await part(27, 13), await part(10, 30)];
  for (const parts of [
    [a, b, c],
    [c, a, b],
  ])
    expect(JSON.stringify(mergeReports(parts))).toBe(JSON.stringify({ ...mergeReports([whole]), cpuSeconds: 3 }));
  expect(simulationsOf([mergeReports([a, c])])).toContain('**pure**: 25 worlds (seeds 10 to 21, 27 to 39 at abc1234)');
});

test('what does not add up is refused', async () => {
  const a = await part(0, 3);
  // kills: ranges that overlap are put together
  expect(() => mergeReports([a, { ...a, seeds: [[2, 5]] }])).toThrow('seed 2 was played twice');
  expect(() => mergeReports([a, { ...a, seeds: [[3, 6]], commit: 'def5678' }])).toThrow('play both on one commit');
  expect(() => mergeReports([a, { ...a, seeds: [[3, 6]], kind: 'fair' }])).toThrow('do not add up');
  const { seeds: _, ...unnamed } = a;
  expect(() => mergeReports([a, unnamed])).toThrow('does not say which seeds');
  expect(mergeKinds([a, { ...a, kind: 'fair' }]).map(({ kind }) => kind)).toEqual(['pure', 'fair']);
});
