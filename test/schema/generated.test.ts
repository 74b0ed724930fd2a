import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { generated } from '#schema/emit.ts';

const root = join(import.meta.dirname, '../..');
const files = generated();

// kills: a schema edited without `npm run crds`
test.each(Object.keys(files))('%s is what `npm run crds` makes', (path) => {
  expect(readFileSync(join(root, path), 'utf8')).toBe(files[path]);
});

test('no CRD stands there that nothing makes, and kustomize knows each', () => {
  const made = Object.keys(files).flatMap((path) => (path.startsWith('crds/') ? [path.slice('crds/'.length)] : []));
  expect(readdirSync(join(root, 'crds')).sort()).toEqual([...made, 'kustomization.yaml'].sort());
  const [kustomization] = parseAllDocuments(readFileSync(join(root, 'crds/kustomization.yaml'), 'utf8'));
  expect(kustomization?.toJS().resources.sort()).toEqual(made.sort());
});

test('kubectl reads YAML 1.1: no bare word of a CRD turns into a boolean', () => {
  for (const [path, text] of Object.entries(files)) {
    if (!path.endsWith('.yaml')) continue;
    const [old] = parseAllDocuments(text, { version: '1.1' });
    const [now] = parseAllDocuments(text, { version: '1.2' });
    expect(old?.toJS(), path).toEqual(now?.toJS());
  }
});
