import { stripVTControlCharacters } from 'node:util';

/** A column of a table of `Row`s. */
export interface Column<Row> {
  title: string;
  cell: (row: Row) => string;
  /** Figures stand to the right, so that their digits line up. */
  align?: 'right';
}

const GAP = '   ';
const ESCAPE = String.fromCharCode(27);
const COLOUR_OR_CHARACTER = new RegExp(`${ESCAPE}\\[[0-9;]*m|[^${ESCAPE}]`, 'gu');

/**
 * Draws a table as kubectl does: capital titles, three blanks between columns, none after the last. With `columns`
 * given, the last cell of a row is cut so that the row stays on one line of the terminal.
 */
export function drawTable<Row>(rows: readonly Row[], shape: readonly Column<Row>[], columns?: number): string {
  const lines = [shape.map(({ title }) => title), ...rows.map((row) => shape.map(({ cell }) => cell(row)))];
  const widths = shape.map((_, index) => Math.max(...lines.map((line) => widthOf(line[index] ?? ''))));
  return lines.map((line) => `${cutLine(drawRow(line, widths, shape), columns)}\n`).join('');
}

function drawRow(line: readonly string[], widths: readonly number[], shape: readonly { align?: 'right' }[]): string {
  return line
    .map((cell, index) => {
      const blanks = ' '.repeat((widths[index] ?? 0) - widthOf(cell));
      if (shape[index]?.align === 'right') return blanks + cell;
      return index === line.length - 1 ? cell : cell + blanks;
    })
    .join(GAP)
    .trimEnd();
}

/** Cuts a line to the terminal's width. Colours are not counted, and are closed where the line is cut. */
export function cutLine(line: string, columns: number | undefined): string {
  if (columns === undefined || widthOf(line) <= columns) return line;
  const kept = takeVisible(line, Math.max(0, columns - 1));
  return kept.includes(ESCAPE) ? `${kept}…${ESCAPE}[0m` : `${kept}…`;
}

function takeVisible(line: string, count: number): string {
  let kept = '';
  let left = count;
  // Escape sequences first, then one character at a time: only the latter take room.
  for (const [part] of line.matchAll(COLOUR_OR_CHARACTER)) {
    if (part.startsWith(ESCAPE)) kept += part;
    else if (left-- > 0) kept += part;
    else break;
  }
  return kept;
}

/** Columns that a text takes on a terminal. All our glyphs are one column wide. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
