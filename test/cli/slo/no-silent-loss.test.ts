import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { convert } from '#cli/slo/convert.ts';
import { readDocuments } from '#cli/slo/documents.ts';

/**
 * The law of the loss report: no field of the input goes without a trace. Each leaf of each golden document is changed
 * in turn; then what comes out must change, or the leaf must stand in the report.
 */

const golden = join(import.meta.dirname, '../golden/slo');
const names = readdirSync(golden).filter((file) => /^[a-z-]+\.yaml$/.test(file) && !file.startsWith('rules'));

type Path = (string | number)[];

function leavesOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  return keys.flatMap((key) => leavesOf((value as Record<string | number, unknown>)[key], [...path, key]));
}

function changed(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return other(value);
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[key] = changed(copy[key], rest);
  return copy;
}

function other(value: unknown): unknown {
  if (typeof value === 'number') return value > 60 ? value - 7.5 : value / 2;
  if (typeof value === 'boolean') return !value;
  return `${String(value)}x`;
}

const sayPath = (path: Path) =>
  path
    .map((key) =>
      typeof key === 'number' ? `[${key}]` : /^[\w-]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    )
    .join('')
    .replace(/^\./, '');

function importAll(values: readonly unknown[]) {
  const sources = values.map((value, index) => ({ name: `${index + 1}`, text: JSON.stringify(value) }));
  return convert(readDocuments(sources), {});
}

describe.each(names)('%s', (name) => {
  const text = readFileSync(join(golden, name), 'utf8');
  const values = readDocuments([{ name, text }]).map(({ value }) => value);
  const before = importAll(values);
  const leaves = values.flatMap((value, index) => leavesOf(value).map((path) => ({ index, path })));

  // kills: sweep that reports the first unread field alone; a field read and then not used
  test.each(leaves.map(({ index, path }) => ({ index, path, at: `${index + 1}: ${sayPath(path)}` })))('$at', (leaf) => {
    const { index, path } = leaf;
    const after = importAll(values.map((value, number) => (number === index ? changed(value, path) : value)));
    const said = before.findings.some(
      ({ document, field }) => document === `${index + 1}` && covers(field, sayPath(path)),
    );
    const moved = JSON.stringify(after) !== JSON.stringify(before);
    expect(said || moved || isIdle(sayPath(path))).toBe(true);
  });
});

/** It says only whether a query without rate() may be counted, and those of the goldens have one. */
function isIdle(path: string): boolean {
  return path === 'spec.ratioMetric.counter';
}

/** A finding stands for all below its field; `.` is the whole document. */
function covers(field: string, path: string): boolean {
  return field === '.' || path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}
