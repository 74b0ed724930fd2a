import { expect, test } from 'vitest';
import { exposureOf } from '#core/exposure.ts';
import type { Gate, GateReading, Sli } from '#core/gate.ts';
import type { Plan } from '#core/model.ts';

const requests: Sli = { kind: 'events', total: { metric: 'requests', matchers: [] } };
const answers: Sli = {
  ...{ kind: 'probe', suite: 'prompts', checks: ['greet'], samples: 1, everyMs: 15_000, tolerate: 0.05 },
};

function gateOf(name: string, sli: Sli): Gate {
  const slo = { name, sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 86_400_000 };
  return { name, role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1 };
}

function readingOf(gate: string, total: number, bad: number): GateReading {
  const none = { total: 0, bad: 0 };
  const tests = { stopLogE: 0, stopLimit: 1, advanceLogE: 0, advanceLimit: 1, advanceExcess: 0.1 };
  const counts = { canary: { total, bad }, stable: { total: 1000, bad: 10 }, step: { canary: none, stable: none } };
  return {
    ...{ gate, role: 'Guardrail', epoch: 'r/1', stepEpoch: 'r/1/0', verdict: 'Fail', message: '', stable: 'Meets' },
    evidence: { at: 1, ticks: 1, ...counts, ...tests, rps: 0, spend: 0 },
  };
}

const plan: Plan = {
  ...{ steps: [], probes: [], onBreach: 'Retreat', rollback: false },
  gates: [gateOf('errors', requests), gateOf('answers', answers)],
};

test('probes are no users: what they were answered is in no figure of exposure', () => {
  // kills: a breach that says that users met 900 requests which the operator sent itself.
  expect(exposureOf([readingOf('answers', 900, 90)], plan)).toBeUndefined();
  const both = [readingOf('answers', 900, 90), readingOf('errors', 100, 5)];
  expect(exposureOf(both, plan)).toEqual({ requests: 100, bad: 5, excess: 4 });
});

test('a gate that the plan does not know counts requests', () => {
  expect(exposureOf([readingOf('other', 100, 5)], undefined)).toEqual({ requests: 100, bad: 5, excess: 4 });
});

test('copies are no users either', () => {
  const reading = readingOf('errors', 100, 55);
  const evidence = { ...reading.evidence, copied: { total: 80, bad: 50 } };
  // kills: a canary that was stopped before any user met it, and a record that says how many did
  expect(exposureOf([{ ...reading, evidence }], plan)).toEqual({ requests: 20, bad: 5, excess: 5 });
});
