import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutant.ts';

const BEGIN = '<!-- mutants: written by test/mutants/table.ts -->\n';
const END = '<!-- end of mutants -->';

/** The list for people: what is broken, which test notices, and why it matters. */
export function tableOf(mutants: readonly Mutant[]): string {
  const rows = mutants.map(
    ({ name, breaks, file, killedBy, because }) =>
      `| ${breaks} | ${name} | \`${file.replace('src/', '')}\` | ${because} | \`${killedBy.file.replace('test/', '')}\` |`,
  );
  const head = [
    '| breaks | what the mutant does | in `src/` | what would follow | noticed in `test/` |',
    '| --- | --- | --- | --- | --- |',
  ];
  return `${BEGIN}${[...head, ...rows].join('\n')}\n${END}`;
}

/** The page with the table as it is now. */
export function withTable(page: string, mutants: readonly Mutant[]): string {
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`docs/reliability.md needs the lines ${BEGIN.trim()} and ${END}`);
  return page.slice(0, before) + tableOf(mutants) + page.slice(after + END.length);
}

if (import.meta.main) {
  const { mutants } = await import('./list.ts');
  const path = join(import.meta.dirname, '../../docs/reliability.md');
  writeFileSync(path, withTable(readFileSync(path, 'utf8'), mutants));
}
