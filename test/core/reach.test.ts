import { expect, test } from 'vitest';
import { formatReach, shareWords } from '#core/reach.ts';
import type { Reach } from '#core/words.ts';
import { gate, releasing, type World } from './world.ts';

const beta: Reach = { headers: [{ name: 'x-beta', value: 'yes' }] };
const copies: Reach = { mirror: 10_000 };
const text = (reach: Reach) => formatReach(reach);

function reaching(...reaches: Reach[]): World {
  const world = releasing();
  const first = reaches.map((reach) => ({ weight: 0, holdMs: 5000, reach }));
  world.plan = { ...world.plan, steps: [...first, { weight: 20_000, holdMs: 5000 }] };
  return world;
}
const holdingAt = (step: number) => (world: World) =>
  world.state.release?.stage === 'Holding' && world.state.release.step === step;
const settledOn = (revision: string) => (world: World) =>
  world.state.phase === 'Healthy' && world.state.stable === revision && world.routes[0]?.fence === undefined;
const carried = ({ routes: [route] }: World) => [route?.weight, route?.reach, route?.fence?.weight];

// kills: a fence that is planted past a grant without weight, a matched rule that stays beside the first weight
test('matched users, then copies, then a share of everybody', () => {
  const world = reaching(beta, copies);
  const passed: unknown[] = [];
  world.runUntil((w) => {
    const now = [w.routes[0]?.weight, w.routes[0]?.reach];
    if (JSON.stringify(now) !== JSON.stringify(passed.at(-1))) passed.push(now);
    return settledOn('v2')(w);
  });
  expect(passed).toEqual([
    [0, undefined],
    [0, text(beta)],
    [0, text(copies)],
    [20_000, undefined],
    [0, undefined],
  ]);
  expect(world.violations).toEqual([]);
});

test('the fence says weight 0 while users are matched', () => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  expect(carried(world)).toEqual([0, text(beta), 0]);
  expect(world.state.message).toContain('Holding step 1 of 2 for users with x-beta: yes');
});

test.each([
  {
    name: 'probes that fail',
    because: 'matched users are users',
    meet: (w: World) => (w.probes = { result: 'CanaryFailed', message: '' }),
  },
  {
    name: 'stable that is bad',
    because: 'nobody is sent past a bad stable',
    meet: (w: World) => (w.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses' })),
  },
])('nobody is matched before $name: $because', ({ meet }) => {
  const world = reaching(beta);
  world.plan = { ...world.plan, probes: ['smoke'] };
  meet(world);
  world.run(60);
  expect(carried(world).slice(0, 2)).toEqual([0, undefined]);
});

// kills: a lowering that looks at the weight alone
test.each([beta, copies])('a breach takes %j back in one pass', (reach) => {
  const world = reaching(reach);
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick();
  expect(carried(world)).toEqual([0, undefined, 0]);
  world.run(100);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  expect(world.violations).toEqual([]);
});

test('a lost status write does not stop it, and nobody is matched again until somebody says so', () => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick('drop-store');
  expect(carried(world)).toEqual([0, undefined, 0]);
  world.verdict = () => ({ verdict: 'NoData', stable: 'Unknown', cause: 'CatchingUp' });
  world.run(20);
  expect(carried(world), 'kills: raising past a newer fence').toEqual([0, undefined, 0]);
});

test.each([
  {
    name: 'too little evidence leaves the step',
    because: 'nobody knows how many are matched',
    say: { verdict: 'Inconclusive', stable: 'Meets' },
    leaves: true,
  },
  {
    name: 'silence holds it',
    because: 'a source that is silent proves nothing',
    say: { verdict: 'NoData', stable: 'Meets' },
    leaves: false,
  },
  {
    name: 'a bad stable holds it',
    because: 'the next raise sends a share of everybody',
    say: { verdict: 'Inconclusive', stable: 'Misses' },
    leaves: false,
  },
] as const)('$name: $because', ({ say, leaves }) => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  world.verdict = () => say;
  world.run(40);
  expect(world.state.release?.weight).toBe(leaves ? 20_000 : 0);
  expect(carried(world)[1]).toBe(leaves ? undefined : text(beta));
});

test('evidence against the canary holds it, even where it stops nothing', () => {
  const world = reaching(beta);
  world.counts = { advanceLogE: -1 };
  world.runUntil(holdingAt(0));
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Meets' });
  world.run(40);
  expect(world.state.release?.weight).toBe(0);
  expect(gate.role).toBe('Guardrail');
});

// kills: a grant without weight that is written again over a person's hand
test('matched users whom somebody takes back are not matched again, and the message names who', () => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  Object.assign(world.routes[0] ?? {}, { reach: undefined, manager: 'kubectl-edit', version: 99 });
  world.run(20);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
  expect(world.state.message).toBe('HTTPRoute shop: the matched users were taken back by kubectl-edit');
  expect(carried(world)[1]).toBeUndefined();
});

test('users whom nobody granted are taken out at once, and the step stays', () => {
  const world = reaching(copies);
  world.runUntil(holdingAt(1));
  Object.assign(world.routes[0] ?? {}, { reach: text(beta), version: 99 });
  world.tick();
  expect(carried(world).slice(0, 2)).toEqual([20_000, undefined]);
  expect(world.state.phase).toBe('Progressing');
});

const probing = ({ state: { release } }: World) => release?.stage === 'Probing';
const byHand = (world: World, share: { weight?: number; reach?: string }) =>
  Object.assign(world.routes[0] ?? {}, share, {
    version: (world.routes[0]?.version ?? 0) + 1,
    manager: 'kubectl-edit',
  });

// kills: what nobody has raised yet taken for what nobody took
test('matched users who are taken back between the next grant and its write: nothing is raised in their place', () => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  // The record of the next step is stored, and its writer dies.
  for (let ticks = 0; world.state.release?.step === 0 && ticks < 20; ticks += 1) world.tick('crash-after-store');
  expect(world.state.release).toMatchObject({ stage: 'Shifting', step: 1, weight: 20_000 });
  const [route] = world.routes;
  Object.assign(route ?? {}, { reach: undefined, version: 900, manager: 'kubectl-edit' });
  world.run(5);
  expect(carried(world)).toEqual([0, undefined, 0]);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'RouteChanged' });
});

// kills: a lowering whose number no record has, matched users beside a weight that pass for a newer record's
test.each([
  {
    name: 'hand-matched users leave after a weight',
    because: 'nobody has tried the canary yet',
    at: probing,
    before: (world: World) => {
      byHand(world, { weight: 5000 });
      world.tick();
    },
    want: [0, undefined],
  },
  {
    name: 'hand-matched users leave after a loss',
    because: 'the fence of the lowering is newer than any record',
    at: probing,
    before: (world: World) => {
      byHand(world, { reach: text(beta) ?? '' });
      world.tick('drop-store');
      world.tick();
    },
    want: [0, undefined],
  },
  {
    name: 'hand-matched users leave beside a weight',
    because: 'no record grants a weight and matched users beside it',
    at: holdingAt(1),
    before: (world: World) => {
      byHand(world, { weight: 60_000 });
      world.tick();
    },
    want: [20_000, undefined],
  },
])('$name', ({ at, before, want, because }) => {
  const world = reaching(copies);
  world.verdict = ({ state }) => ({
    verdict: state.release?.step === 1 ? 'Inconclusive' : 'Pass',
    stable: state.release?.stage === 'Probing' && at === probing ? 'Misses' : 'Meets',
  });
  world.runUntil(at);
  before(world);
  byHand(world, { reach: text(beta) ?? '' });
  world.run(2);
  expect(carried(world).slice(0, 2), because).toEqual(want);
  expect(at(world)).toBe(true);
});

test('pods that all go while users are matched take them back', () => {
  const world = reaching(beta);
  world.runUntil(holdingAt(0));
  world.broken.add('v2');
  world.run(3);
  expect(carried(world).slice(0, 2)).toEqual([0, undefined]);
});

test.each([
  { reach: undefined, weight: 5000, want: '5%' },
  { reach: beta, weight: 0, want: 'users with x-beta: yes' },
  {
    reach: { headers: [...(beta.headers ?? []), { name: 'cookie', regex: 'a.*' }] },
    weight: 0,
    want: 'users with x-beta: yes and cookie like a.*',
  },
  { reach: copies, weight: 0, want: 'copies of 10% of the requests' },
])('for people: $want', ({ reach, weight, want }) => {
  expect(shareWords({ weight, ...(reach && { reach }) })).toBe(want);
});
