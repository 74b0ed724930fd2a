import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { historyOf, viewRollout, viewRollouts } from '#core/view.ts';
import type { RolloutView } from '#core/view-words.ts';
import { weightSeries } from '#core/weight-series.ts';
import { fleet } from './fleet.ts';
import { ago, arms, gate, holding, NOW, release, rollout } from './objects.ts';

function viewOf(name: string): RolloutView {
  const { rollouts, releases } = fleet();
  const view = viewRollouts(rollouts, releases).find((candidate) => candidate.name === name);
  if (view === undefined) throw new Error(`no ${name} in the fleet`);
  return view;
}

describe('sentences', () => {
  const release1 = release({ rollout: 'web', number: 4 }, { step: '1/3' });
  const rows: { name: string; because: string; status: Record<string, unknown>; want: string }[] = [
    {
      name: 'new',
      because: 'an operator that is down must not look like a healthy rollout',
      status: {},
      want: 'The operator has not looked at this Rollout yet.',
    },
    {
      name: 'healthy',
      because: 'a message that repeats the clause is said once',
      status: { phase: 'Healthy', message: 'stable serves all traffic' },
      want: 'Stable serves all traffic.',
    },
    {
      name: 'preparing',
      because: 'pods are what people wait for there',
      status: {
        phase: 'Progressing',
        message: 'Preparing the canary pods',
        canary: { ...arms.canary, ready: 1 },
        state: holding('web', { stage: 'Preparing', step: 0, weight: 0 }),
      },
      want: 'Preparing: 1 of 2 canary pods are ready.',
    },
    {
      name: 'holding',
      because: 'where it stands, then what holds it',
      status: { phase: 'Progressing', message: 'errors: too few samples', step: '2/3', state: holding('web') },
      want: 'Holding at 20%, step 2 of 3: errors: too few samples.',
    },
    {
      name: 'a step that pauses',
      because: 'a person must be told what to say',
      status: { phase: 'Paused', reason: 'Step', state: holding('web', { step: 0, weight: 5000 }) },
      want: 'Paused by its step, 5% stays on the canary. Next: promote web, or abort web.',
    },
    {
      name: 'a step for matched users',
      because: '0% would say that nobody meets the canary',
      status: {
        phase: 'Progressing',
        message: 'Holding step 1 of 3 for users with x-beta: yes: at least 1h',
        step: '1/3',
        state: holding('web', { step: 0, weight: 0, reach: { headers: [{ name: 'x-beta', value: 'yes' }] } }),
      },
      want: 'Holding for users with x-beta: yes, step 1 of 3: at least 1h.',
    },
    {
      name: 'a pause while requests are copied',
      because: 'all traffic is on stable, and not only there',
      status: {
        phase: 'Paused',
        reason: 'User',
        state: holding('web', { step: 0, weight: 0, reach: { mirror: 10_000 } }),
      },
      want: 'Paused by a person, the canary keeps copies of 10% of the requests. Next: resume web, or abort web.',
    },
    {
      name: 'a retreat',
      because: 'after a breach the traffic is back and retry is the way on',
      status: {
        phase: 'Paused',
        reason: 'GateBreached',
        message: 'errors: 5% bad.',
        state: holding('web', { weight: 0, ending: { kind: 'Retreat', why: 'x' } }),
      },
      want: 'Stopped by a breach, all traffic is on stable: errors: 5% bad. Next: retry web, or abort web.',
    },
    {
      name: 'a bad spec',
      because: 'no verb of ours mends a spec',
      status: { phase: 'Degraded', reason: 'InvalidSpec', message: 'spec.service: there is no Service web' },
      want: 'The spec cannot be used: spec.service: there is no Service web.',
    },
    {
      name: 'baking',
      because: 'the control is what tells a bake from the end',
      status: {
        phase: 'Progressing',
        message: 'Baking at 95%: at least 30m',
        step: 'bake',
        state: holding('web', { stage: 'Baking', step: 3, weight: 95_000 }),
      },
      want: 'Baking at 95%, 5% stays on stable as control: at least 30m.',
    },
    {
      name: 'shifting to the bake',
      because: 'its place is said once',
      status: {
        phase: 'Progressing',
        message: 'Shifting to the bake: 95%, 2 of 4 canary pods are available',
        step: 'bake',
        state: holding('web', { stage: 'Shifting', step: 3, weight: 95_000 }),
      },
      want: 'Shifting traffic to 95%, the bake: 2 of 4 canary pods are available.',
    },
    {
      name: 'a budget that is low',
      because: 'no verb brings it back',
      status: { phase: 'Paused', reason: 'BudgetLow', message: 'errors: 4% of the error budget is left', ...arms },
      want: 'Not begun: the error budget is low: errors: 4% of the error budget is left.',
    },
    {
      name: 'a turn that is waited for',
      because: 'stable serves, so this is no first revision',
      status: {
        phase: 'Progressing',
        message: 'Waiting for its turn in group a: Rollout b moves',
        stable: arms.stable,
      },
      want: 'A release is about to begin: Waiting for its turn in group a: Rollout b moves.',
    },
    {
      name: 'a silent gate that took the traffic back',
      because: 'retry is the way on',
      status: {
        phase: 'Paused',
        reason: 'NoData',
        message: 'errors: no sample; its onNoData is Retreat',
        state: holding('web', { weight: 0, ending: { kind: 'Retreat', why: 'x', cause: 'NoData' } }),
      },
      want: 'Paused because a gate cannot tell, all traffic is on stable: errors: no sample; its onNoData is Retreat. Next: retry web, or abort web.',
    },
    {
      name: 'going back',
      because: 'the direction matters more than the stage',
      status: {
        phase: 'Progressing',
        message: 'errors: 5% bad',
        state: holding('web', { weight: 0, ending: { kind: 'Abort', why: 'x' } }),
      },
      want: 'All traffic goes back to stable: errors: 5% bad.',
    },
  ];
  test.each(rows)('$name', ({ status, want, because }) => {
    expect(viewRollout(rollout('web', status), [release1]).sentence, because).toBe(want);
  });
});

// kills: two steps without a weight that look alike
test('a ladder names whom a step without a weight sends', () => {
  const object = release({ rollout: 'web', number: 4 }, {});
  const plan = (object['spec'] as { plan: { steps: unknown[] } }).plan;
  const headers = [{ name: 'x-beta', value: 'yes' }];
  plan.steps = [
    { weight: '0%', hold: '1m', headers },
    { weight: '0%', hold: '1m', mirror: { percent: 10 } },
    ...plan.steps,
  ];
  const view = viewRollout(rollout('web', { state: holding('web') }), [object]);
  expect(view.release?.ladder.slice(0, 3).map(({ reach }) => reach)).toEqual(['x-beta', '10% copied', undefined]);
});

describe('ladder', () => {
  const rows: {
    name: string;
    because: string;
    state: Record<string, unknown>;
    status: Record<string, unknown>;
    want: string;
  }[] = [
    {
      name: 'probing',
      because: 'nobody stands on the first rung before traffic',
      state: { stage: 'Probing', step: 0, weight: 0 },
      status: {},
      want: 'ahead ahead ahead ahead',
    },
    {
      name: 'holding',
      because: 'rungs below are done',
      state: { stage: 'Holding', step: 1 },
      status: {},
      want: 'done current ahead ahead',
    },
    {
      name: 'promoting',
      because: 'the last rung is the promotion',
      state: { stage: 'Promoting', step: 2 },
      status: {},
      want: 'done done done current',
    },
    {
      name: 'ending',
      because: 'it shows where it stopped',
      state: { stage: 'Holding', step: 1, ending: { kind: 'Retreat', why: 'x' } },
      status: {},
      want: 'done stopped ahead ahead',
    },
  ];
  test.each(rows)('$name', ({ state, status, want, because }) => {
    const object = rollout('web', { phase: 'Progressing', state: holding('web', state) });
    const view = viewRollout(object, [release({ rollout: 'web', number: 4 }, status)]);
    expect(view.release?.ladder.map((rung) => rung.state).join(' '), because).toBe(want);
  });

  const baking = (status: Record<string, unknown>, state?: Record<string, unknown>) => {
    const object = release({ rollout: 'web', number: 4 }, status) as { spec: { plan: Record<string, unknown> } };
    object.spec.plan = { ...object.spec.plan, bake: { for: '30m', control: '5%' } };
    const view = viewRollout(rollout('web', { state: state === undefined ? {} : holding('web', state) }), [object]);
    return (view.release?.ladder ?? []).map(
      (rung) => `${rung.bake === true ? 'bake ' : ''}${rung.weight} ${rung.state}`,
    );
  };

  test('has the bake between the last step and the end', () => {
    const steps = ['5000 done', '20000 done', '50000 done'];
    expect(baking({}, { stage: 'Baking', step: 3 })).toEqual([...steps, 'bake 95000 current', '100000 ahead']);
    expect(baking({ outcome: 'Retreated', step: 'bake' })).toEqual([...steps, 'bake 95000 stopped', '100000 ahead']);
    expect(baking({ outcome: 'Promoted', step: 'bake' })).toEqual([...steps, 'bake 95000 done', '100000 done']);
  });

  test('of an ended release comes from its own record', () => {
    const promoted = release({ rollout: 'web' }, { outcome: 'Promoted', step: '3/3' });
    const retreated = release({ rollout: 'web', number: 2 }, { outcome: 'Retreated', step: '2/3' });
    const states = historyOf([promoted, retreated], { namespace: 'shop', rollout: 'web' }).map(({ ladder }) =>
      ladder.map(({ state }) => state),
    );
    expect(states).toEqual([
      ['done', 'stopped', 'ahead', 'ahead'],
      ['done', 'done', 'done', 'done'],
    ]);
  });
});

test('an unknown verdict is never shown as a good one', () => {
  // kills: falling back to the first verdict of the list
  const object = rollout('web', { phase: 'Progressing', gates: [gate('errors', { verdict: 'Splendid' })] });
  expect(viewRollout(object, []).gates[0]?.verdict).toBe('Error');
});

test('an older release never passes for the one that runs', () => {
  // kills: taking the newest Release object while the running one is not written yet
  const old = release({ rollout: 'web', number: 3 }, { outcome: 'Promoted' });
  const view = viewRollout(rollout('web', { phase: 'Progressing', state: holding('web') }), [old]);
  expect(view.release).toMatchObject({ name: 'web-4', ladder: [] });
});

test('a pause with a length asks nobody', () => {
  const timed = release({ rollout: 'web', number: 4 }, {}) as { spec: { plan: { steps: unknown[] } } };
  timed.spec.plan.steps = [{ weight: '5%', hold: '1m', pause: { for: '10m' } }];
  const object = rollout('web', { phase: 'Paused', reason: 'Step', state: holding('web', { step: 0 }) });
  expect(viewRollout(object, [timed]).needsPerson).toBe(false);
  const low = rollout('web', { phase: 'Paused', reason: 'BudgetLow', message: 'x' });
  expect(viewRollout(low, []).needsPerson, 'time brings a budget back').toBe(false);
  expect(viewRollout(object, []).needsPerson).toBe(true);
});

test('figures of the status come through as numbers', () => {
  const view = viewOf('checkout');
  expect(view).toMatchObject({ weight: 20_000, step: { number: 2, count: 3 }, spend: 0.00012, since: NOW - 74_000 });
  expect(view.release).toMatchObject({
    maxSpend: 0.01,
    exposure: { requests: 4812, bad: 7, excess: 0.6 },
    probes: ['checkout-smoke'],
  });
  expect(viewOf('basket').problems[0]).toContain('SharedDisruptionBudget');
});

test('anything at all gives a view, and the same bytes again', () => {
  fc.assert(
    fc.property(fc.anything(), fc.array(fc.anything()), (status, releases) => {
      const object = { metadata: { name: 'web', namespace: 'shop' }, status };
      expect(JSON.stringify(viewRollout(object, releases))).toBe(JSON.stringify(viewRollout(object, releases)));
    }),
  );
});

describe('weight over time', () => {
  test('is a step line from zero to what stands now', () => {
    const view = viewOf('checkout');
    const points = view.release === undefined ? [] : weightSeries(view.release, { weight: view.weight, now: NOW });
    expect(points.map(({ at, weight }) => [(NOW - at) / 1000, weight])).toEqual([
      [262, 0],
      [239, 5000],
      [92, 20_000],
      [0, 20_000],
    ]);
  });

  test('never runs backwards, whatever the timeline says', () => {
    const times = fc.array(
      fc.record({ seconds: fc.integer({ min: -600, max: 600 }), weight: fc.integer({ min: 0, max: 100 }) }),
    );
    fc.assert(
      fc.property(times, (entries) => {
        const timeline = entries.map(({ seconds, weight }) => ({
          at: ago(seconds),
          kind: 'Shifting',
          message: `weight ${weight}%: x`,
        }));
        const [view] = historyOf([release({ rollout: 'web' }, { startedAt: ago(300), timeline })], {
          namespace: 'shop',
          rollout: 'web',
        });
        const points = view === undefined ? [] : weightSeries(view, { weight: 0, now: NOW });
        const at = points.map((point) => point.at);
        expect(at).toEqual([...at].sort((a, b) => a - b));
      }),
    );
  });
});

test.each([
  { conditions: [{ type: 'Valid', status: 'True', message: '' }], problems: [], because: 'valid is good news' },
  {
    conditions: [{ type: 'Valid', status: 'False', message: 'spec.service: gone' }],
    problems: ['Valid: spec.service: gone'],
    because: 'its False is what a person mends',
  },
  {
    conditions: [{ type: 'Paused', status: 'True', message: 'x' }],
    problems: [],
    because: 'the phase says so already',
  },
  {
    conditions: [{ type: 'RulesAdded', status: 'True', message: 'rules[1]' }],
    problems: ['RulesAdded: rules[1]'],
    because: 'an abnormal condition is bad when true',
  },
])('problems from conditions: $because', ({ conditions, problems }) => {
  const rollout = { metadata: { name: 'shop', namespace: 'default' }, status: { phase: 'Healthy', conditions } };
  expect(viewRollout(rollout, []).problems).toEqual(problems);
});

test('a release that held for another one names it, its gate and its counts', () => {
  const arms2 = { canary: { total: 310, bad: 31 }, stable: { total: 1200, bad: 2 } };
  const culprit = { rollout: 'mailer', at: new Date(NOW).toISOString(), gate: 'mailer-edge', arms: arms2 };
  const heldOf = (held: Record<string, unknown>) =>
    historyOf([release({ rollout: 'web', number: 4 }, { held })], { namespace: 'shop', rollout: 'web' })[0]?.held;
  const since = new Date(NOW).toISOString();
  expect(heldOf({ since, culprit })).toEqual({
    since: NOW,
    culprit: 'mailer, bad by its own arms: mailer-edge 31 of 310 (10%), stable 2 of 1,200 (0.17%)',
  });
  expect(heldOf({ since, until: since })).toEqual({ since: NOW, until: NOW });
});
