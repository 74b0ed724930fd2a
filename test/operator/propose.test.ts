import { expect, test } from 'vitest';
import type { ReleaseState, State } from '#core/model.ts';
import { initialState } from '#core/state.ts';
import { propose } from '#operator/propose.ts';
import type { Stores } from '#operator/stores.ts';
import { readRollout } from '#schema/translate.ts';
import { objective, rollout, source } from '../schema/objects.ts';

/** Caches that hold one objective and the default source. */
const stores = {
  slos: { get: () => objective({ objective: '99.9' }) },
  sources: { list: () => [source({ default: true })] },
  suites: { get: () => undefined },
} as unknown as Stores;

function planOf(spec: Record<string, unknown>, change: Partial<State> = {}) {
  const wish = readRollout(rollout({ gates: [{ slo: 'sample' }], ...spec }));
  if (!wish.ok) throw new Error(JSON.stringify(wish.problems));
  const state = { ...initialState(0), stable: 'old', ...change };
  const at = { namespace: 'shop', stores, traffic: { rps: 1, base: 0.001 }, tickMs: 15_000 };
  const { plan, problems } = propose(wish, state, at);
  if (plan === undefined) throw new Error(JSON.stringify(problems));
  return { plan, revision: wish.spec.revision };
}

const steps = [{ weight: 5 }, { weight: 50 }];

test.each([
  {
    name: 'by default',
    because: 'most faults show with most of the traffic',
    spec: {},
    want: { forMs: 1_800_000, control: 5000 },
  },
  { name: 'of no length', because: 'whoever wants none says so', spec: { bake: { for: '0s' } }, want: undefined },
])('a bake $name: $because', ({ spec, want }) => {
  expect(planOf({ steps, ...spec }).plan.bake).toEqual(want);
});

// kills: a way back that waits for half an hour
test('the way back to what served recently has neither steps nor bake', () => {
  const { revision } = planOf({ steps });
  const { plan } = planOf({ steps }, { served: [revision] });
  expect(plan).toMatchObject({ rollback: true, steps: [] });
  expect(plan.bake).toBeUndefined();
});

// kills: a second attempt that has to pass a higher bar in the time of the first
test('each attempt of a revision may wait longer, because it has more to show', () => {
  const waits = (attempt: number, ending?: ReleaseState['ending']) => {
    const { revision } = planOf({ steps });
    const release = { revision, attempt, ...(ending === undefined ? {} : { ending }) } as ReleaseState;
    return planOf({ steps }, { release }).plan.gates[0]?.maxWaitMs ?? 0;
  };
  const first = planOf({ steps }).plan.gates[0]?.maxWaitMs ?? 0;
  const ended = { kind: 'Retreat', at: 1, why: 'worse' } as const;
  expect(waits(1), 'the record of the first was deleted').toBe(first);
  expect(waits(1, ended)).toBeGreaterThan(first);
  expect(waits(2, ended)).toBeGreaterThan(waits(1, ended));
});
