import { drawPlan, type Mishap, type Play, type Played, randomOf, type Tally, tally } from './plan.ts';
import { CALM_TICKS, CHAOS_TICKS, pure, unrested } from './pure.ts';
import { Fleet, type Member } from './queue-world.ts';

/** Several Rollouts that share a limit on releases which move at once: each a pure world, behind one operator. */

/** More than a plan of a pure world has: the thousands of an index say whose mishap it is. */
const APART = 1000;
const MOST = 4;
const LAG = 'the cache lags';
const LAG_CHANCE = 0.05;

function seedsOf(seed: number): number[] {
  const size = randomOf('fleet', seed)() < 0.6 ? 3 : MOST;
  return Array.from({ length: size }, (_, member) => seed * MOST + member);
}

export const queued: Play = {
  name: 'queued',
  planOf(seed) {
    const own = seedsOf(seed).flatMap((each, member) =>
      pure.planOf(each).map((mishap) => ({ ...mishap, index: member * APART + mishap.index })),
    );
    const lags = drawPlan(-1 - seed, CHAOS_TICKS, { [LAG]: LAG_CHANCE });
    return [...own, ...lags.map((mishap) => ({ ...mishap, index: MOST * APART + mishap.index }))];
  },
  run(seed, plan) {
    const random = randomOf('limits', seed);
    const cluster = random() < 0.6 ? 1 : 2;
    const limits = random() < 0.5 ? { cluster } : { cluster, perNamespace: 1 };
    const fleet = new Fleet(seedsOf(seed), limits);
    const deploys = fleet.members.map(() => 4 + Math.floor(random() * 16));
    const faults: Tally = new Map();
    const wrong = chaos(fleet, { plan, deploys, faults }) ?? rest(fleet);
    return { ...(wrong === undefined ? {} : { wrong }), ...toldOf(fleet, faults) };
  },
};

interface Act {
  plan: readonly Mishap[];
  /** When each has a new revision. */
  deploys: readonly number[];
  faults: Tally;
}

function chaos(fleet: Fleet, { plan, deploys, faults }: Act): string | undefined {
  const byTick = Map.groupBy(plan, ({ at }) => at);
  for (let tick = 0; tick < CHAOS_TICKS && fleet.violations.length === 0; tick += 1) {
    const mishaps = byTick.get(tick) ?? [];
    for (const { what, random } of mishaps) {
      if (what !== LAG) continue;
      tally(faults, what);
      fleet.lag(1 + Math.floor(random() * 6));
    }
    deploys.forEach((at, index) => {
      if (tick === at) fleet.members[index]?.deploy('v2');
    });
    fleet.step((member) => mishaps.filter(({ index }) => Math.floor(index / APART) === member));
  }
  return fleet.violations[0];
}

/** Nobody waits for ever: each serves its newest revision, one after the other, or is gone. */
function rest(fleet: Fleet): string | undefined {
  const { members } = fleet;
  for (const member of members) {
    member.heal();
    if (member.rotten) member.deploy('v9');
  }
  const limit = CALM_TICKS * members.length;
  for (let tick = 1; tick <= limit && fleet.violations.length === 0 && members.some(isLate); tick += 1) {
    fleet.step(() => []);
    if (tick % 20 === 0) help(fleet);
  }
  const late = members.find(isLate);
  return fleet.violations[0] ?? (late && `${late.rollout}: ${unrested(late) ?? 'the Rollout stays'}`);
}

/** Who stands in the queue needs nobody. */
function help({ members }: Fleet): void {
  for (const member of members) if (isLate(member) && !member.waits) member.help();
}

function isLate(member: Member): boolean {
  return member.deleting ? !member.finalized : unrested(member) !== undefined;
}

function toldOf({ members }: Fleet, own: Tally): Omit<Played, 'wrong'> {
  const faults: Tally = new Map(own);
  const checks: Tally = new Map();
  for (const member of members) {
    for (const [what, times] of member.faults) tally(faults, what, times);
    for (const [what, times] of member.checks) tally(checks, what, times);
  }
  return {
    // Read of worlds that failed alone.
    get timeline() {
      const lines = members.flatMap(({ rollout, events, timeline }) =>
        [...events, ...timeline].map((line) => `${line} [${rollout}]`),
      );
      return lines.sort();
    },
    faults,
    checks,
  };
}
