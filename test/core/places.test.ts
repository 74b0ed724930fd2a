import fc from 'fast-check';
import { expect, test } from 'vitest';
import { placeHolds } from '#core/places.ts';
import type { Mover, PlacesSight, Seen } from '#core/seen.ts';
import { moverOf } from '#operator/places.ts';
import { type Fault, releasing, settled, type World } from './world.ts';

/** How many releases may move at once, and who is next. */

const now = 1_700_000_000_000;
const mover = (rollout: string, stands: Mover['stands'], since = now - 9, namespace = 'pay'): Mover => ({
  ...{ namespace, rollout, stands, since },
});

interface Row {
  name: string;
  because: string;
  places: Omit<PlacesSight, 'namespace'>;
  want: string | undefined;
}

test.each<Row>([
  { name: 'a free place', because: 'nobody is in the way', places: { cluster: 1, others: [] }, want: undefined },
  {
    name: 'a full cluster',
    because: 'it says who moves',
    places: { cluster: 1, others: [mover('c', 'Carries')] },
    want: 'its place: first of 1 in the queue; 1 moves (pay/c) and the cluster allows 1 at once',
  },
  {
    name: 'a queue',
    because: 'it says who is before it',
    places: {
      cluster: 2,
      others: [
        ...[mover('c', 'Carries'), mover('d', 'Begun')],
        ...[mover('a', 'Waits', now - 5, 'shop'), mover('b', 'Waits', now - 4, 'shop'), mover('e', 'Waits', now + 9)],
      ],
    },
    want: 'its place: third of 4 in the queue, after shop/a, shop/b; 2 move (pay/c, pay/d) and the cluster allows 2 at once',
  },
  {
    name: 'a full namespace of others',
    because: 'who waits for its namespace alone is passed',
    places: { cluster: 3, perNamespace: 1, others: [mover('c', 'Carries'), mover('d', 'Waits')] },
    want: undefined,
  },
  {
    name: 'its own namespace full',
    because: 'one team does not take all places',
    places: { perNamespace: 1, others: [mover('c', 'Begun', now - 9, 'shop'), mover('d', 'Carries')] },
    want: 'its place: first of 1 in the queue; 1 moves (shop/c) and namespace shop allows 1 at once',
  },
])('$name: $because', ({ places, want, because }) => {
  const world = releasing();
  const seen: Seen = { ...world.seen(), places: { namespace: 'shop', ...places } };
  expect(placeHolds(world.state, seen, now), because).toBe(want);
});

// kills: a queue before the remedy
test('the way back stands in no queue', () => {
  const world = releasing();
  const places = { namespace: 'shop', cluster: 1, others: [mover('c', 'Carries')] };
  const seen: Seen = { ...world.seen(), places, proposal: { ...world.plan, steps: [], rollback: true } };
  expect(placeHolds(world.state, seen, now)).toBeUndefined();
});

const objectOf = ({ state }: Pick<World, 'state'>, index: number) => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'Rollout',
  metadata: { name: `r${index}`, namespace: index % 2 === 0 ? 'even' : 'odd' },
  status: { state },
});

const promoted = ({ state }: World) => state.stable === 'v2' && state.release === undefined;
const weightOf = (world: World) => world.routes[0]?.weight ?? 0;

/** Rollouts of two namespaces, each decided on what the ones before it decided: one process, one thought at a time. */
class Fleet {
  readonly worlds: World[];
  private readonly limit: { cluster: number; perNamespace: number };

  constructor(size: number, limit: { cluster: number; perNamespace: number }) {
    this.limit = limit;
    this.worlds = Array.from({ length: size }, (_, index) => {
      const world = settled();
      const seen = world.seen.bind(world);
      world.seen = () => ({ ...seen(), rollout: `r${index}`, places: this.sight(index, world.now) });
      return world;
    });
  }

  movers(at: number): Mover[] {
    return this.worlds.flatMap((world, index) => moverOf(objectOf(world, index), at) ?? []);
  }

  private sight(index: number, at: number): PlacesSight {
    const namespace = index % 2 === 0 ? 'even' : 'odd';
    return { namespace, ...this.limit, others: this.movers(at).filter(({ rollout }) => rollout !== `r${index}`) };
  }
}

// kills: a limit that is not asked; a queue that is not by arrival; a paused release at weight 0 that keeps its place
test('law: never more than the limit have begun, whatever is lost, and all get their turn', () => {
  const fault = fc.constantFrom<Fault>('none', 'none', 'none', 'crash-before-store', 'crash-after-store', 'drop-store');
  const starts = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 3, maxLength: 5 });
  const faults = fc.array(fc.array(fault, { minLength: 5, maxLength: 5 }), { maxLength: 60 });
  const play = (from: number[], lost: Fault[][], cluster: number, perNamespace: number) => {
    const fleet = new Fleet(from.length, { cluster, perNamespace });
    const { worlds } = fleet;
    for (let at = 0; at < 900 && !worlds.every(promoted); at++) {
      worlds.forEach((world, index) => {
        if (from[index] === at) world.spec = { ...world.spec, revision: 'v2' };
        world.tick(lost[at]?.[index]);
      });
      const moving = fleet.movers(worlds[0]?.now ?? 0).filter(({ stands }) => stands !== 'Waits');
      const even = moving.filter(({ namespace }) => namespace === 'even').length;
      const most = Math.max(even, moving.length - even);
      expect([moving.length <= cluster, most <= perNamespace], `tick ${at}`).toEqual([true, true]);
    }
    expect(worlds.map(({ state }) => state.message)).toEqual(worlds.map(() => 'stable serves all traffic'));
    expect(worlds.flatMap(({ violations }) => violations)).toEqual([]);
  };
  const limits = [fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 })] as const;
  fc.assert(fc.property(starts, faults, ...limits, play), { numRuns: 40, seed: 5 });
});

/** Three of them, the first of which moves or is about to; the others come in the order r1, r2. */
function three() {
  const fleet = new Fleet(3, { cluster: 1, perNamespace: 1 });
  const [first, second, third] = fleet.worlds as [World, World, World];
  const tick = () => {
    for (const world of fleet.worlds) world.tick();
  };
  for (const world of [first, second, third]) {
    world.spec = { ...world.spec, revision: 'v2' };
    tick();
  }
  return { first, second, third, tick };
}

test('places are given by arrival', () => {
  const { first, second, third, tick } = three();
  while (weightOf(first) === 0) tick();
  // By name even/r2 goes before odd/r1; by arrival it does not.
  expect(third.state.message).toContain('second of 2 in the queue, after odd/r1; 1 moves (even/r0)');
  expect(third.state.inQueueSince).toBeDefined();
  first.verdict = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' });
  while (weightOf(second) === 0 && weightOf(third) === 0) tick();
  expect([first.state.phase, weightOf(third)]).toEqual(['Paused', 0]);
  for (let at = 0; at < 300 && !promoted(third); at++) tick();
  expect([promoted(second), promoted(third), first.state.reason]).toEqual([true, true, 'GateBreached']);
});

test('one that is paused at weight 0 keeps nobody waiting, and asks again when it goes on', () => {
  const { first, second, third, tick } = three();
  first.act('pause');
  for (let at = 0; at < 300 && weightOf(second) === 0; at++) tick();
  expect([first.state.reason, weightOf(second) > 0]).toEqual(['User', true]);
  first.act('resume');
  for (let at = 0; at < 30; at++) tick();
  expect(weightOf(first)).toBe(0);
  for (let at = 0; at < 400 && !promoted(third); at++) tick();
  expect([promoted(first), promoted(second), promoted(third)]).toEqual([true, true, true]);
});

// kills: a retry that counts as begun at once, and passes who waits
test('a retry stands behind those who wait', () => {
  const { first, second, third, tick } = three();
  const fails = () => ({ verdict: 'Fail', stable: 'Meets', cause: 'Worse' }) as const;
  while (weightOf(first) === 0) tick();
  first.verdict = fails;
  while (weightOf(second) === 0) tick();
  [first.verdict, second.verdict] = [third.verdict, fails];
  while (second.state.phase !== 'Paused') tick();
  first.act('retry');
  tick();
  expect(first.state).toMatchObject({ inQueueSince: first.now, release: { attempt: 2, stage: 'Preparing' } });
  while (weightOf(first) === 0 && weightOf(third) === 0) tick();
  expect([weightOf(first), weightOf(third) > 0]).toEqual([0, true]);
  for (let at = 0; at < 300 && !promoted(first); at++) tick();
  expect([promoted(first), promoted(third)]).toEqual([true, true]);
});

// kills: a spec that could not be read for a while, and comes back before those who waited meanwhile
test('a place is kept by waiting alone', () => {
  const { second, third, tick } = three();
  const sight = second.seen;
  second.seen = () => {
    const { spec: _, ...blind } = sight();
    return blind;
  };
  tick();
  expect([second.state.reason, second.state.inQueueSince]).toEqual(['InvalidSpec', undefined]);
  second.seen = sight;
  tick();
  tick();
  expect([second, third].map(({ state }) => /its place: (\w+) of 2/.exec(state.message)?.[1])).toEqual([
    'second',
    'first',
  ]);
});
