import { expect, test } from 'vitest';
import { type Drawn, drawOf, isDrawn } from './sample.ts';

const mutants: Omit<Drawn, 'id'>[] = Array.from({ length: 4000 }, (_, line) => ({
  fileName: `/somewhere/src/core/decide.ts`,
  mutatorName: 'EqualityOperator',
  replacement: 'a > b',
  location: { start: { line, column: 3 }, end: { line, column: 8 } },
}));

test('a part is drawn, the same one in any folder, another one by another seed', () => {
  const drawn = (seed: string, folder = '/somewhere') =>
    mutants.flatMap((mutant, index) => {
      const moved = { ...mutant, fileName: mutant.fileName.replace('/somewhere', folder) };
      return isDrawn(moved, { seed, part: 0.05, share: [1, 1] }) ? [index] : [];
    });
  expect(drawn('1').length).toBeGreaterThan(150);
  expect(drawn('1').length).toBeLessThan(250);
  expect(drawn('1', '/elsewhere')).toEqual(drawn('1'));
  expect(drawn('2')).not.toEqual(drawn('1'));
});

test('the shares of a draw are the draw, and none of it twice', () => {
  const all = drawOf({ SAMPLE: '0.1' });
  const whole = mutants.filter((mutant) => isDrawn(mutant, all));
  const shares = [1, 2, 3].map((which) => {
    const draw = drawOf({ SAMPLE: '0.1', SHARE: `${which}/3` });
    return mutants.filter((mutant) => isDrawn(mutant, draw));
  });
  expect(new Set(shares.flat())).toEqual(new Set(whole));
  expect(shares.flat().length).toBe(whole.length);
});

test('without a word about it all are drawn', () => {
  expect(mutants.every((mutant) => isDrawn(mutant, drawOf({})))).toBe(true);
});
