import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foreseeSteps } from '#gates/foresight.ts';
import { requestsToDetect } from '#gates/ramp.ts';

const slo = { tolerate: 0.005, objective: 0.995, windowMs: 30 * 86_400_000, targetSpend: 0.001, reactionMs: 45_000 };
const hour = 3_600_000;

test('five minutes at 5 % of one request a second see +14 % at best', () => {
  // The golden sentence of the planner: 15 requests, base 0.1 %.
  const [step] = foreseeSteps({ ...slo, steps: [{ weight: 5000, holdMs: 300_000 }], rps: 1, base: 0.001 });
  expect(step?.requests).toBe(15);
  expect(step?.sees).toBeCloseTo(0.14, 2);
});

test.each([
  { weight: 5000, minutes: 127 },
  { weight: 25_000, minutes: 41 },
  { weight: 50_000, minutes: 37 },
])('+1 % needs $minutes minutes at weight $weight of one request a second', ({ weight, minutes }) => {
  const share = weight / 100_000;
  const seconds = requestsToDetect({ base: 0.001, excess: 0.01, share }) / share;
  expect(seconds / 60).toBeCloseTo(minutes, 0);
});

test('ten times the traffic sees +2 % in the same step', () => {
  const [step] = foreseeSteps({ ...slo, steps: [{ weight: 5000, holdMs: 300_000 }], rps: 10, base: 0.001 });
  expect(step?.sees).toBeCloseTo(0.02, 2);
});

test('a step without traffic sees nothing and never ends', () => {
  const [step] = foreseeSteps({ ...slo, steps: [{ weight: 5000, holdMs: hour }], rps: 0, base: 0.001 });
  expect(step).toMatchObject({ requests: 0, needsMs: Number.POSITIVE_INFINITY });
  expect(step).not.toHaveProperty('sees');
});

test('law: more traffic and longer holds see less, and need no longer', () => {
  // kills: a forecast that grows with the traffic
  const question = fc.record({
    weight: fc.integer({ min: 100, max: 50_000 }),
    rps: fc.double({ min: 0.1, max: 1000, noNaN: true }),
    base: fc.double({ min: 0.0001, max: 0.05, noNaN: true }),
    more: fc.double({ min: 1.1, max: 10, noNaN: true }),
  });
  fc.assert(
    fc.property(question, ({ weight, rps, base, more }) => {
      const steps = [{ weight, holdMs: hour }];
      const [few] = foreseeSteps({ ...slo, steps, rps, base });
      const [many] = foreseeSteps({ ...slo, steps, rps: rps * more, base });
      expect(many?.sees ?? 1).toBeLessThanOrEqual((few?.sees ?? 1) + 1e-9);
      expect(many?.needsMs ?? 0).toBeLessThan(few?.needsMs ?? 0);
    }),
    { numRuns: 200, seed: 3 },
  );
});
