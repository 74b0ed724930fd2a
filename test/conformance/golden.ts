import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Transcript } from './play.ts';

/** What kube-apiserver 1.36.1 answered to the cases. `RECORD=1` on the lab writes it anew; a review reads the diff. */
const FILE = join(import.meta.dirname, 'golden/answers.json');

export function loadGolden(): Record<string, Transcript> {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
}

export function saveGolden(transcripts: Record<string, Transcript>): void {
  writeFileSync(FILE, `${JSON.stringify(transcripts, undefined, 1)}\n`);
}
