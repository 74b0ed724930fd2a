import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { withPart } from '../../scripts/parts.ts';
import { readParts } from '../../scripts/reliability.ts';
import { simulationsOf } from '../../scripts/simulations.ts';

/** Violations of the runs that are shown, each with a word about it on the page. */
test('what a shown run has found is told', () => {
  const page = readFileSync(new URL('../../docs/reliability.md', import.meta.url), 'utf8');
  const [, told = ''] = page.split('<!-- simulations:end -->');
  for (const { failed } of readParts().reports)
    for (const { seed } of failed) expect(told, `seed ${seed}`).toContain(String(seed));
});

test('faults stand against what was looked at in worlds that had them', () => {
  const report = {
    kind: 'pure',
    worlds: 12_345,
    failed: [],
    cpuSeconds: 99.6,
    faults: { crash: { injected: 1_234_567, worlds: 999 } },
    checks: { '4 no raise past a newer fence': 5000, 'silence is not success': 7 },
    matrix: { crash: { '4 no raise past a newer fence': 1234 } },
  };
  expect(simulationsOf([report]).split('\n')).toEqual([
    '**pure**: 12,345 worlds, 0 violations, 100 s of CPU.',
    'Beside the numbers of ARCHITECTURE.md: b silence is not success.',
    '',
    '| fault | injected | worlds | 4 | b |',
    '| --- | ---: | ---: | ---: | ---: |',
    '| crash | 1.23 M | 999 | 1.23 k | 0 |',
    '| **all worlds** | | 12.3 k | 5 k | 7 |',
  ]);
});

test('a page without a place for its parts is an error', () => {
  expect(() => withPart('nothing', 'mutants', '')).toThrow('mutants:begin');
});
