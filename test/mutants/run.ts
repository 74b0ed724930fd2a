import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mutants } from './list.ts';
import { type Killer, type Mutant, patternOf } from './mutant.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { type Fate, type FileReport, fateOf } from './verdict.ts';

/** Breaks the code in every way of the list, one at a time, and demands that the named test notices. */

const { values } = parseArgs({ options: { only: { type: 'string' }, jobs: { type: 'string', default: '2' } } });
const root = join(import.meta.dirname, '../..');
const MINUTE_MS = 60_000;

async function vitest({ folder }: Scratch, killer: Pick<Killer, 'file'>, pattern?: string): Promise<FileReport[]> {
  const out = join(folder, `.report-${process.pid}.json`);
  const args = ['vitest', 'run', '--project', 'unit', '--reporter=json', `--outputFile=${out}`, killer.file];
  const named = pattern === undefined ? args : [...args, '-t', pattern];
  const [bin = '', ...rest] = named;
  const child = spawn(join(root, 'node_modules/.bin', bin), rest, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 2 * MINUTE_MS,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const { testResults } = JSON.parse(readFileSync(out, 'utf8')) as { testResults: FileReport[] };
    return testResults;
  } catch {
    return [{ name: killer.file, message: `vitest gave no report: ${said}`, assertionResults: [] }];
  }
}

async function tryOne(scratch: Scratch, mutant: Mutant): Promise<Fate> {
  const { killedBy } = mutant;
  try {
    return await scratch.broken(mutant, async () =>
      fateOf(killedBy, await vitest(scratch, killedBy, patternOf(killedBy))),
    );
  } catch (error) {
    return { kind: 'broken', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Without a mutant every named test passes, or its failure would say nothing. */
async function failsAnyway(scratch: Scratch, chosen: readonly Mutant[]): Promise<string[]> {
  const killers = [...new Map(chosen.map(({ killedBy }) => [`${killedBy.file} ${killedBy.test}`, killedBy])).values()];
  const found: string[] = [];
  for (const file of new Set(killers.map((killer) => killer.file))) {
    const own = killers.filter((killer) => killer.file === file);
    const reports = await vitest(scratch, { file }, own.map(patternOf).join('|'));
    for (const killer of own) {
      const fate = fateOf(killer, reports);
      if (fate.kind !== 'survived')
        found.push(`${file}: "${killer.test}" ${fate.kind === 'broken' ? fate.why : fate.by}`);
    }
  }
  return found;
}

function line({ name, breaks, killedBy }: Mutant, fate: Fate, ms: number): string {
  const why =
    fate.kind === 'broken'
      ? ` ${fate.why}`
      : fate.kind === 'survived'
        ? ` ${killedBy.file}: "${killedBy.test}" passes`
        : '';
  return `${fate.kind.padEnd(8)} ${String(breaks).padStart(12)}  ${name}${why} (${(ms / 1000).toFixed(1)} s)`;
}

async function work(queue: Mutant[], fates: Map<Mutant, Fate>): Promise<void> {
  using scratch = createScratch(root);
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const begun = performance.now();
    const fate = await tryOne(scratch, mutant);
    fates.set(mutant, fate);
    console.log(line(mutant, fate, performance.now() - begun));
  }
}

async function main(): Promise<number> {
  const begun = performance.now();
  const chosen = mutants.filter(({ name }) => values.only === undefined || name.includes(values.only));
  const fates = new Map<Mutant, Fate>();
  const queue = [...chosen];
  const baseline = (async () => {
    using scratch = createScratch(root);
    return await failsAnyway(scratch, chosen);
  })();
  const [wrong] = await Promise.all([
    baseline,
    ...Array.from({ length: Number(values.jobs) }, () => work(queue, fates)),
  ]);
  for (const found of wrong) console.log(`fails without a mutant: ${found}`);
  const count = (kind: Fate['kind']) => [...fates.values()].filter((fate) => fate.kind === kind).length;
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `${chosen.length} mutants: ${count('killed')} killed, ${count('survived')} survived, ${count('broken')} broken, in ${seconds} s`,
  );
  return count('killed') === chosen.length && wrong.length === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main();
