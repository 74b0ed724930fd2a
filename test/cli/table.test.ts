import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutLine, drawTable, widthOf } from '#cli/table.ts';

const red = (text: string) => `\u001b[31m${text}\u001b[39m`;

test('columns line up whatever the colours', () => {
  const shape = [
    { title: 'NAME', cell: ([name]: [string, string]) => name },
    { title: 'N', align: 'right' as const, cell: ([, count]: [string, string]) => count },
  ];
  expect(
    drawTable(
      [
        [red('abc'), '7'],
        ['defgh', '1234'],
      ],
      shape,
    ),
  ).toBe(`NAME       N\n${red('abc')}        7\ndefgh   1234\n`);
});

test('a cut line fits and leaves no colour on', () => {
  // kills: counting the bytes of colours as columns
  expect(cutLine(red('abcdef'), 4)).toBe('\u001b[31mabc…\u001b[0m');
  fc.assert(
    fc.property(
      fc.string(),
      fc.integer({ min: 1, max: 40 }),
      (line, columns) => widthOf(cutLine(line, columns)) <= columns,
    ),
  );
});
