import { readFileSync } from 'node:fs';
import { type Scenario, scenarios } from '#test/e2e/support/scenarios.ts';
import { mutants } from '#test/mutants/list.ts';
import type { Mutant } from '#test/mutants/mutant.ts';
import { withPart } from './parts.ts';
import { type Report, simulationsOf } from './simulations.ts';

/** docs/reliability.md is written by hand, with parts of it made from what is tested. */

const PAGE = new URL('../docs/reliability.md', import.meta.url);
const REPORTS = new URL('../test/reliability/simulations.json', import.meta.url);

/** The list for people: what is broken, which test notices, and why it matters. */
export function mutantsOf(mutants: readonly Mutant[]): string {
  const order = ({ breaks }: Mutant) => (typeof breaks === 'number' ? String(breaks).padStart(3) : breaks);
  const sorted = [...mutants].sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
  const rows = sorted.map(
    ({ name, breaks, file, killedBy, because }) =>
      `| ${breaks} | ${name} | \`${file.replace('src/', '')}\` | ${because} | \`${killedBy.file.replace('test/', '')}\` |`,
  );
  const head = [
    '| breaks | what the mutant does | in `src/` | what would follow | noticed in `test/` |',
    '| --- | --- | --- | --- | --- |',
  ];
  return [...head, ...rows].join('\n');
}

/** Scenarios of the fault proxy; those with a dot are in every run. */
export function scenariosOf(scenarios: readonly Scenario[]): string {
  const rows = scenarios.map(
    ({ name, because, release, operators = 1, always = false }) =>
      `| ${always ? '•' : ''} | ${release} | ${operators} | ${name} | ${because} |`,
  );
  const always = scenarios.filter((scenario) => scenario.always).length;
  return [
    `${scenarios.length} scenarios, ${always} of them in every run.`,
    '',
    '| | release | operators | what happens | why it is played |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** The page as it should be. */
export function writtenPage(page: string, { mutants, reports, scenarios }: Parts): string {
  const parts = {
    simulations: simulationsOf(reports),
    scenarios: scenariosOf(scenarios),
    mutants: mutantsOf(mutants),
  };
  return Object.entries(parts).reduce((written, [name, text]) => withPart(written, name, text), page);
}

/** What is shown, from where it is kept. */
export function readParts(): Parts {
  return { mutants, scenarios, reports: JSON.parse(readFileSync(REPORTS, 'utf8')) };
}

interface Parts {
  mutants: readonly Mutant[];
  /** What `test/sim/run.ts --json` said of the runs that are shown. */
  reports: readonly Report[];
  scenarios: readonly Scenario[];
}

export function renderReliability(): string {
  return writtenPage(readFileSync(PAGE, 'utf8'), readParts());
}
