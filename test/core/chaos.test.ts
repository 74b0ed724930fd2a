import { expect, test } from 'vitest';
import { decide } from '#core/decide.ts';
import { ChaosWorld } from './chaos-world.ts';

/**
 * Two acts, after TigerBeetle's simulator: safety while everything breaks, liveness once nothing does any more.
 * A failing world prints the one line that plays it again.
 */

const CHAOS_TICKS = 70;
const CALM_TICKS = 600;

const seeds =
  process.env['CHAOS_SEED'] === undefined
    ? Array.from({ length: 1000 }, (_, seed) => seed)
    : [Number(process.env['CHAOS_SEED'])];

function play(seed: number): string | undefined {
  const world = new ChaosWorld(seed);
  for (let tick = 0; tick < CHAOS_TICKS && world.violations.length === 0; tick++) world.chaos();
  world.heal();
  for (let tick = 1; tick <= CALM_TICKS && world.violations.length === 0 && unrested(world); tick++) {
    world.calm();
    if (tick % 20 === 0) world.help();
  }
  const wrong = world.violations[0] ?? unrested(world);
  if (wrong === undefined) return undefined;
  const story = process.env['CHAOS_SEED'] === undefined ? [] : [...world.events, ...world.timeline].sort();
  return [`CHAOS_SEED=${seed} npx vitest run --project unit test/core/chaos.test.ts: ${wrong}`, ...story].join('\n');
}

/** What the world still lacks, if anything. */
function unrested(world: ChaosWorld): string | undefined {
  const { phase, stable, release } = world.state;
  if (phase !== 'Healthy' || stable !== world.spec.revision || release !== undefined)
    return `it stands at ${JSON.stringify(world.state)}`;
  const { revision, replicas, routes } = world.spec;
  const split = world.routes.filter(({ name, weight, fence }) => routes.includes(name) && (weight > 0 || fence));
  if (split.length > 0) return `a trace is left on ${split.map(({ name }) => name).join()}`;
  const serving = world.pods.filter((pod) => pod.set === `shop-${revision}` && pod.arms.stable && !pod.arms.canary);
  if (serving.length !== replicas || world.pods.length !== replicas) return `${serving.length} of ${replicas} serve`;
  const forgotten = [...world.begun].filter((name) => {
    const object = world.releases.get(name);
    return object !== undefined && object.outcome === undefined;
  });
  if (forgotten.length > 0) return `no outcome for ${forgotten.join()}`;
  const { effects } = decide(world.state, world.seen(), world.now);
  return effects.length > 0 ? `at rest there is still to do: ${JSON.stringify(effects)}` : undefined;
}

test('law: safe while everything breaks, and at rest once nothing does', () => {
  const failures: string[] = [];
  for (const seed of seeds) {
    const failure = play(seed);
    if (failure !== undefined) failures.push(failure);
    if (failures.length === 5) break;
  }
  expect(failures.join('\n')).toBe('');
}, 30_000);
