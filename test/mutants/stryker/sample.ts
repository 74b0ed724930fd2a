import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';

/**
 * A plugin of Stryker that lets a seeded part of all mutants through. Thousands of them would take a night; which ones
 * are drawn depends on what they change alone, so the same seed draws the same mutants anywhere.
 */

/** A mutant as Stryker tells of it, as far as it is read here. */
export interface Drawn {
  id: string;
  fileName: string;
  mutatorName: string;
  replacement: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
}

export interface Draw {
  seed: string;
  /** Part of all mutants that is drawn, 0 to 1. */
  part: number;
  /** Of what is drawn, one of so many equal shares: `[1, 3]` is the first of three. */
  share: readonly [which: number, of: number];
}

/** A number in [0, 1) that this mutant always has. */
function rank({ fileName, mutatorName, replacement, location }: Omit<Drawn, 'id'>, seed: string): number {
  const { start, end } = location;
  const file = fileName.slice(fileName.lastIndexOf('/src/'));
  const name = [seed, file, mutatorName, replacement, start.line, start.column, end.line, end.column].join('\n');
  return createHash('sha256').update(name).digest().readUInt32BE(0) / 2 ** 32;
}

export function isDrawn(mutant: Omit<Drawn, 'id'>, { seed, part, share: [which, of] }: Draw): boolean {
  const at = rank(mutant, seed);
  return at < part && Math.floor((at / part) * of) + 1 === which;
}

/** `SAMPLE=0.05 SEED=1 SHARE=2/3` in the environment; all mutants without it. */
export function drawOf(environment: Readonly<Record<string, string | undefined>>): Draw {
  const [which = 1, of = 1] = (environment['SHARE'] ?? '1/1').split('/').map(Number);
  return { seed: environment['SEED'] ?? '1', part: Number(environment['SAMPLE'] ?? 1), share: [which, of] };
}

function createSample() {
  const draw = drawOf(process.env);
  return {
    init: async () => undefined,
    group: async (mutants: Drawn[]) => [mutants.map(({ id }) => id)],
    // What does not compile is neither run nor counted: the place that Stryker has for a mutant that is no mutant.
    check: async (mutants: Drawn[]) =>
      Object.fromEntries(
        mutants.map((mutant) => [
          mutant.id,
          isDrawn(mutant, draw) ? { status: 'passed' } : { status: 'compileError', reason: 'not drawn' },
        ]),
      ),
  };
}
createSample.inject = [] as const;

/** A line for each mutant that was tried, at once: a run that is cut short has not been for nothing. */
function createLines() {
  return {
    onMutantTested: ({ status, fileName, mutatorName, replacement, location }: Drawn & { status: string }) => {
      if (status === 'CompileError' || status === 'Ignored') return;
      const file = fileName.slice(fileName.lastIndexOf('/src/') + 1);
      appendFileSync(RESULTS, `${JSON.stringify({ status, file, mutatorName, replacement, location })}\n`);
    },
  };
}
createLines.inject = [] as const;

/** Where `score.ts` reads them. */
export const RESULTS = '.cache/stryker/results.jsonl';

export const strykerPlugins = [
  { kind: 'Checker', name: 'sample', factory: createSample },
  { kind: 'Reporter', name: 'lines', factory: createLines },
];
