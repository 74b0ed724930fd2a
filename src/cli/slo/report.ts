import type { Paint } from '#cli/paint.ts';
import { drawTable } from '#cli/table.ts';
import type { Finding, Refusal } from './field.ts';

/** Most rows that anybody reads; `-o json` has them all. */
const ROWS_MAX = 500;

/** The table of what was not carried over. Empty text where everything was. */
export function drawFindings(findings: readonly Finding[], paint: Paint): string {
  if (findings.length === 0) return '';
  const table = drawTable(lossesFirst(findings).slice(0, ROWS_MAX), [
    { title: 'DOCUMENT', cell: ({ document }) => document },
    { title: 'FIELD', cell: ({ field }) => paint.bold(field) },
    { title: 'WHAT', cell: ({ grade }) => (grade === 'Loss' ? paint.yellow('lost') : paint.dim('not kept')) },
    { title: 'WHY', cell: ({ why }) => why },
  ]);
  const more = findings.length - ROWS_MAX;
  return more > 0 ? `${table}and ${more} more: -o json prints them all\n` : table;
}

/** The same for another program. */
export function printFindings(findings: readonly Finding[]): string {
  return `${JSON.stringify({ findings: lossesFirst(findings) }, null, 2)}\n`;
}

export function isLoss({ grade }: Finding): boolean {
  return grade === 'Loss';
}

/** Losses before remarks; else by document and place, `slos[2]` before `slos[10]`. */
function lossesFirst(findings: readonly Finding[]): Finding[] {
  const places = new Map(findings.toReversed().map(({ document }, index) => [document, findings.length - index]));
  const placeOf = ({ document }: Finding) => places.get(document) ?? 0;
  return findings.toSorted(
    (one, other) =>
      Number(isLoss(other)) - Number(isLoss(one)) ||
      placeOf(one) - placeOf(other) ||
      one.field.localeCompare(other.field, 'en', { numeric: true }),
  );
}

/** Most refusals that are told at once: the rest come after these are mended. */
const REFUSALS_MAX = 20;

/** One line for each field that forbids any output. */
export function sayRefusals(refusals: readonly Refusal[]): string {
  const lines = refusals.slice(0, REFUSALS_MAX).map(({ document, field, why }) => `  ${document}: ${field}: ${why}`);
  const more = refusals.length - lines.length;
  return [...lines, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
}
