import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Change, changesOf, type Mutant } from './mutant.ts';

/** A copy of the tree to break: nothing is ever written where people work. */
export interface Scratch extends Disposable {
  readonly folder: string;
  /** Breaks the code, runs, and mends it again, whatever happens. */
  broken<T>(mutant: Mutant, run: () => Promise<T>): Promise<T>;
}

export function createScratch(root: string): Scratch {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-mutants-'));
  const clear = () => rmSync(folder, { recursive: true, force: true });
  // Whoever is interrupted leaves nothing behind either.
  process.once('exit', clear);
  for (const file of filesOf(root)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    // A link to a folder is a file to Git.
    cpSync(join(root, file), join(folder, file), { recursive: true, verbatimSymlinks: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return {
    folder,
    async broken(mutant, run) {
      const parts = changesOf(mutant).map((change) => {
        const path = join(folder, change.file);
        const whole = readFileSync(path, 'utf8');
        return { path, whole, broken: breakText(whole, change) };
      });
      try {
        for (const { path, broken } of parts) writeFileSync(path, broken);
        return await run();
      } finally {
        for (const { path, whole } of parts) writeFileSync(path, whole);
      }
    },
    [Symbol.dispose]() {
      process.off('exit', clear);
      clear();
    },
  };
}

/** What Git knows and what is new, without what it ignores and what was deleted. */
function filesOf(root: string): string[] {
  const list = (...more: string[]) =>
    execFileSync('git', ['ls-files', '-z', ...more], { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 24 })
      .split('\0')
      .filter((name) => name !== '');
  const gone = new Set(list('--deleted'));
  return list('--cached', '--others', '--exclude-standard').filter((name) => !gone.has(name));
}

/** The source with the mutant in it; an error when the text to replace is not there exactly once. */
export function breakText(source: string, { name, file, find, replace }: Change & Pick<Mutant, 'name'>): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new Error(`mutant "${name}": its text is ${parts.length - 1} times in ${file}, once is due`);
  return parts.join(replace);
}
