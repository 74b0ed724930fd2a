import { expect, test } from 'vitest';
import type { BusinessSli } from '#core/gate.ts';
import { burnLogE } from '#gates/burn.ts';
import { requestsToExclude } from '#gates/ramp.ts';
import { BusinessDrill } from './business-drill.ts';
import { Drill, short } from './drill.ts';
import { binomial, seeded } from './random.ts';
import { context } from './service.ts';

/** Outputs that are never quite the same: pass rates by counters of all and of good answers, and pairs where there are. */

test.each([
  { bad: 1, total: 1, rate: 0.01, want: 53 },
  { bad: 2, total: 2, rate: 0.01, want: 4010 },
  { bad: 1, total: 10, rate: 0.01, want: 1.1 },
  { bad: 3, total: 31, rate: 0.01, want: 10 },
  { bad: 1, total: 1, rate: 0.05, want: 11.6 },
  { bad: 2, total: 2, rate: 0.05, want: 175 },
])('a flaky probe needs a second look: $bad of $total at $rate', ({ want, rate, ...counts }) => {
  expect(Math.exp(burnLogE(counts, rate)) / want).toBeGreaterThan(0.94);
  expect(Math.exp(burnLogE(counts, rate)) / want).toBeLessThan(1.06);
});

test.each([
  { base: 0.02, worst: 0.05, want: 247 },
  { base: 0.01, worst: 0.05, want: 121 },
  { base: 0.05, worst: 0.1, want: 179 },
  { base: 0.1, worst: 0.15, want: 275 },
])('samples until a pass rate of 1 − $worst is excluded', ({ base, worst, want }) => {
  expect(Math.round(requestsToExclude({ base, excess: worst - base, beta: 0.05 }))).toBe(want);
});

test('a pass rate is an availability of answers', () => {
  const { nextWeight: _, ...leaving } = context;
  const slo = { ...context.gate.slo, objective: 0.9 };
  const drill = new Drill({}, { ...leaving, gate: { ...context.gate, slo, tolerate: 0.05 } });
  const random = seeded(51);
  const tick = (rate: number) => ({
    canary: [30, binomial(random, 30, rate)] satisfies [number, number],
    stable: [270, binomial(random, 270, 0.05)] satisfies [number, number],
  });
  const said = Array.from({ length: 40 }, () => drill.tick(tick(0.05)));
  expect(said.map(short)).toContain('Pass');
  const worse = Array.from({ length: 40 }, () => drill.tick(tick(0.25)));
  expect(worse.map(short)).toContain('Fail/Worse');
});

const pairs: BusinessSli = {
  kind: 'business',
  exposure: { metric: 'eval_better_total', matchers: [] },
  events: { metric: 'eval_worse_total', matchers: [] },
  worse: 'Higher',
  tolerate: 0.2,
  lagMs: 0,
  paired: true,
};

/** Compares 20 prompts a tick, of which 8 differ; the canary loses each of them with this chance. */
function judged(random: () => number, losing: number, ticks: number): string {
  const drill = new BusinessDrill(pairs, { weight: 50_000 });
  const { nextWeight: _, ...leaving } = drill.context;
  drill.context = leaving;
  for (let tick = 0; tick < ticks; tick += 1) {
    const worse = binomial(random, 8, losing);
    const reading = drill.tick([8 - worse, worse], [0, 0]);
    if (reading.verdict === 'Pass' || reading.verdict === 'Fail') return short(reading);
  }
  return 'open';
}

test.each([
  { name: 'as good', losing: 0.5, verdict: 'Pass', least: 56 },
  { name: 'better', losing: 0.3, verdict: 'Pass', least: 60 },
  { name: 'loses two of three', losing: 0.667, verdict: 'Fail/Worse', least: 54 },
  { name: 'loses nine of ten', losing: 0.9, verdict: 'Fail/Worse', least: 60 },
  { name: 'as many more losses as are tolerated', losing: 1.2 / 2.2, verdict: 'Fail/Worse', least: 0 },
])('paired answers, $name: $verdict', ({ losing, verdict, least }) => {
  // kills: pairs that are alike counted, wins taken for losses, stable's pods counted.
  const random = seeded(52);
  const hits = Array.from({ length: 60 }, () => judged(random, losing, 400)).filter((end) => end === verdict).length;
  if (least > 0) expect(hits).toBeGreaterThanOrEqual(least);
  else expect(hits).toBeLessThanOrEqual(4);
});

test('pairs are told as pairs', () => {
  const drill = new BusinessDrill(pairs, { weight: 50_000 });
  drill.tick([5, 3], [0, 0]);
  const { nextWeight: _, ...leaving } = drill.context;
  drill.context = { ...leaving, stepEpoch: 'r-1/1/step1/2' };
  const reading = drill.tick([5, 3], [900, 100]);
  expect(reading).toMatchObject({ verdict: 'Inconclusive', stable: 'Meets' });
  expect(reading.message).toMatch(
    /^not yet excluded: 20% more losses than wins; that takes about [\d,]+ prompts that differ, 8 counted; of 8 prompts that differ the canary is worse in 3$/,
  );
  for (let tick = 0; tick < 20; tick += 1) drill.tick([0, 0], [0, 0]);
  expect(short(drill.judge())).toBe('NoData/NoTraffic');
  expect(drill.judge().message).toMatch(/no prompt was compared .* eval_better_total and eval_worse_total/);
});
