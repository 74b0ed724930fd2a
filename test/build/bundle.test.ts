import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

// kills: a bundle that leans on a chunk or on node_modules beside it; the image holds this one file.
test('the operator starts from its one file in an empty folder', async () => {
  await run(process.execPath, [join(root, 'scripts/build.ts')], { cwd: root });
  const folder = await mkdtemp(join(tmpdir(), 'headgate-bundle-'));
  try {
    const file = join(folder, 'headgate.js');
    await copyFile(join(root, 'dist/headgate.js'), file);
    const env = { PATH: process.env['PATH'], HEADGATE_TICK: 'soon' };
    const ended = await run(process.execPath, [file], { cwd: folder, env }).catch(
      (error: { code: number; stderr: string }) => error,
    );
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('HEADGATE_TICK: "soon" is not a duration such as 15s'),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
