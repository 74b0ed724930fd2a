import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseHistory, printHistory } from './journal.ts';
import { differences, membersOf } from './replay.ts';
import { endOf, stories } from './stories.ts';

/**
 * Releases as they were once observed and decided. Today's gates and today's `decide` get the same observations and must
 * decide the same, tick by tick. Where they shall not, RECORD=1 records anew, and CHANGES.md says why.
 */

const folder = join(import.meta.dirname, 'recorded');
const recorded = () => readdirSync(folder).map((name) => name.replace('.jsonl', ''));
const textOf = (name: string) => readFileSync(join(folder, `${name}.jsonl`), 'utf8');
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

const CHANGES = join(import.meta.dirname, 'CHANGES.md');
const RECORD = process.env['RECORD'];
const changed: string[] = [];

const FROM = 'seeded users (bench/decisions/traffic.ts, seed 1) in the small world of test/core/world.ts';

/** Members that any recording has. */
const known = new Set(recorded().flatMap((name) => [...membersOf(parseHistory(textOf(name)).lines)]));

/** What was observed stays as it is for as long as it is decided alike, though the world would show more today. */
function isDecidedAlike(name: string): boolean {
  if (!recorded().includes(name)) return false;
  const { header, lines } = parseHistory(textOf(name));
  return differences(header, lines, known).length === 0;
}

test.each(stories)('the story "$name" ends as it says', ({ name, about, ends, play }) => {
  const shop = play();
  expect(shop.violations).toEqual([]);
  expect(endOf(shop)).toBe(ends);
  if (RECORD === undefined || (RECORD !== 'all' && isDecidedAlike(name))) return;
  const text = printHistory({ history: name, about, from: FROM, ...shop.beginning }, shop.lines);
  writeFileSync(join(folder, `${name}.jsonl`), text);
  changed.push(`- ${name} ${digestOf(text)}`);
});

/** A section that waits for its title and its reason. */
afterAll(() => {
  if (changed.length === 0) return;
  const [head = '', ...sections] = readFileSync(CHANGES, 'utf8').split(/^(?=## )/m);
  writeFileSync(CHANGES, `${head}## \n\n\n\n${changed.join('\n')}\n\n${sections.join('')}`);
});

test('every story is recorded, and nothing else', () => {
  expect(recorded().sort()).toEqual(stories.map(({ name }) => name).sort());
});

// kills: any constant of a gate, any order of rules in `transition`, an effect more or less
test.each(stories)('$name is decided as recorded', ({ name }) => {
  const { header, lines } = parseHistory(textOf(name));
  expect(lines.length).toBeGreaterThan(40);
  const found = differences(header, lines, known);
  expect(found, `${name}.jsonl, ${found.join('\n')}\nIf that is meant: RECORD=1, and say why in CHANGES.md`).toEqual(
    [],
  );
});

test.each(stories)('$name: what is recorded has its reason in CHANGES.md', ({ name }) => {
  const changes = readFileSync(CHANGES, 'utf8');
  // The newest mention counts: sections are added at the top.
  const [newest] = changes.split('\n').filter((line) => line.startsWith(`- ${name} `));
  expect(newest, 'write why it is decided otherwise now').toBe(`- ${name} ${digestOf(textOf(name))}`);
});

test('every section of CHANGES.md gives its reason', () => {
  const changes = readFileSync(CHANGES, 'utf8');
  const [, ...sections] = changes.split(/^## /m);
  expect(sections.length).toBeGreaterThan(0);
  for (const section of sections) {
    const reason = section
      .split('\n')
      .slice(1)
      .filter((line) => !line.startsWith('- '))
      .join(' ')
      .trim();
    expect(reason.length, section.split('\n')[0]).toBeGreaterThan(40);
  }
});

test('a change is shown where it begins, member by member', () => {
  const { header, lines } = parseHistory(textOf('worse-5'));
  const at = lines.findIndex(({ do: { effects } }) => (effects?.length ?? 0) > 0);
  const changed = structuredClone(lines);
  const line = changed[at];
  if (line !== undefined) line.do = { ...line.do, requeueAt: 7 };
  const [where, ...what] = differences(header, changed, known);
  expect(where).toMatch(new RegExp(`^line ${at + 2}, at 0 min \\d+ s:$`));
  expect(what.join('\n')).toMatch(/ {2}requeueAt\n {4}- 7\n {4}\+ /);
});

// kills: every new member of a record called another decision; a member that is no longer there called none
test('a member that recordings do not have is no other decision, a known one is', () => {
  const { header, lines } = parseHistory(textOf('worse-5'));
  const without = structuredClone(lines);
  for (const { do: was } of without) {
    const state = was.state as { release?: { breach?: { cause?: string } } } | undefined;
    delete state?.release?.breach?.cause;
  }
  expect(differences(header, without, known).join('\n')).toMatch(/state\.release\.breach\.cause\n {4}- undefined/);
  const younger = new Set([...known].filter((path) => path !== 'state.release.breach.cause'));
  expect(differences(header, without, younger)).toEqual([]);
});

// kills: members that are lost or kept where a list or a figure changes its kind
test('what is written is read back', () => {
  const { header, lines } = parseHistory(textOf('restarts'));
  const odd = structuredClone(lines.slice(0, 60));
  for (const { see } of odd)
    for (const tick of Object.values(see.ticks ?? {}))
      for (const sample of tick.samples) Object.assign(sample, { values: [Number.NaN, Number.POSITIVE_INFINITY] });
  const again = parseHistory(printHistory(header, odd));
  expect(again.header).toEqual(header);
  expect(again.lines).toEqual(odd);
});
