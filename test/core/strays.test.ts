import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import type { Effect } from '#core/effect.ts';
import type { Arms, Seen } from '#core/seen.ts';
import { releasing, type World } from './world.ts';

/** ReplicaSets deleted by hand leave pods behind, for a moment or, with --cascade=orphan, for good. */

const both: Arms = { stable: true, canary: true };
const stableOnly: Arms = { stable: true, canary: false };
const canaryOnly: Arms = { stable: false, canary: true };
const none: Arms = { stable: false, canary: false };

/** What is seen once the ReplicaSet of a revision is gone and its pods are not. */
function orphaned(world: World, revision: string, arms: Arms): Seen {
  const seen = world.seen();
  const replicaSets = seen.replicaSets.filter((set) => set.revision !== revision);
  return { ...seen, replicaSets, strays: [{ name: 'left', revision, arms }] };
}

const labelled = (effects: Effect[]) =>
  effects.flatMap((effect) => (effect.kind === 'LabelPod' && effect.pod === 'left' ? [effect.arms] : []));

interface Row {
  name: string;
  because: string;
  at: (world: World) => boolean;
  revision: string;
  arms: Arms;
  /** Undefined: the pod is left as it is. */
  want: Arms | undefined;
}

// kills: strays that keep what they carry (the first row), strays that lose all of it (stable's)
test.each<Row>([
  {
    name: "a canary pod that has joined stable's Service leaves it with its release",
    because: 'its release goes back to the first step, and nobody would ever take the label off it',
    at: ({ state }) => state.release?.stage === 'Promoting' && (state.release.joined ?? 0) > 0,
    revision: 'v2',
    arms: both,
    want: canaryOnly,
  },
  {
    name: 'a canary pod in the middle of a release stays behind the canary Service',
    because: 'a pod that may carry a label loses nothing',
    at: ({ state }) => state.release?.stage === 'Holding',
    revision: 'v2',
    arms: canaryOnly,
    want: undefined,
  },
  {
    name: "stable's pods go on serving",
    because: 'they are all that is left of stable',
    at: ({ state }) => state.release?.stage === 'Holding',
    revision: 'v1',
    arms: stableOnly,
    want: undefined,
  },
  {
    name: 'a pod of a revision that nobody names serves nobody',
    because: 'the next canary Service would send it the traffic of another revision',
    at: ({ state }) => state.release?.stage === 'Holding',
    revision: 'v0',
    arms: canaryOnly,
    want: none,
  },
])('$name', ({ at, revision, arms, want, because }) => {
  const world = releasing();
  world.runUntil(at);
  const { effects, next } = decide(world.state, orphaned(world, revision, arms), world.now);
  expect(labelled(effects), because).toEqual(want === undefined ? [] : [want]);
  const again = { ...orphaned(world, revision, want ?? arms) };
  expect(labelled(decide(next, again, world.now).effects)).toEqual([]);
});

// kills: strays that count as nobody when the delay begins
test('the delay after a retreat begins when the last pod has left the Service, with or without its ReplicaSet', () => {
  const world = releasing();
  world.runUntil(({ state }) => (state.release?.joined ?? 0) > 0);
  world.act('retreat');
  world.tick();
  const seen = orphaned(world, 'v2', both);
  const routes = seen.routes.map((route) => ({ ...route, weight: 0, accepted: true }));
  const { restoredAt: _, ...release } = world.state.release ?? ({} as never);
  const state = { ...world.state, release };
  expect(decide(state, { ...seen, routes }, world.now).next.release?.restoredAt).toBeUndefined();
  const left = { ...orphaned(world, 'v2', canaryOnly), routes };
  expect(decide(state, left, world.now).next.release?.restoredAt).toBe(world.now);
});
