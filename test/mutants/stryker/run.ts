import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Drawn, drawOf, isDrawn } from './sample.ts';

/**
 * Draws mutants and lets Stryker try them: `SAMPLE=0.05 SEED=1 SHARE=1/3 node test/mutants/stryker/run.ts`. Stryker slows
 * down all code that it could break, so it is told where the drawn mutants are; what else lies there, `sample.ts` leaves out.
 */

const root = join(import.meta.dirname, '../../..');
const modules = join(root, '.cache/stryker/node_modules/@stryker-mutator');
const config = JSON.parse(readFileSync(join(import.meta.dirname, 'stryker.config.json'), 'utf8'));

interface Source {
  name: string;
  content: string;
  mutate: boolean;
}

type Instrument = (files: Source[], options: object) => Promise<{ mutants: Omit<Drawn, 'id'>[] }>;

function sources(): Source[] {
  return ['src/core', 'src/gates'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(root, folder, name))
      .map((name) => ({ name, content: readFileSync(name, 'utf8'), mutate: true })),
  );
}

async function allMutants(): Promise<Omit<Drawn, 'id'>[]> {
  const { Instrumenter } = await import(join(modules, 'instrumenter/dist/src/index.js'));
  const quiet = { debug: () => undefined, info: () => undefined, isDebugEnabled: () => false };
  const instrumenter: { instrument: Instrument } = new Instrumenter(quiet);
  const options = { plugins: null, ignorers: [], ...config.mutator };
  const { mutants } = await instrumenter.instrument(sources(), options);
  return mutants;
}

/** Where a mutant is, in Stryker's words: lines from 1, columns from 0. The instrumenter counts lines from 0. */
function rangeOf({ fileName, location: { start, end } }: Omit<Drawn, 'id'>): string {
  const file = fileName.slice(root.length + 1);
  return `${file}:${start.line + 1}:${start.column}-${end.line + 1}:${end.column}`;
}

const draw = drawOf(process.env);
const all = await allMutants();
const drawn = all.filter(
  (mutant) => !config.mutator.excludedMutations.includes(mutant.mutatorName) && isDrawn(mutant, draw),
);
console.log(`${drawn.length} of ${all.length} mutants are drawn`);
mkdirSync(join(root, '.cache/stryker'), { recursive: true });
const path = join(root, '.cache/stryker/config.json');
writeFileSync(path, JSON.stringify({ ...config, mutate: [...new Set(drawn.map(rangeOf))] }));
const bin = join(modules, 'core/bin/stryker.js');
process.exitCode = spawnSync(process.execPath, [bin, 'run', path], { cwd: root, stdio: 'inherit' }).status ?? 1;
