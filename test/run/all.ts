import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FileResult, secondAttempt } from './second-attempt.ts';

/**
 * `make test` after its checks: every test, and one second attempt for an end-to-end file that a busy machine may have
 * disturbed (docs/adr/0022). What was played again, and on what it had failed, is printed at the end. Takes vitest's filters.
 */

const root = fileURLToPath(new URL('../../', import.meta.url));
const report = `${root}.cache/test-run.json`;

function vitest(...options: string[]): number {
  const { status, error } = spawnSync('vitest', ['run', ...options], { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status ?? 1;
}

function reported(): readonly FileResult[] {
  return JSON.parse(readFileSync(report, 'utf8')).testResults;
}

mkdirSync(`${root}.cache`, { recursive: true });
rmSync(report, { force: true });
const first = vitest('--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2));
if (first !== 0) {
  const second = secondAttempt(reported());
  if ('refused' in second) {
    console.error(`\nNo second attempt: ${second.refused}.`);
    process.exitCode = first;
  } else {
    const files = second.again.map(({ file }) => relative(root, file));
    for (const { file, why } of second.again)
      console.error(`\nFirst attempt of ${relative(root, file)}:\n  ${why.join('\n  ').slice(0, 4000)}`);
    process.exitCode = vitest('--project', 'e2e', ...files);
    console.error(`Played a second time (why: above): ${files.join(' ')}`);
  }
}

if (process.env['HEADGATE_LONG'] !== '1') {
  console.error(
    'Not played here, `make long` plays them: releases behind Envoy Gateway (seven minutes of CPU to build it) and under KEDA (five), and the long variants of the other end-to-end tests.',
  );
}
