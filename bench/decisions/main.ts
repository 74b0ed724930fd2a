import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { policies } from './policies.ts';
import { report } from './report.ts';
import { CHECK_SEEDS, checkCell, playCell, plays, type Results, readResults, SEEDS, writeResults } from './results.ts';
import { scenarios } from './scenarios.ts';

/**
 * The decision benchmark: how often good releases are stopped, how soon bad ones, and at what cost to users.
 *
 *     node bench/decisions/main.ts              all seeds; writes results.json and the tables of docs/benchmarks.md
 *     … --part 2/8                              every eighth scenario from the second; the other cells stay
 *     … --ours                                  plays Headgate alone; the peers' cells stay; --peers the other way round
 *     … --check                                 the first 100 seeds of ours; fails where a cell is worse than committed
 *     … --tables                                writes the tables again from results.json
 *     … --only late-2,noisy                     some scenarios alone; the other cells stay
 *     … --seeds 100 --only late-2               prints, writes nothing
 */

const docs = new URL('../../docs/benchmarks.md', import.meta.url);

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    tables: { type: 'boolean', default: false },
    ours: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    part: { type: 'string', default: '1/1' },
    seeds: { type: 'string' },
    only: { type: 'string' },
  },
});

const [part = 1, parts = 1] = values.part.split('/').map(Number);
const only = values.only?.split(',');
const chosen = scenarios.filter(
  ({ name }, index) => index % parts === part - 1 && (only === undefined || only.includes(name)),
);
const players = policies.filter(({ name }) => !(name === 'headgate' ? values.peers : values.ours));

function run(seeds: number): Results {
  const cells: Results['cells'] = {};
  for (const scenario of chosen) {
    const row = players.filter((policy) => plays(policy, scenario));
    cells[scenario.name] = Object.fromEntries(row.map((policy) => [policy.name, playCell(policy, scenario, seeds)]));
  }
  return { seeds, cells };
}

/** The cells that were played anew among those that were not, in the order of scenarios and policies. */
function merge(was: Results, is: Results): Results {
  const cells: Results['cells'] = {};
  for (const { name } of scenarios) {
    const row = { ...was.cells[name], ...is.cells[name] };
    const ordered = policies.flatMap(({ name: policy }) => (row[policy] === undefined ? [] : [[policy, row[policy]]]));
    if (ordered.length > 0) cells[name] = Object.fromEntries(ordered);
  }
  return { seeds: is.seeds, cells };
}

function check(): void {
  const was = readResults();
  let compared = 0;
  for (const scenario of chosen) {
    for (const policy of policies.filter(({ name }) => name === 'headgate')) {
      const found = checkCell(was, policy, scenario, CHECK_SEEDS);
      for (const line of found) process.stdout.write(`${line}\n`);
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
else if (values.tables) writeTables(readResults());
else if (values.seeds !== undefined) {
  process.stdout.write(`${JSON.stringify(run(Number(values.seeds)), undefined, 1)}\n`);
} else {
  writeResults(merge(readResults(), run(SEEDS)));
  writeTables(readResults());
}
