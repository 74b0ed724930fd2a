import { decide } from '#core/decide.ts';
import { RECENT_BUCKET_MS, RECENT_BUCKETS } from '#gates/bounds.ts';
import { TICK_MS } from '#test/core/world.ts';
import { stepsOfFew } from './few-users.ts';
import { drawHands } from './hands.ts';
import { drawPlan, type Mishap, type Play, type Played } from './plan.ts';
import { PureWorld } from './pure-world.ts';

/** Worlds of `decide`, the gates and the diff alone: thousands of them in the time of a coffee. */

export const CHAOS_TICKS = 60;
export const CALM_TICKS = 600;
/** Ticks in which a rotten canary must have lost its traffic, once nothing breaks any more. */
const BREACH_TICKS = 60;
const RETURN_TICKS = 60;
/** Until then a stable that serves nobody any more is what a canary with all of the traffic is compared with. */
const CONTROL_TICKS = (RECENT_BUCKETS * RECENT_BUCKET_MS) / TICK_MS;

export const DEPLOY_TICK = 5;
const WILDNESS = [0.1, 0.25, 0.5, 1];

/** At each tick, in the wildest worlds. */
const CHANCES = {
  strike: 0.25,
  'memory of a stale operator': 0.1,
  'stale operator': 0.25,
  fault: 0.12,
  source: 0.08,
  'counters start again': 0.04,
  restart: 0.05,
  'both arms sick': 0.015,
  'gates and probes hear late': 0.15,
  deletion: 0.002,
};

// Calm worlds get further before something breaks, wild ones break more of it at once.
export const wildnessOf = (seed: number) => WILDNESS[seed % WILDNESS.length] ?? 1;

export const pure: Play = {
  name: 'pure',
  planOf: (seed) => drawPlan(seed, CHAOS_TICKS, CHANCES, wildnessOf(seed)),
  run: (seed, plan) => played(new PureWorld(seed), plan),
};

/** The same worlds, where people work by hand and plans begin with steps without a weight. */
export const handled: Play = {
  name: 'handled',
  planOf(seed) {
    const plan = pure.planOf(seed);
    return [...plan, ...drawHands(seed, CHAOS_TICKS, wildnessOf(seed), plan.length)];
  },
  run: (seed, plan) => played(new PureWorld(seed, stepsOfFew(seed)), plan),
};

export function played(world: PureWorld, plan: readonly Mishap[]): Played {
  const wrong = chaos(world, plan) ?? (world.deleting ? farewell(world) : (breach(world) ?? rest(world)));
  return {
    ...(wrong === undefined ? {} : { wrong }),
    // Read of worlds that failed alone.
    get timeline() {
      return [...world.events, ...world.timeline].sort();
    },
    faults: world.faults,
    checks: world.checks,
  };
}

function chaos(world: PureWorld, plan: readonly Mishap[]): string | undefined {
  const byTick = Map.groupBy(plan, ({ at }) => at);
  for (let tick = 0; tick < CHAOS_TICKS && world.violations.length === 0; tick += 1) {
    if (world.finalized) break;
    if (tick === DEPLOY_TICK) world.deploy('v2');
    world.step(byTick.get(tick) ?? []);
  }
  world.heal();
  return world.violations[0];
}

/** Invariant 5: whatever was under way, a rotten canary loses its traffic. */
function breach(world: PureWorld): string | undefined {
  const sends = () => world.sends;
  const over = () => !world.rotten || (world.state.release?.ending !== undefined && !sends());
  // One that was raised at the last moment has its time too: stable may have been ill until then.
  const control = () => (world.hasAll ? CONTROL_TICKS : 0);
  const young = () =>
    sends() && world.now - (world.state.release?.raisedAt ?? 0) < (BREACH_TICKS + control()) * TICK_MS;
  // A stable that shrinks takes everything back after a minute at the latest.
  const blind = world.setBackMs / TICK_MS + (world.spec.shrinkStable === true ? RETURN_TICKS : 0);
  const due = (tick: number) => tick < blind + BREACH_TICKS || (tick < blind + 3 * BREACH_TICKS + control() && young());
  for (let tick = 0; due(tick) && !over() && world.violations.length === 0; tick += 1) world.step([]);
  const out = world.rotten && world.state.release?.revision === world.wished && !world.state.release.committed;
  // Against a stable that is rotten itself a person took the gates away: then nobody looks.
  const blindly = world.gatesOf(world.state.release?.name)?.length === 0;
  const kept = world.plan.onBreach === 'Pause' || world.state.release?.word !== undefined || blindly || world.isNoWorse;
  if (world.violations.length === 0 && out && !kept && sends())
    return `a rotten canary keeps its traffic: ${JSON.stringify(world.state)}`;
  if (world.rotten) world.deploy('v9');
  return world.violations[0];
}

function rest(world: PureWorld): string | undefined {
  for (let tick = 1; tick <= CALM_TICKS && world.violations.length === 0 && !rested(world); tick += 1) {
    world.step([]);
    if (tick % 20 === 0) world.help();
  }
  return world.violations[0] ?? unrested(world);
}

function rested(world: PureWorld): boolean {
  return standsAtRest(world) && unrested(world) === undefined;
}

function standsAtRest({ state: { phase, stable, release }, wished }: PureWorld): boolean {
  return phase === 'Healthy' && stable === wished && release === undefined;
}

/** What the world still lacks, if anything. */
export function unrested(world: PureWorld): string | undefined {
  if (!standsAtRest(world)) return `it stands at ${JSON.stringify(world.state)}`;
  const { replicas, routes } = world.spec;
  const split = world.routes.filter(
    ({ name, weight, reach, fence }) => routes.includes(name) && (weight > 0 || reach || fence),
  );
  if (split.length > 0) return `a trace is left on ${split.map(({ name }) => name).join()}`;
  const serving = world.pods.filter((pod) => pod.set === `shop-${world.wished}` && pod.arms.stable && !pod.arms.canary);
  if (serving.length !== replicas || world.pods.length !== replicas) return `${serving.length} of ${replicas} serve`;
  const { effects } = decide(world.state, world.seen(), world.now);
  return effects.length > 0 ? `at rest there is still to do: ${JSON.stringify(effects)}` : undefined;
}

function farewell(world: PureWorld): string | undefined {
  for (let tick = 1; tick <= CALM_TICKS && world.violations.length === 0 && !world.finalized; tick += 1) world.step([]);
  if (world.violations.length > 0) return world.violations[0];
  if (!world.finalized) return `the Rollout stays: ${JSON.stringify(world.state)}`;
  // A route that was taken out of the spec on the way keeps its fence: known, and not mended yet.
  const left = world
    .seen()
    .routes.filter(({ weight = 0, reach, fence }) => weight > 0 || (reach ?? fence) !== undefined);
  if (left.length > 0) return `after the deletion a trace is left on ${left.map(({ name }) => name).join()}`;
  return world.narrowed ? 'after the deletion the Service is still narrowed' : undefined;
}
