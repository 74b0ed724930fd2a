import { expect, test } from 'vitest';
import { goOn, moments } from './moments.ts';
import type { World } from './world.ts';

/** The operator is away for a quarter of an hour, in which something changes, and comes back. */

const AWAY_TICKS = 900;

interface Change {
  name: string;
  because: string;
  happens(world: World): void;
  /** What must be true in the end; a person has said what was to be said. */
  ends(world: World): boolean;
}

const route = (world: World, change: object) => {
  const [one] = world.routes;
  Object.assign(one ?? {}, { ...change, version: 999, manager: 'ann' });
};
const serves = (revision: string) => (world: World) =>
  world.state.phase === 'Healthy' && world.state.stable === revision && world.state.release === undefined;

const changes: readonly Change[] = [
  {
    name: 'nothing changes',
    because: 'a pause of the operator is no news',
    happens: () => undefined,
    ends: serves('v2'),
  },
  {
    name: 'a third image comes',
    because: 'the newest template is what is wished',
    happens: (world) => {
      world.spec = { ...world.spec, revision: 'v3' };
    },
    ends: serves('v3'),
  },
  {
    name: 'the image of stable comes back',
    because: 'a person who reverts gets stable',
    happens: (world) => {
      world.spec = { ...world.spec, revision: 'v1' };
    },
    ends: serves('v1'),
  },
  {
    name: 'somebody takes the traffic back',
    because: 'never corrected upward, whoever looks first',
    happens: (world) => route(world, { weight: 0 }),
    ends: serves('v2'),
  },
  {
    name: 'somebody gives the canary more',
    because: 'more than was granted is lowered in the first pass',
    happens: (world) => route(world, { weight: 90_000 }),
    ends: serves('v2'),
  },
  {
    name: 'somebody widens the Service',
    because: 'its clients met the canary, and no more of them may',
    happens: (world) => {
      world.narrowed = false;
    },
    ends: serves('v2'),
  },
  {
    name: 'every canary pod is gone',
    because: 'a weight without pods is failed requests',
    happens: (world) => {
      world.pods = world.pods.filter(({ arms }) => arms.stable);
    },
    ends: serves('v2'),
  },
];

/** What somebody splits at rest is refused before the next release, and nobody's to correct. */
const isOurs = ({ name: moment }: { name: string }, { name }: Change) =>
  moment !== 'at rest' || name !== 'somebody gives the canary more';

const cases = moments.flatMap((moment) =>
  changes
    .filter((change) => isOurs(moment, change))
    .map((change) => ({ title: `${moment.name}, ${change.name}`, moment, change })),
);

// kills: a clock that ran while nobody looked; a weight that is raised on what was seen before
test.each(cases)('$title', ({ moment, change }) => {
  const world = moment.world();
  const granted = world.state.release?.weight ?? 0;
  world.away(AWAY_TICKS / 2);
  change.happens(world);
  world.away(AWAY_TICKS / 2);
  world.tick();
  const first = Math.max(...world.routes.map(({ weight }) => weight));
  expect(first, 'one step is the most that the first pass goes').toBeLessThanOrEqual(nextOf(granted));
  for (let tick = 0; tick < 1200 && !change.ends(world); tick += 1) {
    if (tick % 60 === 59) sayOn(world);
    world.tick();
  }
  expect(change.ends(world), `${change.because}: ${JSON.stringify(world.state)}`).toBe(true);
  expect(world.violations).toEqual([]);
});

/** The step after this weight, as the world plans them. */
function nextOf(weight: number): number {
  return { 0: 5000, 5000: 20_000, 20000: 50_000 }[weight] ?? 100_000;
}

/** A person who wants the release to go on. */
function sayOn(world: World): void {
  const { phase, release } = world.state;
  if (phase !== 'Paused' && phase !== 'Degraded') return;
  world.act(release?.ending === undefined ? 'resume' : 'retry');
}

test.each(moments)('one that nobody disturbs while it is $name goes on where it stood', ({ world: build, word }) => {
  const world = build();
  world.away(AWAY_TICKS);
  goOn(world, word);
  expect(world.violations).toEqual([]);
});
