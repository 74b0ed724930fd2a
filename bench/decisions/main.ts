import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Cell, cellOf } from './cells.ts';
import { regressions } from './check.ts';
import { OBJECTIVE } from './headgate.ts';
import { play } from './play.ts';
import { policies } from './policies.ts';
import { type Results, report } from './report.ts';
import { scenarios } from './scenarios.ts';

/**
 * The decision benchmark: how often good releases are stopped, how soon bad ones, and at what cost to users.
 *
 *     node bench/decisions/main.ts              all seeds; writes results.json and the tables of docs/benchmarks.md
 *     node bench/decisions/main.ts --check      the first seeds only; fails where a cell is worse than committed
 *     node bench/decisions/main.ts --tables     writes the tables again from results.json
 *     … --seeds 100 --only late-2               prints one scenario, writes nothing
 */

const SEEDS = 400;
const CHECK_SEEDS = 60;
const file = new URL('results.json', import.meta.url);
const docs = new URL('../../docs/benchmarks.md', import.meta.url);

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    tables: { type: 'boolean', default: false },
    seeds: { type: 'string' },
    only: { type: 'string' },
  },
});

function run(seeds: number, only?: string): Results {
  const cells: Results['cells'] = {};
  for (const scenario of scenarios) {
    if (only !== undefined && scenario.name !== only) continue;
    const row: Record<string, Cell> = {};
    for (const policy of policies) {
      if (policy.only !== undefined && !policy.only.includes(scenario.name)) continue;
      const endings = Array.from({ length: seeds }, (_, index) => play(policy, scenario, index + 1));
      row[policy.name] = cellOf(scenario, endings, OBJECTIVE);
    }
    cells[scenario.name] = row;
  }
  return { command: 'node bench/decisions/main.ts', seeds, cells };
}

function committed(): Results {
  const results: Results = JSON.parse(readFileSync(file, 'utf8'));
  return results;
}

function check(): void {
  const was = committed();
  const is = run(CHECK_SEEDS);
  let compared = 0;
  for (const { name, kind } of scenarios) {
    for (const [policy, cell] of Object.entries(is.cells[name] ?? {})) {
      const before = was.cells[name]?.[policy];
      const found =
        before === undefined ? ['not in results.json: run without --check'] : regressions(kind, before, cell);
      for (const line of found) process.stdout.write(`${name}, ${policy}: ${line}\n`);
      if (found.length > 0) process.exitCode = 1;
      compared += 1;
    }
  }
  process.stdout.write(`${compared} cells compared over seeds 1 to ${CHECK_SEEDS}\n`);
}

function writeTables(results: Results): void {
  const before = readFileSync(docs, 'utf8');
  const marked = /\n*<!-- decisions:begin -->[\s\S]*<!-- decisions:end -->\n*/;
  const section = `\n\n<!-- decisions:begin -->\n${report(results)}<!-- decisions:end -->\n`;
  writeFileSync(docs, marked.test(before) ? before.replace(marked, () => section) : before.trimEnd() + section);
}

if (values.check) check();
else if (values.tables) writeTables(committed());
else if (values.only !== undefined || values.seeds !== undefined) {
  process.stdout.write(`${JSON.stringify(run(Number(values.seeds ?? 100), values.only), undefined, 1)}\n`);
} else {
  const results = run(SEEDS);
  writeFileSync(file, `${JSON.stringify(results, undefined, 1)}\n`);
  writeTables(results);
}
