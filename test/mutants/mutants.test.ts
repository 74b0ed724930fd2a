import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from './list.ts';
import { changesOf, isWritten, type Killer, type Mutant, patternOf } from './mutant.ts';
import { breakText } from './scratch.ts';
import { type FileReport, fateOf } from './verdict.ts';

/** `make mutants` takes minutes; that its list still fits the code is known at once. */

const root = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

test('each mutant has a name of its own', () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

test.each(mutants.map((mutant) => ({ ...mutant })))(
  '$name: its text is there once, and its test is there',
  (mutant) => {
    const { killedBy } = mutant;
    const changes = changesOf(mutant);
    for (const change of changes)
      expect(breakText(read(change.file), change), 'it changes something').not.toBe(read(change.file));
    expect(new Set(changes.map(({ file }) => file)).size, 'each in a file of its own').toBe(changes.length);
    expect(isWritten(killedBy, read(killedBy.writtenIn ?? killedBy.file)), `"${killedBy.test}" is a title`).toBe(true);
  },
);

test('every invariant of ARCHITECTURE.md has a mutant, and every mutant breaks one that is there', () => {
  const written = [...read('ARCHITECTURE.md').matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => Number(number));
  const broken = mutants.flatMap(({ breaks }) => (typeof breaks === 'number' ? [breaks] : []));
  expect([...new Set(broken)].sort((a, b) => a - b)).toEqual(written);
});

const mutant: Mutant = {
  name: 'a',
  breaks: 1,
  file: 'x.ts',
  find: 'a < b',
  replace: 'a > b',
  killedBy: { file: 'x.test.ts', test: 'a $name of %s (again)' },
  because: '',
};

test.each([
  { source: 'if (a < b) b();', want: 'if (a > b) b();', because: 'once is right' },
  { source: 'if (a <= b) b();', want: /0 times/, because: 'code that moved on is no mutant' },
  { source: 'a < b || a < b', want: /2 times/, because: 'which of them is meant cannot be told' },
])('breaking "$source": $because', ({ source, want }) => {
  if (typeof want === 'string') expect(breakText(source, mutant)).toBe(want);
  else expect(() => breakText(source, mutant)).toThrow(want);
});

const killer: Killer = mutant.killedBy;
const report = (status: string, message = '', title = 'a raise of 5 (again)'): FileReport[] => [
  { name: 'x', message: '', assertionResults: [{ title, status, failureMessages: message === '' ? [] : [message] }] },
];

// kills: any failure that counts as noticed, a test that is not there and does not fail
test.each([
  { name: 'an expectation', reports: report('failed', 'AssertionError: expected 1 to be 2'), kind: 'killed' },
  { name: 'a law', reports: report('failed', 'Error: Property failed after 3 tests'), kind: 'killed' },
  { name: 'a world that never arrives', reports: report('failed', 'Error: not reached within 400'), kind: 'killed' },
  { name: 'a test that passes', reports: report('passed'), kind: 'survived' },
  { name: 'a name that is missing', reports: report('failed', 'ReferenceError: x is not defined'), kind: 'broken' },
  {
    name: 'nonsense in a law',
    reports: report('failed', 'Error: Property failed after 1 tests\nGot TypeError: x is not a function'),
    kind: 'broken',
  },
  { name: 'a limit of time', reports: report('failed', 'Error: Test timed out in 60000ms.'), kind: 'broken' },
  { name: 'another test', reports: report('failed', 'AssertionError: 1', 'a raise of 5'), kind: 'broken' },
  {
    name: 'a file that cannot be read',
    reports: [{ name: 'x', message: 'Transform failed: unexpected }', assertionResults: [] }],
    kind: 'broken',
  },
])('$name: the mutant is $kind', ({ reports, kind }) => {
  expect(fateOf(killer, reports).kind).toBe(kind);
});

test('titles are patterns, and nothing else in them is', () => {
  expect(patternOf(killer)).toBe('a .* of .* \\(again\\)');
});
