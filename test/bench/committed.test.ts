import { expect, test } from 'vitest';
import { reasons } from '../../bench/decisions/missed.ts';
import { policies } from '../../bench/decisions/policies.ts';
import { report } from '../../bench/decisions/report.ts';
import { checkCell, QUICK_SEEDS, readResults, SEEDS } from '../../bench/decisions/results.ts';
import { scenarioNamed as named, scenarios } from '../../bench/decisions/scenarios.ts';
import { rowOf, targets } from '../../bench/decisions/targets.ts';

/** The decisions that are committed, and that the code still makes them. */

const results = readResults();

test('every scenario has a name of its own, and every cell is committed over all seeds', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBe(scenarios.length);
  for (const { name } of scenarios)
    for (const { name: policy } of policies)
      expect(results.cells[name]?.[policy]?.runs, `${name}, ${policy}`).toBe(SEEDS);
});

test('a target that is missed has its reason', () => {
  const missed = targets.filter(({ score }) =>
    [0.995, 0.999].some((objective) => score(rowOf(results.cells, 'headgate', objective))?.met === false),
  );
  expect(missed.map(({ what }) => what).filter((what) => reasons[what] === undefined)).toEqual([]);
  expect(report(results)).not.toContain('Not explained yet');
});

test('targets are missed by those who miss them', () => {
  // kills: a target that is met by whoever plays.
  const missedBy = (policy: string) =>
    targets.filter(({ score }) => score(rowOf(results.cells, policy, 0.995))?.met === false).length;
  for (const policy of ['argo-slo', 'flagger-99', 'kayenta', 'z-0.001']) expect(missedBy(policy)).toBeGreaterThan(3);
});

/** The cells where a worse gate shows first: each guards a promise of its own. */
const telling = [
  'good-100rps-p0.1',
  'good-10rps-p0.4',
  'worse-0.5-100rps-p0.1',
  'worse-1-100rps-p0.1',
  'worse-5-100rps-p0.1',
  'worse-0.5-10rps-p0.1',
  'late-20',
  'outage-2',
  'gap-2',
  'noisy-1000rps',
  'retries',
  'latency-good-100rps',
  'latency-1.2-100rps',
  'business-0-100rps',
  'business-50-100rps',
  'together-2',
  'good-100rps-p0.1-999',
  'worse-1-100rps-p0.02-999',
];

test.each(telling)('%s is no worse than committed', (name) => {
  // kills: ten times the alpha, a beta of a half, no later starts, no tempering by dispersion.
  const [ours] = policies;
  expect(ours === undefined ? ['nobody plays'] : checkCell(results, ours, named(name), QUICK_SEEDS)).toEqual([]);
});
