import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RESULTS } from './sample.ts';

/** The score over all runs since the results were last cleared, and the mutants that nobody noticed. */

interface Result {
  status: string;
  file: string;
  mutatorName: string;
  replacement: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
}

const root = join(import.meta.dirname, '../../..');
const lines = readFileSync(join(root, RESULTS), 'utf8').trimEnd().split('\n');
const results = [...new Set(lines)].map((line): Result => JSON.parse(line));

const noticed = ({ status }: Result) => status === 'Killed' || status === 'Timeout';
const survived = results.filter((result) => !noticed(result));
for (const { file, location, mutatorName, replacement, status } of survived) {
  const { line, column } = location.start;
  const until = `${location.end.line}:${location.end.column}`;
  const source = readFileSync(join(root, file), 'utf8').split('\n')[line - 1]?.trim();
  console.log(
    `${status.padEnd(10)} ${file}:${line}:${column}-${until} ${mutatorName}\n  - ${source}\n  + … ${replacement}`,
  );
}
for (const folder of ['src/core', 'src/gates', 'src']) {
  const here = results.filter(({ file }) => file.startsWith(`${folder}/`));
  const share = ((100 * here.filter(noticed).length) / Math.max(1, here.length)).toFixed(1);
  console.log(`${folder}: ${here.filter(noticed).length} of ${here.length} noticed, ${share} %`);
}
