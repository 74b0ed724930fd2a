import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readText } from '#cli/read.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-read-'));
  writeFileSync(join(folder, 'text'), 'grüße');
  writeFileSync(join(folder, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a text is read', async () => expect(await readText(join(folder, 'text'))).toBe('grüße'));

test.each([
  { name: 'binary', says: 'it is no text in UTF-8' },
  { name: 'missing', says: 'there is no such file' },
  { name: '.', says: 'it is a folder; name its files' },
])('$name: $says', async ({ name, says }) => {
  const file = join(folder, name);
  await expect(readText(file)).rejects.toThrow(`cannot read ${file}: ${says}`);
});

// kills: a stream without an end that fills the memory
test('what never ends is left', async () => {
  await expect(readText('/dev/zero')).rejects.toThrow('cannot read /dev/zero: it has more than 16 MiB');
});
