import { expect, test } from 'vitest';
import { Analysis, argo, ladder, measurement } from '../../bench/decisions/argo.ts';
import { advanceCanary, type FlaggerState, flagger } from '../../bench/decisions/flagger.ts';
import { classify, kayenta } from '../../bench/decisions/kayenta.ts';
import { shiftOf, standardised } from '../../bench/decisions/mann-whitney.ts';
import { peeking, zStatistic } from '../../bench/decisions/peeking.ts';
import type { Policy, Wish } from '../../bench/decisions/policy.ts';
import type { Scenario, Served } from '../../bench/decisions/traffic.ts';

const scenario: Scenario = { name: '', title: '', kind: 'good', rps: 1, base: 0, objective: 0.995 };

/** Plays counts per tick into a policy; `undefined` is a tick that nobody scraped. */
function feed(
  policy: Policy,
  ticks: (tick: number) => { canary?: [number, number]; stable?: [number, number] } | undefined,
) {
  const run = policy.start(scenario, 1);
  const wishes: Wish[] = [];
  for (let tick = 0; tick < 240; tick += 1) {
    const { canary = [100, 0], stable = [900, 0] } = ticks(tick) ?? {};
    const counts = ([total, bad]: [number, number]) => ({ total, bad });
    const control = counts(stable);
    const served: Served = {
      canary: [counts(canary)],
      stable: [control],
      baseline: control,
      scraped: ticks(tick) !== undefined,
    };
    const wish = run.tick(served, tick);
    wishes.push(wish);
    if (wish.outcome !== 'open') break;
  }
  return { ticks: wishes.length, last: wishes.at(-1), shares: wishes.map(({ shares }) => shares.canary) };
}

const argo99 = argo('argo', 'Argo', { threshold: 0.99, minutes: 1 });

test('Argo: a good release takes the steps of its ladder, then everything', () => {
  const { ticks, last, shares } = feed(argo99, () => ({}));
  expect(last?.outcome).toBe('promoted');
  expect(ticks).toBe(80);
  expect([shares[0], shares[19], shares[39], shares[59]]).toEqual([0.05, 0.1, 0.25, 0.5]);
  expect(ladder(80)).toBeUndefined();
});

test.each([
  { results: ['Failed', 'Failed', 'Failed'], ends: false, because: 'failureLimit 3 allows three' },
  { results: ['Failed', 'Failed', 'Failed', 'Failed'], ends: true, because: 'the fourth is one too many' },
  {
    results: ['Failed', 'Successful', 'Failed', 'Successful', 'Failed', 'Successful', 'Failed'],
    ends: true,
    because: 'successes between them forgive nothing',
  },
  { results: ['Error', 'Error', 'Error', 'Error'], ends: false, because: 'four errors in a row are tolerated' },
  { results: ['Error', 'Error', 'Error', 'Error', 'Error'], ends: true, because: 'the fifth is not' },
  {
    results: ['Error', 'Error', 'Error', 'Error', 'Successful', 'Error'],
    ends: false,
    because: 'an answer ends the row of errors',
  },
] as const)('Argo: $because', ({ results, ends }) => {
  const analysis = new Analysis();
  expect(results.map((result) => analysis.measure(result)).at(-1)).toBe(ends);
});

test('Argo: what a measurement is', () => {
  expect(measurement(undefined, 0.99)).toBe('Error');
  expect(measurement(Number.NaN, 0.99), 'guarded by isNaN, as the docs advise').toBe('Successful');
  expect([measurement(0.99, 0.99), measurement(0.9899, 0.99)]).toEqual(['Successful', 'Failed']);
});

test('Argo: a bad canary ends at its fourth minute', () => {
  const { ticks, last } = feed(argo99, () => ({ canary: [100, 5] }));
  expect([ticks, last?.outcome]).toEqual([16, 'stopped']);
});

test('Argo: five errors ten seconds apart end the run', () => {
  // The window of a minute is empty a minute after the last sample; the measurement at minute 3 is the first error.
  const { ticks, last } = feed(argo99, (tick) => (tick >= 5 ? undefined : {}));
  expect([ticks, last?.outcome]).toEqual([15, 'stopped']);
});

test.each<{ name: string; state: FlaggerState; rate: number | undefined; next: ReturnType<typeof advanceCanary> }>([
  {
    name: 'a good check moves on',
    state: { weight: 0.1, failedChecks: 2 },
    rate: 1,
    next: { weight: 0.2, failedChecks: 2 },
  },
  {
    name: 'a failed check holds and counts',
    state: { weight: 0.3, failedChecks: 0 },
    rate: 0.98,
    next: { weight: 0.3, failedChecks: 1 },
  },
  {
    name: 'no value is a failed check',
    state: { weight: 0.3, failedChecks: 0 },
    rate: undefined,
    next: { weight: 0.3, failedChecks: 1 },
  },
  {
    name: 'no traffic is a failed check',
    state: { weight: 0.3, failedChecks: 0 },
    rate: Number.NaN,
    next: { weight: 0.3, failedChecks: 1 },
  },
  {
    name: 'the fifth failure only counts',
    state: { weight: 0.3, failedChecks: 4 },
    rate: 0,
    next: { weight: 0.3, failedChecks: 5 },
  },
  {
    name: 'the rollback comes one interval later, whatever is measured then',
    state: { weight: 0.3, failedChecks: 5 },
    rate: 1,
    next: 'rollback',
  },
  {
    name: 'at the most weight a good check promotes',
    state: { weight: 0.5, failedChecks: 4 },
    rate: 0.99,
    next: 'promote',
  },
])('Flagger: $name', ({ state, rate, next }) => {
  expect(advanceCanary(state, rate)).toEqual(next);
});

test('Flagger: five good minutes promote, six bad ones roll back', () => {
  const good = feed(flagger, () => ({}));
  expect([good.ticks, good.last?.outcome]).toEqual([20, 'promoted']);
  const bad = feed(flagger, () => ({ canary: [100, 5] }));
  expect([bad.ticks, bad.last?.outcome, bad.shares[22]]).toEqual([24, 'stopped', 0.1]);
});

test('Kayenta: the rank sum by hand', () => {
  // x = {3, 4, 5} against y = {1, 2}: all six pairs for x, so the deviation is 6 − 3 = 3, less ½; variance 3.
  expect(standardised([3, 4, 5], [1, 2], 0)).toBeCloseTo(2.5 / Math.sqrt(3), 12);
  // One tie: ranks of {1, 2} and {2, 3} are 1, 2½, 2½, 4; the deviation is 3½ − 3 − 2, plus ½; one pair is tied.
  expect(standardised([1, 2], [2, 3], 0)).toBeCloseTo(-1 / Math.sqrt((4 / 12) * (5 - 6 / 12)), 12);
});

test('Kayenta: the rank sum as SciPy has it', () => {
  // scipy.stats.mannwhitneyu(x − mu, y, use_continuity=True, method='asymptotic'), its p-value as a normal quantile.
  const x = [0, 1.6, 0, 3.3, 1.7, 0, 5, 0, 0, 1.6];
  const y = [0, 0, 0, 1.6, 0, 0, 0, 0, 1.7, 0];
  expect(standardised(x, y, 0)).toBeCloseTo(1.422869548602862, 12);
  expect(standardised(x, y, 0.5)).toBeCloseTo(-0.4332129607799786, 12);
});

test('Kayenta: the shift is the median of the differences, within its limits', () => {
  const control = Array.from({ length: 30 }, (_, index) => Math.sin(index * 7) + index / 100);
  const experiment = Array.from({ length: 30 }, (_, index) => Math.cos(index * 5) + 10);
  const differences = experiment.flatMap((one) => control.map((other) => one - other)).sort((a, b) => a - b);
  const { estimate, lower, upper } = shiftOf(experiment, control);
  expect(Math.abs(estimate - (differences[450] ?? 0))).toBeLessThan(0.01);
  expect(lower).toBeLessThan(estimate);
  expect(upper).toBeGreaterThan(estimate);
});

test.each([
  {
    name: 'clearly more failures',
    experiment: [5, 6, 7, 5, 6, 7, 5, 6, 7, 6],
    control: [1, 0, 2, 1, 0, 1, 2, 0, 1, 1],
    says: 'High',
  },
  { name: 'fewer failures', experiment: [0, 0, 1, 0], control: [5, 6, 7, 5], says: 'Pass' },
  { name: 'the same in another order', experiment: [0, 1, 2], control: [2, 0, 1], says: 'Pass' },
  { name: 'all tied', experiment: [0, 0, 0], control: [0, 0], says: 'Pass' },
  { name: 'nothing measured', experiment: [], control: [1], says: 'NoData' },
  { name: 'about the same', experiment: [1, 3, 2, 4, 3, 2], control: [2, 2, 3, 3, 1, 2], says: 'Pass' },
])('Kayenta: $name is $says', ({ experiment, control, says }) => {
  expect(classify(experiment, control)).toBe(says);
});

test('Kayenta: judged after ten minutes, promoted after fifty', () => {
  const bad = feed(kayenta, (tick) => ({ canary: [100, 5 + (tick % 3)], stable: [100, tick % 2] }));
  expect([bad.ticks, bad.last?.outcome]).toEqual([40, 'stopped']);
  const good = feed(kayenta, () => ({ canary: [100, 0], stable: [100, 0] }));
  expect([good.ticks, good.last?.outcome]).toEqual([200, 'promoted']);
});

test('z-test: the textbook value, and nothing to compare', () => {
  // 30 of 200 against 20 of 300: pooled 0.1, standard error 0.3·√(1/200 + 1/300).
  expect(zStatistic({ total: 200, bad: 30 }, { total: 300, bad: 20 })).toBeCloseTo(
    (0.15 - 20 / 300) / (0.3 * Math.sqrt(1 / 200 + 1 / 300)),
    12,
  );
  expect(zStatistic({ total: 0, bad: 0 }, { total: 300, bad: 20 })).toBe(0);
  expect(zStatistic({ total: 10, bad: 0 }, { total: 300, bad: 0 })).toBe(0);
});

test('z-test: looks every tick, and at all counts so far', () => {
  expect(feed(peeking('0.001'), () => ({ canary: [100, 5], stable: [900, 1] })).ticks).toBe(1);
  const slow = feed(peeking('0.001'), () => ({ canary: [100, 1], stable: [900, 3] }));
  expect([slow.last?.outcome, slow.ticks > 5]).toEqual(['stopped', true]);
});
