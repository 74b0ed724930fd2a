import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArmSplit, GateContext, GateReading, Verdict } from '#core/gate.ts';
import { heldBySampleRatio, sampleRatio } from '#gates/sample-ratio.ts';
import { WHOLE } from '#lib/units.ts';
import { binomial, seeded } from './random.ts';

interface Golden {
  rows: { share: number; ticks: [number, number][]; want: number[] }[];
}

const golden: Golden = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/sample-ratio.json'), 'utf8'));

/** The test looks at totals alone. */
const step = (canary: number, stable: number) => ({
  canary: { total: canary, bad: 0 },
  stable: { total: stable, bad: 0 },
});

describe('the posterior odds of savvi, tick by tick', () => {
  test.each(golden.rows)('share $share', ({ share, ticks, want }) => {
    let canary = 0;
    let stable = 0;
    for (const [index, [c, s]] of ticks.entries()) {
      canary += c;
      stable += s;
      expect(sampleRatio(step(canary, stable), Math.round(share * WHOLE))?.logE).toBeCloseTo(want[index] ?? NaN, 6);
    }
  });
});

test.each([
  { name: 'as the route says', because: 'nothing is off', canary: 500, stable: 9500, weight: 5, alarm: false },
  {
    name: 'half',
    because: 'a gateway that ignores half of the weight',
    canary: 250,
    stable: 9750,
    weight: 5,
    alarm: true,
  },
  {
    name: 'nothing',
    because: 'the gate itself says DarkCanary; the ratio is off all the same',
    canary: 0,
    stable: 2000,
    weight: 5,
    alarm: true,
  },
  {
    name: 'twice',
    because: 'users met more of it than was allowed',
    canary: 1000,
    stable: 9000,
    weight: 5,
    alarm: true,
  },
  {
    name: 'a tenth too little',
    because: 'significant, and no fault: sticky sessions',
    canary: 45_000,
    stable: 955_000,
    weight: 5,
    alarm: false,
  },
  { name: 'few requests', because: 'it may well be chance', canary: 1, stable: 99, weight: 5, alarm: false },
  {
    name: 'stable short of its 5 %',
    because: 'the smaller arm is the measure',
    canary: 9800,
    stable: 200,
    weight: 95,
    alarm: true,
  },
])('$name: $because', ({ canary, stable, weight, alarm }) => {
  expect(sampleRatio(step(canary, stable), weight * 1000)?.alarm).toBe(alarm);
});

test.each([
  { name: 'weight 0', canary: 0, stable: 100, weight: 0 },
  { name: 'all of it', canary: 100, stable: 0, weight: WHOLE },
  { name: 'no request', canary: 0, stable: 0, weight: 5000 },
])('$name has no ratio', ({ canary, stable, weight }) => {
  expect(sampleRatio(step(canary, stable), weight)).toBeUndefined();
});

test('looked at after every tick, a gateway that is fair is nearly never held', () => {
  let alarms = 0;
  const runs = 2000;
  for (let run = 0; run < runs; run++) {
    const random = seeded(run);
    let canary = 0;
    let stable = 0;
    for (let tick = 0; tick < 100; tick++) {
      const c = binomial(random, 40, 0.05);
      canary += c;
      stable += 40 - c;
      if (sampleRatio(step(canary, stable), 5000)?.alarm === true) {
        alarms += 1;
        break;
      }
    }
  }
  // kills: a fixed-sample test at the same level, looked at a hundred times
  expect(alarms, 'α is one in a thousand').toBeLessThanOrEqual(6);
});

test('half of the share is found within two thousand requests, nine times of ten', () => {
  let found = 0;
  for (let run = 0; run < 200; run++) {
    const canary = binomial(seeded(run), 2000, 0.025);
    if (sampleRatio(step(canary, 2000 - canary), 5000)?.alarm === true) found += 1;
  }
  expect(found).toBeGreaterThan(180);
});

describe('a gate', () => {
  const exact: ArmSplit = { by: 'Label', label: 'service', stable: 's', canary: 'c', exact: true };
  const { exact: _, ...mixed } = exact;
  const reading = (verdict: Verdict, rps = 100) =>
    ({ verdict, message: 'as it was', evidence: { step: step(100, 9900), rps } }) as unknown as GateReading;
  const context = (arms: ArmSplit, more: Partial<GateContext> = {}) =>
    ({ gate: { slo: { arms } }, arrived: true, weight: 5000, ...more }) as unknown as GateContext;

  test.each<{
    name: string;
    because: string;
    verdict: Verdict;
    arms: ArmSplit;
    more?: Partial<GateContext>;
    held: boolean;
    rps?: number;
  }>([
    { name: 'a pass', because: 'too little was asked of the canary', verdict: 'Pass', arms: exact, held: true },
    { name: 'a gate that waits', because: 'it says why', verdict: 'Inconclusive', arms: exact, held: true },
    { name: 'a breach', because: 'a breach stands', verdict: 'Fail', arms: exact, held: false },
    { name: 'silence', because: 'it has a cause of its own', verdict: 'NoData', arms: exact, held: false },
    {
      name: 'the first seconds',
      because: 'the gateway may have taken the weight a moment ago',
      verdict: 'Pass',
      arms: exact,
      held: false,
      rps: 1100,
    },
    // kills: the alarm on counts that hold more than the routes deal out
    { name: 'mixed counts', because: 'other callers go to stable', verdict: 'Pass', arms: mixed, held: false },
    { name: 'pods', because: 'so do clients inside', verdict: 'Pass', arms: { by: 'Pod' }, held: false },
    // kills: the narrow alarm where a step's share comes with new sessions alone
    {
      name: 'sticky sessions',
      because: 'most users have met stable before the step began',
      verdict: 'Pass',
      arms: exact,
      more: { sticky: true, weight: 4000 },
      held: false,
    },
    {
      name: 'a step on its way',
      because: 'the gateway may not have it yet',
      verdict: 'Pass',
      arms: exact,
      more: { arrived: false },
      held: false,
    },
  ])('$name: $because', ({ verdict, arms, more, held, rps }) => {
    const told = heldBySampleRatio(reading(verdict, rps), context(arms, more));
    expect(told.verdict).toBe(held ? 'Inconclusive' : verdict);
    expect(told.cause).toBe(held ? 'SampleRatio' : undefined);
    if (held) expect(told.message).toContain('sent the canary 1 % of 10000 requests where the route says 5 %');
  });
});
