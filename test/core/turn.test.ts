import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { State } from '#core/model.ts';
import type { Seen } from '#core/seen.ts';
import type { BudgetSight, GroupMember } from '#core/sights.ts';
import { whoIsFirst } from '#core/turn.ts';
import { memberOf } from '#operator/groups.ts';
import { type Fault, releasing, settled, type World } from './world.ts';

/** What a first raise waits for beside its own release: its turn in the group, and error budget to spend. */

const promoted = ({ state }: World) =>
  state.phase === 'Healthy' && state.stable === 'v2' && state.release === undefined;
const weightOf = (world: World) => world.routes[0]?.weight ?? 0;
const now = 1_700_000_000_000;

interface Row {
  name: string;
  because: string;
  members: GroupMember[];
  queuedAt?: number;
  want: string | undefined;
}

test.each<Row>([
  { name: 'nobody else', because: 'it is free', members: [], want: undefined },
  {
    name: 'one with traffic',
    because: 'it moves',
    members: [{ rollout: 'b', carries: true }],
    want: 'b moves, this one has place 2',
  },
  {
    name: 'one that is paused at weight 0',
    because: 'it would be waited for in vain',
    members: [{ rollout: 'b', carries: false }],
    want: undefined,
  },
  {
    name: 'one that came first',
    because: 'first come, first served',
    members: [{ rollout: 'b', carries: false, wantsSince: now - 1 }],
    queuedAt: now,
    want: 'b is first, this one has place 2',
  },
  {
    name: 'one that came later',
    because: 'a place is kept',
    members: [{ rollout: 'b', carries: false, wantsSince: now + 1 }],
    queuedAt: now,
    want: undefined,
  },
  {
    name: 'two of the same moment, the other first by name',
    because: 'somebody must be',
    members: [{ rollout: 'a', carries: false, wantsSince: now }],
    queuedAt: now,
    want: 'a is first, this one has place 2',
  },
  {
    name: 'two of the same moment, this one first by name',
    because: 'and only one of them',
    members: [{ rollout: 'z', carries: false, wantsSince: now }],
    queuedAt: now,
    want: undefined,
  },
  {
    name: 'a queue behind one with traffic',
    because: 'who moves is what people ask',
    members: [
      { rollout: 'b', carries: false, wantsSince: now - 9 },
      { rollout: 'c', carries: true },
    ],
    queuedAt: now,
    want: 'c moves, this one has place 3',
  },
])('$name: $because', ({ members, queuedAt, want, because }) => {
  const world = releasing();
  const seen: Seen = { ...world.seen(), group: { name: 'paths', members, elsewhere: [] } };
  const state: State = { ...world.state, ...(queuedAt === undefined ? {} : { queuedAt }) };
  const said = want === undefined ? undefined : `its turn in group paths: Rollout ${want}`;
  expect(whoIsFirst(state, seen), because).toBe(said);
});

/** Rollouts of one group, decided on sights that were all taken before any of them was stored. */
function fleet(size: number): World[] {
  return Array.from({ length: size }, (_, index) => {
    const world = settled();
    const own = `r${index}`;
    const seen = world.seen.bind(world);
    world.seen = () => ({ ...seen(), rollout: own });
    return world;
  });
}

const objectOf = (state: State, index: number) => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: `r${index}`, namespace: 'shop' },
  status: { state },
});

function tick(worlds: World[], faults: readonly Fault[] = []): void {
  const members = worlds.map(({ state, now: at }, index) => memberOf(objectOf(state, index), at));
  worlds.forEach((world, index) => {
    world.group = { name: 'paths', members: members.filter((_, other) => other !== index), elsewhere: [] };
    world.tick(faults[index]);
  });
}

// kills: no order among those that prepare; a queue that looks at traffic alone
test('law: of one group at most one canary has traffic, whatever is lost, and all get their turn', () => {
  const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'crash-before-store', 'crash-after-store', 'drop-store');
  const starts = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(
      starts,
      fc.array(fc.array(fault, { minLength: 4, maxLength: 4 }), { maxLength: 60 }),
      (from, faults) => {
        const worlds = fleet(from.length);
        for (let at = 0; at < 700 && !worlds.every(promoted); at++) {
          worlds.forEach((world, index) => {
            if (from[index] === at) world.spec = { ...world.spec, revision: 'v2' };
          });
          tick(worlds, faults[at]);
          expect(worlds.filter((world) => weightOf(world) > 0).length, `tick ${at}`).toBeLessThanOrEqual(1);
        }
        expect(worlds.map(({ state }) => state.message)).toEqual(worlds.map(() => 'stable serves all traffic'));
        expect(worlds.flatMap(({ violations }) => violations)).toEqual([]);
      },
    ),
    { numRuns: 60, seed: 5 },
  );
});

test('a bad release lets the next one go as soon as its traffic is back, and is not waited for', () => {
  const [bad, good] = fleet(2) as [World, World];
  for (const world of [bad, good]) world.spec = { ...world.spec, revision: 'v2' };
  while (weightOf(bad) === 0) tick([bad, good]);
  tick([bad, good]);
  expect(good.state.message).toContain('Rollout r0 moves, this one has place 2');
  expect(weightOf(good)).toBe(0);
  // kills: a place that is lost by waiting for it
  expect(good.state.queuedAt).toBe(good.state.release?.startedAt);
  bad.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  tick([bad, good]);
  expect(bad.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
  for (let at = 0; at < 100 && !promoted(good); at++) tick([bad, good]);
  // kills: a lock that a paused release keeps
  expect(promoted(good)).toBe(true);
  expect(bad.state).toMatchObject({ phase: 'Paused', reason: 'GateBreached' });
});

// kills: a queue before the remedy
test('the way back to what served recently waits for nobody', () => {
  const world = releasing();
  world.plan = { ...world.plan, steps: [], rollback: true };
  world.group = { name: 'paths', members: [{ rollout: 'b', carries: true }], elsewhere: [] };
  world.budget = spent(-0.2);
  world.runUntil(promoted);
});

test('a breach names its gate, what users had met, and who else moved', () => {
  const world = releasing();
  world.group = { name: 'paths', members: [{ rollout: 'b', carries: false }], elsewhere: ['ops/mailer'] };
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.counts = { canary: { total: 400, bad: 14 }, stable: { total: 4000, bad: 20 } };
  const raisedAt = world.state.release?.raisedAt;
  world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  world.tick();
  const foundAt = world.now;
  const breach = {
    ...{ at: foundAt, cause: 'Worse', gate: 'availability', raisedAt },
    exposure: { requests: 400, bad: 14, excess: 12 },
    beside: ['ops/mailer'],
    arms: { canary: { total: 400, bad: 14 }, stable: { total: 4000, bad: 20 } },
  };
  expect(world.state.release?.breach).toEqual(breach);
  // What comes in later is no part of what it had cost when it was found.
  world.counts = { canary: { total: 900, bad: 40 }, stable: { total: 9000, bad: 20 } };
  world.run(10);
  expect(world.state.release).toMatchObject({ breach, ending: { remediedAt: foundAt + 1000 } });
  // kills: a remedy that is as late as the last hand on the route
  Object.assign(world.routes[0] ?? {}, { weight: 1000, version: 900, manager: 'kubectl-edit' });
  world.run(20);
  expect(world.state.release?.ending?.remediedAt).toBe(foundAt + 1000);
});

const spent = (left: number | undefined, more: Partial<BudgetSight> = {}): BudgetSight => ({
  budgets: [{ slo: 'availability', ...(left === undefined ? {} : { left }), carried: 0 }],
  least: 0.1,
  most: 0.01,
  onUnknown: 'Proceed',
  ...more,
});

test.each([
  {
    name: 'too little is left',
    because: 'the next failure may be the one too many',
    budget: {
      ...spent(0.04),
      budgets: [{ slo: 'availability', left: 0.04, carried: 0, backAt: Date.parse('2026-03-04T05:20:00Z') }],
    },
    want: 'availability: 4% of the error budget is left, a release needs 10%; back about 2026-03-04T06:00Z if nothing fails',
  },
  {
    name: 'it is overspent',
    because: 'below nothing is too little as well',
    budget: spent(-1.25),
    want: 'availability: -125% of the error budget is left, a release needs 10%; when it is back cannot be told',
  },
  {
    name: 'releases burnt theirs',
    because: 'spend adds up over the window',
    budget: {
      ...spent(0.9),
      budgets: [{ slo: 'availability', left: 0.9, carried: 0.012, carriedUntil: Date.parse('2026-03-04T05:00:00Z') }],
    },
    want: 'availability: releases burnt 1.2% of the error budget within its window, budget.maxSpend is 1%; less than that from 2026-03-04T05:00Z on',
  },
  {
    name: 'it is not known and must be',
    because: 'unknown: Hold',
    budget: spent(undefined, { onUnknown: 'Hold' }),
    want: 'availability: the remaining error budget is not known and budget.unknown is Hold: no answer',
  },
])('no release begins while $name: $because', ({ budget, want }) => {
  const world = releasing();
  world.budget = budget;
  world.run(200);
  expect(world.state).toMatchObject({ phase: 'Paused', reason: 'BudgetLow', message: want, releases: 0 });
  world.budget = spent(0.5);
  world.runUntil(promoted);
});

test.each([
  { name: 'that is not known, on the word of the spec', budget: spent(undefined) },
  { name: 'that is overspent, where the spec asks for none', budget: spent(-2, { least: 0 }) },
])('a release begins with a budget $name', ({ budget }) => {
  const world = releasing();
  world.budget = budget;
  world.runUntil(promoted);
});

// kills: a pre-flight that is asked once, before an outage that took the canary back
test('a return from 0 asks for budget again', () => {
  const world = releasing();
  world.runUntil(({ state }) => state.release?.stage === 'Holding');
  world.verdict = () => ({ verdict: 'Inconclusive', stable: 'Misses', cause: 'BothArmsBad' });
  world.tick();
  world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
  world.budget = spent(0.02);
  world.run(30);
  expect(weightOf(world)).toBe(0);
  expect(world.state.message).toContain('2% of the error budget is left');
  world.budget = spent(0.5);
  world.runUntil(promoted);
});
