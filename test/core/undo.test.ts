import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import type { State } from '#core/model.ts';
import { badDay, releasing, settled, type World } from './world.ts';

/** An undo counts as a new template that only the status knows, and goes with the next real one. */

const rested = ({ state }: World) => state.phase === 'Healthy' && state.release === undefined;

/** v1 served, v2 serves, and the template is v2's. */
function promoted(): World {
  const world = releasing();
  world.runUntil((w) => w.state.stable === 'v2' && rested(w));
  return world;
}

/** Said and taken up. */
function say(world: World, toRevision?: string): State['actions'][number] | undefined {
  world.act('undo', toRevision === undefined ? {} : { toRevision });
  world.tick();
  return world.state.actions[0];
}

describe('an undo at rest', () => {
  // kills: an undo that waits for a template; a release of what the template says once the undo is through
  test('brings what served before back and stays there until the template changes', () => {
    const world = promoted();
    expect(say(world)).toMatchObject({ result: 'Applied', message: 'undo by ann' });
    world.runUntil((w) => w.state.stable === 'v1' && rested(w));
    world.run(30);
    const pinned = { revision: 'v1', over: 'v2', by: 'ann' };
    expect(world.state).toMatchObject({ stable: 'v1', pinned, served: ['v2'], releases: 2 });
    expect(world.state.message).toBe('pinned to v1 by ann until the template changes');
    world.spec = { ...world.spec, revision: 'v3' };
    world.runUntil((w) => w.state.stable === 'v3' && rested(w));
    expect(world.state.pinned).toBeUndefined();
    expect(world.violations).toEqual([]);
  });

  test('the revision of the template lets the pin go', () => {
    const world = promoted();
    say(world);
    world.runUntil((w) => w.state.stable === 'v1' && rested(w));
    expect(say(world, 'v2')).toMatchObject({ result: 'Applied' });
    expect(world.state.pinned).toBeUndefined();
    world.runUntil((w) => w.state.stable === 'v2' && rested(w));
  });

  // kills: an undo that begins by the plan of another revision
  test('begins by a plan of its own, which the same look has not made', () => {
    const world = promoted();
    world.act('undo');
    world.now += 1000;
    const { next } = decide(world.state, world.seen(), world.now);
    expect(next.pinned).toMatchObject({ revision: 'v1' });
    expect(next.release).toBeUndefined();
    expect(next.message).toBe('Planning the release');
  });

  // kills: a pruned ReplicaSet that an undo waits for
  test('keeps the ReplicaSet of what it waits for, whatever the limit of the history', () => {
    const world = promoted();
    world.budget = { budgets: [{ slo: 'a', left: 0, carried: 0 }], least: 0.1, most: 1, onUnknown: 'Hold' };
    say(world);
    world.spec = { ...world.spec, revisionHistoryLimit: 0 };
    world.run(10);
    expect(world.state).toMatchObject({ phase: 'Paused', reason: 'BudgetLow' });
    expect(world.sets.map(({ revision }) => revision)).toContain('v1');
  });

  // kills: a ReplicaSet by the name of one revision with the pods of another
  test('makes no pods of the template for a revision that is pinned over it', () => {
    const world = promoted();
    say(world);
    world.runUntil((w) => w.state.stable === 'v1' && rested(w));
    world.sets = world.sets.filter(({ revision }) => revision !== 'v1');
    const { effects } = decide(world.state, world.seen(), world.now);
    expect(effects.filter(({ kind }) => kind === 'CreateReplicaSet')).toEqual([]);
  });
});

describe('an undo of a release', () => {
  // kills: an undo whose own look may still raise what it undoes
  test.each(['Preparing', 'Probing', 'Shifting', 'Holding', 'Promoting'] as const)(
    'takes the traffic back at once in %s, and nobody tries it again',
    (stage) => {
      const world = releasing();
      world.runUntil(({ state }) => state.release?.stage === stage);
      expect(say(world)).toMatchObject({ result: 'Applied' });
      expect(world.state.release).toMatchObject({ weight: 0, ending: { kind: 'Returned' } });
      expect(world.state.release?.ending?.why).toContain('it was undone: pinned to v1 by ann');
      expect(world.routes[0]?.weight).toBe(0);
      world.runUntil(rested);
      world.run(30);
      expect(world.state).toMatchObject({ stable: 'v1', releases: 1, pinned: { revision: 'v1', over: 'v2' } });
      expect(world.violations).toEqual([]);
    },
  );

  test('clears one that went back and waits for a person', () => {
    const world = releasing();
    world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
    world.runUntil(({ state }) => state.phase === 'Paused');
    expect(say(world)).toMatchObject({ result: 'Applied' });
    world.runUntil(rested);
    expect(world.state).toMatchObject({ stable: 'v1', pinned: { revision: 'v1' } });
  });

  test('past the commit point the next release goes back', () => {
    const world = releasing();
    world.runUntil(({ state }) => state.release?.committed === true);
    expect(say(world)).toMatchObject({ result: 'Applied' });
    world.runUntil((w) => w.state.stable === 'v1' && rested(w));
    expect(world.state).toMatchObject({ releases: 2, served: ['v2'] });
    expect(world.violations).toEqual([]);
  });

  test('to a revision before stable ends it, and then goes there', () => {
    const world = promoted();
    world.spec = { ...world.spec, revision: 'v3' };
    world.runUntil(({ state }) => state.release?.stage === 'Holding');
    expect(say(world, 'v1')).toMatchObject({ result: 'Applied' });
    expect(world.state.release).toMatchObject({ revision: 'v3', weight: 0, ending: { kind: 'Superseded' } });
    world.runUntil((w) => w.state.stable === 'v1' && rested(w));
    expect(world.state.pinned).toMatchObject({ revision: 'v1', over: 'v3' });
  });
});

// kills: an undo of an undo by an impatient second click; a pin to what never served, or is gone
test.each<{
  name: string;
  because: string;
  world: () => World;
  to?: string;
  says: string;
  more?: { releaseUid: string };
}>([
  {
    name: 'before anything has served',
    because: 'there is nothing',
    world: settled,
    says: 'nothing has served before',
  },
  { name: 'to stable', because: 'it is there', world: promoted, to: 'v2', says: 'revision v2 is stable now' },
  {
    name: 'to the template of the release',
    because: 'that is what happens',
    world: releasing,
    to: 'v2',
    says: 'revision v2 is the one that the template describes',
  },
  {
    name: 'to an unknown revision',
    because: 'no gate has ever let it serve',
    world: promoted,
    to: 'v9',
    says: 'revision v9 has not served here; what has: v1',
  },
  {
    name: 'to one whose ReplicaSet is gone',
    because: 'its template is nowhere else',
    world: () => gone(promoted(), 'v1'),
    says: 'the ReplicaSet of revision v1 is gone',
  },
  {
    name: 'a second time',
    because: 'whoever clicks twice does not want the bad one back',
    world: () => undone(promoted()),
    says: 'pinned to v1 by ann until the template changes: name the revision that you want instead',
  },
  {
    name: 'to what is pinned',
    because: 'it is wished already',
    world: () => undone(promoted()),
    to: 'v1',
    says: 'pinned to v1 by ann until the template changes',
  },
  {
    name: 'of a release that is over',
    because: 'another revision serves by now',
    world: promoted,
    more: { releaseUid: 'uid-shop-1' },
    says: 'the release that it names is over',
  },
  {
    name: 'while it is deleted',
    because: 'everything goes',
    world: () => Object.assign(promoted(), { deleting: true }),
    says: 'the Rollout is being deleted',
  },
])('refused $name: $because', ({ world: make, to, says, more = {} }) => {
  const world = make();
  world.act('undo', { ...(to === undefined ? {} : { toRevision: to }), ...more });
  const { pinned } = world.state;
  world.tick();
  expect(world.state.actions[0]).toMatchObject({ result: 'Refused', message: expect.stringContaining(says) });
  expect(world.state.pinned).toEqual(pinned);
});

function gone(world: World, revision: string): World {
  world.sets = world.sets.filter((set) => set.revision !== revision);
  return world;
}

function undone(world: World): World {
  say(world);
  return world;
}

const happenings = [
  ...Array.from({ length: 12 }, () => 'nothing'),
  'undo',
  'undo to v1',
  'undo to v2',
  'new template',
  'bad',
];

function happen(world: World, what: string): void {
  if (what === 'undo') world.act('undo');
  if (what === 'undo to v1') world.act('undo', { toRevision: 'v1' });
  if (what === 'undo to v2') world.act('undo', { toRevision: 'v2' });
  if (what === 'new template')
    world.spec = { ...world.spec, revision: world.spec.revision === 'v3' ? 'v4' : 'v3', revisionHistoryLimit: 1 };
  if (what === 'bad') world.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
}

// kills: what the tests above kill, under every loss
test('law: what is pinned is where it ends, and what it is pinned over gets no user, whatever is lost', () => {
  const moment = fc.tuple(fc.constantFrom(...badDay), fc.constantFrom(...happenings));
  fc.assert(
    fc.property(fc.array(moment, { minLength: 40, maxLength: 140 }), (plan) => {
      const world = promoted();
      for (const [fault, what] of plan) {
        happen(world, what);
        const before = world.state;
        const made = world.sets.map(({ revision }) => revision);
        const template = world.spec.revision;
        world.tick(fault);
        watch(world, { before, made, template });
      }
      world.verdict = () => ({ verdict: 'Pass', stable: 'Meets' });
      world.tick();
      for (let i = 0; i < 6 && !rested(world); i++) {
        if (world.state.phase === 'Paused') world.act('retry');
        world.run(150);
      }
      const wanted = world.state.pinned?.revision ?? world.spec.revision;
      expect(world.state, world.timeline.join('\n')).toMatchObject({ phase: 'Healthy', stable: wanted });
      expect(world.state.pinned?.over ?? world.spec.revision).toBe(world.spec.revision);
      expect(world.routes[0]).toMatchObject({ weight: 0, fence: undefined });
      expect(world.violations, world.timeline.join('\n')).toEqual([]);
    }),
    { numRuns: 60, seed: 5 },
  );
});

function watch(world: World, { before, made, template }: { before: State; made: string[]; template: string }): void {
  const { state, sets } = world;
  const fresh = sets.filter(({ revision }) => !made.includes(revision));
  if (fresh.some(({ revision }) => revision !== template)) world.violations.push('pods of another template');
  const { pinned, release } = state;
  if (pinned === undefined) return;
  if (!sets.some(({ revision }) => revision === pinned.revision)) world.violations.push('the pinned set is pruned');
  const over = release?.revision === pinned.over && release.committed !== true;
  if (over && release.weight > 0) world.violations.push('traffic to what is undone');
  if (pinned === before.pinned && over && before.release === undefined) world.violations.push('what is undone begins');
}
