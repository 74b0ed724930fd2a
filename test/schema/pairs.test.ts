import { expect, test } from 'vitest';
import type { Gate } from '#core/gate.ts';
import { readSlo } from '#schema/translate-inputs.ts';
import { readRelease, releaseSpecOf } from '#schema/translate-release.ts';
import { podTemplate } from './objects.ts';

const sli = { pairs: { better: { metric: 'eval_better_total' }, worse: { metric: 'eval_worse_total' } } };
const object = (spec: object) => ({ metadata: { name: 'answers' }, spec });

test('paired answers are losses per win, and survive their record', () => {
  const read = readSlo(object({ sli }));
  expect(read).toMatchObject({
    ok: true,
    value: {
      objective: 0,
      sli: {
        kind: 'business',
        exposure: { metric: 'eval_better_total' },
        events: { metric: 'eval_worse_total' },
        ...{ paired: true, worse: 'Higher', tolerate: 0.2, lagMs: 0 },
      },
    },
  });
  if (!read.ok || 'gateway' in read.value.sli || read.value.sli.kind === 'probe') throw new Error('it was read');
  const slo: Gate['slo'] = { ...read.value, sli: read.value.sli, arms: { by: 'Pod' } };
  const gate: Gate = { name: 'answers', role: 'Guardrail', slo, tolerate: 1, maxWaitMs: 1_800_000, onNoData: 'Hold' };
  const plan = { steps: [], gates: [gate], probes: [], onBreach: 'Retreat' as const, rollback: false };
  const release = {
    ...{ name: 'shop-1', revision: 'b', from: 'a', attempt: 1, stage: 'Preparing' as const, step: 0, weight: 0, n: 1 },
    ...{ rewrites: 0, startedAt: 1, autoResumed: false, memo: {} },
  };
  const source = { template: podTemplate() as { spec: Record<string, unknown> } };
  const wish = { budget: { targetSpend: 0.001, maxSpend: 0.01 }, change: {}, source };
  const recorded = readRelease({ spec: JSON.parse(JSON.stringify(releaseSpecOf('shop', { release, plan, wish }))) });
  // kills: a record that forgets that the counters are pairs, and reads wins as exposures
  expect(recorded).toMatchObject({ ok: true, value: { plan: { gates: [gate] } } });
});

test.each([
  { name: 'an objective', spec: { sli, objective: '99' }, field: 'spec.objective' },
  {
    name: 'another SLI',
    spec: { sli: { ...sli, events: { total: { metric: 'a' }, bad: { metric: 'b' } } } },
    field: 'spec.sli',
  },
])('pairs take no $name beside them', ({ spec, field }) => {
  const read = readSlo(object(spec));
  expect(read.ok ? [] : read.problems.map((problem) => problem.field)).toContain(field);
});
