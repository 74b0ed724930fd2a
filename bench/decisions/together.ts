import { assert } from '#lib/assert.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { type Ending, Ride, warmUp } from './play.ts';
import { nothing, type Policy } from './policy.ts';
import { binomial, draws, poisson, type Random, stream } from './random.ts';
import { excessAt, excessServed, type Scenario, type Served, type Shares, TICK_MS, TICKS } from './traffic.ts';

/**
 * Releases of several services of one path at once. Every request passes all of the services, and each of them sends it
 * to its canary by its own weight; failures are counted at the edge, by each service's arm. The first release is to
 * blame for what is bad, the others are good.
 */
export function playTogether(policy: Policy, scenario: Scenario, seed: number): Ending {
  return playAll(policy, scenario, seed).ending;
}

/** The same, with what became of each of the others. */
export function playAll(
  policy: Policy,
  scenario: Scenario,
  seed: number,
  ticks: number = TICKS,
): { ending: Ending; others: readonly Ending[]; faces: readonly KubeObject[] } {
  const rides = Array.from({ length: scenario.together ?? 1 }, () => new Ride(policy.start(scenario, seed)));
  const [culprit, ...others] = rides;
  assert(culprit !== undefined, 'somebody is under way');
  const quiet = rides.map(() => nothing);
  for (const [index, ride] of rides.entries())
    ride.lookBack((at) => serveTogether(scenario, seed, at, quiet)[index] ?? noArms);
  const tick = (at: number) => {
    const served = serveTogether(
      scenario,
      seed,
      at,
      rides.map(({ now }) => now),
    );
    // As they all were before this tick: nobody hears of another's decision in the same pass.
    const faces = rides.map((ride, index) => ride.face(`service-${index}`));
    for (const [index, ride] of rides.entries()) {
      ride.meet(faces.filter((_, other) => other !== index).flat(), at);
      ride.tick(() => served[index] ?? noArms, at);
    }
  };
  const end = (ending: Ending) => ({
    ending,
    others: others.map((ride) => ride.ending),
    faces: rides.flatMap((ride, index) => ride.face(`service-${index}`)),
  });
  if (!warmUp(culprit, tick)) return end(culprit.notBegun());
  const stopped = (all: readonly Ride[]) => all.filter(({ wish }) => wish.outcome === 'stopped').length;
  let before = false;
  for (let at = 0; at < ticks; at += 1) {
    culprit.ending.excess += excessServed(scenario, at, culprit.now.canary);
    const free = culprit.wish.outcome === 'open';
    tick(at);
    // Two at the same tick: the right one is among them, and nobody can tell which.
    before ||= free && stopped(others) > 0;
  }
  return end({ ...culprit.ending, accused: { others: stopped(others), before } });
}

const PURPOSE = 500;
const noArms: Served = { canary: [], stable: [], baseline: { total: 0, bad: 0 }, scraped: true };

/** What the edge counts of one tick, as each release has it split. */
export function serveTogether(
  scenario: Scenario,
  seed: number,
  tick: number,
  shares: readonly Shares[],
): readonly Served[] {
  const random = stream(seed, tick, PURPOSE);
  const total = poisson(random, (scenario.rps * TICK_MS) / 1000);
  const canary = draws(random, total, shares[0]?.canary ?? 0);
  const worse = binomial(random, canary, scenario.base + excessAt(scenario, tick));
  const bad = worse + binomial(random, total - canary, scenario.base);
  return shares.map((share, index) => {
    const own = stream(seed, tick, PURPOSE + 1 + index);
    const arm = index === 0 ? { total: canary, bad: worse } : part(own, { total, bad }, share.canary);
    const rest = { total: total - arm.total, bad: bad - arm.bad };
    const baseline = part(own, rest, share.baseline / Math.max(1e-9, 1 - share.canary));
    const stable = { total: rest.total - baseline.total, bad: rest.bad - baseline.bad };
    return { canary: [arm], stable: [stable], baseline, scraped: true };
  });
}

/** Requests that fall on an arm at random, and the failures among them. */
function part(random: Random, whole: { total: number; bad: number }, share: number): { total: number; bad: number } {
  const total = draws(random, whole.total, share);
  const bad = whole.total === 0 ? 0 : draws(random, whole.bad, total / whole.total);
  return { total, bad: Math.min(total, bad) };
}
