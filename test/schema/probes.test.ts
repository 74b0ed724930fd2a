import { expect, test } from 'vitest';
import type { Gate, ProbeSli } from '#core/gate.ts';
import { readSlo } from '#schema/translate-inputs.ts';
import { readRelease, releaseSpecOf } from '#schema/translate-release.ts';
import { podTemplate } from './objects.ts';

const object = (probe: object) => ({ metadata: { name: 'answers' }, spec: { sli: { probe } } });

test.each([
  {
    name: 'a suite alone',
    probe: { suite: 'prompts' },
    want: { kind: 'probe', suite: 'prompts', samples: 1, tolerate: 0.05 },
  },
  {
    name: 'a pass rate',
    probe: { suite: 'prompts', passRate: '97.5%', samples: 3, checks: ['refund'] },
    want: { kind: 'probe', suite: 'prompts', samples: 3, checks: ['refund'], passRate: 0.975, tolerate: 0.05 },
  },
  {
    name: 'pairs',
    probe: { suite: 'prompts', paired: true, tolerate: 10 },
    want: { kind: 'probe', suite: 'prompts', samples: 1, paired: true, tolerate: 0.1 },
  },
  {
    name: 'no pairs',
    probe: { suite: 'prompts', paired: false, passRate: 95 },
    want: { kind: 'probe', suite: 'prompts', samples: 1, passRate: 0.95, tolerate: 0.05 },
  },
])('$name is read', ({ probe, want }) => {
  const read = readSlo(object(probe));
  expect(read.ok ? read.value.sli : read.problems).toEqual(want);
});

test.each([{ passRate: 0.95 }, { paired: true as const }, {}])('what is judged survives its record: %o', (more) => {
  // kills: a record that forgets the pass rate, and a release that goes on after a restart by another rule.
  const sli: ProbeSli = {
    ...{ kind: 'probe', suite: 'prompts', checks: ['greet', 'refund'], samples: 2, everyMs: 17_000, tolerate: 0.05 },
    ...more,
  };
  const slo = { name: 'answers', sli, arms: { by: 'Pod' as const }, objective: 0, windowMs: 2_419_200_000 };
  const gate: Gate = { name: 'answers', role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1_800_000, onNoData: 'Hold' };
  const plan = { steps: [], gates: [gate], probes: [], onBreach: 'Retreat' as const, rollback: false };
  const release = {
    ...{ name: 'shop-1', revision: 'b', from: 'a', attempt: 1, stage: 'Preparing' as const, step: 0, weight: 0, n: 1 },
    ...{ rewrites: 0, startedAt: 1, autoResumed: false, memo: {} },
  };
  const source = { template: podTemplate() as { spec: Record<string, unknown> } };
  const wish = { budget: { targetSpend: 0.001, maxSpend: 0.01 }, change: {}, source };
  const recorded = readRelease({ spec: JSON.parse(JSON.stringify(releaseSpecOf('shop', { release, plan, wish }))) });
  expect(recorded).toMatchObject({ ok: true, value: { plan: { gates: [gate] } } });
});
