import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectLab } from '../lab/connect.ts';
import { type Lane, openLane, type Run, same } from './support/lane.ts';
import type { Portrait } from './support/portrait.ts';
import { type Scenario, scenarios } from './support/scenarios.ts';
import { TICK_MS } from './support/stage.ts';

/**
 * Faults on the way between the operator and the real API server. Whatever is lost, late, refused or told twice, no
 * request of a good release fails, no weight is above its record, and the release ends as the undisturbed one does,
 * a bounded number of ticks after the last fault. `make test` plays the ten most telling scenarios.
 */

const lab = connectLab(inject('lab'));
const LONG = process.env['HEADGATE_LONG'] === '1';
const RATE = 50;
/** Ticks that a release gets after the last fault is over, if its scenario does not say otherwise. */
const TICKS = 60;
/** One of five requests of the gateway goes to a canary at its first step. */
const CANARY_RATE = RATE / 5;

/** Long enough that a busy machine makes nobody lose it, short enough to wait until it has run out. */
const lease = {
  HEADGATE_LEASE_DURATION: '8s',
  HEADGATE_RENEW_DEADLINE: '7s',
  HEADGATE_RETRY_PERIOD: '500ms',
};

type Kind = Scenario['release'];

const kinds: Record<Kind, { image(number: number): string; done(portrait: Portrait): boolean }> = {
  good: {
    image: (number) => `lab/shop:v${number}`,
    done: ({ phase, record, sets, pods }) =>
      phase === 'Healthy' && record.outcome === 'Promoted' && sets.length === 1 && pods.length === 2,
  },
  bad: {
    image: (number) => `lab/shop:v${number}-errors-50`,
    done: ({ record, sets, pods }) =>
      record.phase === 'Paused' && sets[0]?.startsWith('new 0') === true && pods.length === 3,
  },
};

const undisturbed: Partial<Record<Kind, Run>> = {};
/** Lanes that are free, by the number of their operators. */
const free: Record<1 | 2, Lane[]> = { 1: [], 2: [] };
const waiting: Record<1 | 2, ((lane: Lane) => void)[]> = { 1: [], 2: [] };
const tally = { scenarios: 0, requests: 0, failed: 0, hits: 0, unwanted: 0 };
const startedAt = performance.now();
const lanes: Lane[] = [];
let images = 0;

beforeAll(async () => {
  const open = async (name: string, operators: 1 | 2, kind: Kind) => {
    const lane = await openLane(lab, `faults-${name}`, { rate: RATE, operators, environment: lease });
    lanes.push(lane);
    undisturbed[kind] = await lane.release(kinds[kind].image(++images), { done: kinds[kind].done });
    if (kind === 'bad') await lane.clear();
    give(lane);
  };
  await Promise.all([open('one', 1, 'good'), open('two', 2, 'bad')]);
});
afterAll(async () => {
  await Promise.all(lanes.map((lane) => lane.close()));
  const unwanted = lanes.reduce((sum, lane) => sum + lane.unwanted(), 0);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log('faults', JSON.stringify({ ...tally, unwanted, seconds }));
});

function give(lane: Lane): void {
  const { operators } = lane;
  const next = waiting[operators].shift() ?? (operators === 2 ? waiting[1].shift() : undefined);
  if (next === undefined) free[operators].push(lane);
  else next(lane);
}

/** One release at a time on each of the two lanes; what needs one operator may run before two. */
async function onLane<T>(operators: 1 | 2, work: (lane: Lane) => Promise<T>): Promise<T> {
  const lane =
    free[operators].pop() ??
    (operators === 1 ? free[2].pop() : undefined) ??
    (await new Promise<Lane>((resolve) => waiting[operators].push(resolve)));
  try {
    return await work(lane);
  } finally {
    give(lane);
  }
}

/** The weights of the undisturbed release; with `dips`, those in between may go down and come again. */
function isClimb(ladder: readonly number[], ideal: readonly number[], dips: boolean): boolean {
  if (!dips) return ladder.join() === ideal.join();
  const highest = ladder.filter((weight, at) => at === 0 || weight > Math.max(...ladder.slice(0, at)));
  return [...highest, ladder.at(-1)].join() === ideal.join();
}

/** What is not as it must be, as sentences. */
function violations({ release, faults, dips = false, ticks = TICKS }: Scenario, run: Run, ideal: Run): string[] {
  const found = [...run.overgrants];
  if (!same(ideal.portrait)(run.portrait))
    found.push(`ends as\n${JSON.stringify(run.portrait)}\ninstead of\n${JSON.stringify(ideal.portrait)}`);
  if (!isClimb(run.ladder, ideal.ladder, dips)) found.push(`weights went ${run.ladder.join(', ')}`);
  if (run.failed > 0) found.push(`${run.failed} of ${run.offered} requests failed: ${run.failures.join('; ')}`);
  faults.forEach(({ does }, at) => {
    if (run.hits[at] === 0) found.push(`fault ${at} (${does.kind}) never hit anything`);
  });
  if (run.healingMs > ticks * TICK_MS) found.push(`it took ${run.healingMs} ms after the last fault`);
  const most = ideal.exposed.all + ticks * CANARY_RATE;
  if (release === 'bad' && run.exposed.afterHealing > most)
    found.push(`${run.exposed.afterHealing} requests met the bad canary after the last fault, more than ${most}`);
  return found;
}

async function play(scenario: Scenario, lane: Lane): Promise<void> {
  const { name, release, faults, seed = 0 } = scenario;
  const ideal = undisturbed[release];
  if (ideal === undefined) throw new Error(`no undisturbed ${release} release`);
  const run = await lane.release(kinds[release].image(++images), { faults, seed, done: same(ideal.portrait) });
  const { hits, offered, failed, exposed, ladder } = run;
  const figures = { offered, failed, hits, exposed, ladder: ladder.length };
  const ticks = { all: Math.round(run.tookMs / TICK_MS), healing: Math.round(run.healingMs / TICK_MS) };
  console.log(`${release} release, ${name}: ${JSON.stringify({ ...figures, ticks })}`);
  tally.scenarios += 1;
  tally.requests += offered;
  tally.failed += failed;
  tally.hits += hits.reduce((sum, count) => sum + count, 0);
  const found = violations(scenario, run, ideal);
  // At once: whoever waits for the long run sees what it found so far.
  for (const sentence of found) console.log(`${release} release, ${name}: ${sentence}`);
  if (release === 'bad' || found.length > 0) await lane.clear();
  expect(found.join('\n\n')).toBe('');
}

// kills: raising before the record is stored; a lost answer taken for a lost write; a lowering that waits for its record.
describe.concurrent.each(['good', 'bad'] as const)('a %s release', (kind) => {
  const played = scenarios.filter(({ release, always = false }) => release === kind && (LONG || always));
  test.each(played)(
    '$name: $because',
    (scenario) => onLane(scenario.operators ?? 1, (lane) => play(scenario, lane)),
    3_600_000,
  );
});
