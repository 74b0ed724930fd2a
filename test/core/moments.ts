import { releasing, settled, type World } from './world.ts';

/** Every kind of place that a release can stand at, as worlds that have been brought there. */

export interface Moment {
  name: string;
  /** What a person has to say before it goes on; undefined: it goes on by itself. */
  word?: 'resume' | 'retry';
  world(): World;
}

/** With a bake, which the world leaves out. */
function baking(): World {
  const world = settled();
  world.plan = { ...world.plan, bake: { forMs: 10_000, control: 5000 } };
  world.spec = { ...world.spec, revision: 'v2' };
  return world;
}

function at(done: (world: World) => boolean, begin: () => World = releasing): () => World {
  return () => {
    const world = begin();
    world.runUntil(done);
    return world;
  };
}

const stage = (name: string) => (world: World) => world.state.release?.stage === name;
const holding = (step: number) => (world: World) => stage('Holding')(world) && world.state.release?.step === step;

/** Something happens at the second step, and is over. */
function after(happens: (world: World) => void, done: (world: World) => boolean): () => World {
  return () => {
    const world = at(holding(1))();
    happens(world);
    world.runUntil(done);
    return world;
  };
}

const paused = (reason: string) => (world: World) => world.state.phase === 'Paused' && world.state.reason === reason;

export const moments: readonly Moment[] = [
  { name: 'Preparing', world: at(stage('Preparing')) },
  { name: 'Probing', world: at(stage('Probing')) },
  { name: 'Shifting', world: at(stage('Shifting')) },
  { name: 'Holding step 1', world: at(holding(0)) },
  { name: 'Holding step 2', world: at(holding(1)) },
  { name: 'Holding step 3', world: at(holding(2)) },
  { name: 'Baking', world: at(stage('Baking'), baking) },
  { name: 'Promoting', world: at(stage('Promoting')) },
  {
    name: 'moving in-cluster clients',
    world: at(({ state }) => stage('Promoting')({ state } as World) && (state.release?.joined ?? 0) > 0),
  },
  { name: 'past the commit point', world: at(({ state }) => state.release?.committed === true) },
  { name: 'paused by a person', word: 'resume', world: after((world) => world.act('pause'), paused('User')) },
  {
    name: 'paused by a changed route',
    word: 'resume',
    world: after((world) => {
      const [route] = world.routes;
      Object.assign(route ?? {}, { weight: 0, version: 99, manager: 'ann' });
    }, paused('RouteChanged')),
  },
  {
    name: 'retreated',
    word: 'retry',
    world: after(
      (world) => world.act('retreat'),
      ({ state }) => state.release?.ending?.kind === 'Retreat',
    ),
  },
  {
    name: 'aborted and drained',
    word: 'retry',
    world: after(
      (world) => world.act('abort'),
      ({ state, pods }) => state.phase === 'Degraded' && !pods.some(({ set }) => set === 'shop-v2'),
    ),
  },
  { name: 'at rest', world: at(({ state }) => state.phase === 'Healthy' && state.stable === 'v2') },
];

/** Ends well: the new revision serves, no trace is left on the route, and nothing went wrong on the way. */
export function goOn(world: World, word: Moment['word']): void {
  if (word !== undefined) world.act(word);
  world.runUntil(
    ({ state, routes }) =>
      state.phase === 'Healthy' && state.stable === 'v2' && routes.every(({ fence }) => fence === undefined),
    600,
  );
}
