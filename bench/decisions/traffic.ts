import type { Counts } from '#core/gate.ts';
import { type Durations, drawDurations, type Slowness, slower } from './latency.ts';
import { binomial, draws, normal, poisson, type Random, stream } from './random.ts';

/** Ticks of 15 s, an hour of them, counted from the canary's first user request. */
export const TICK_MS = 15_000;
export const TICKS = 240;
export const TICKS_PER_MINUTE = 4;

/** Pods of an arm, for traffic: a policy that runs fewer folds them together. */
export const SLOTS = 3;

/** The bad one of them, where one is. */
export const BAD_SLOT = 1;

/** What really happens to users, whatever a policy sees of it. Rates are of single requests, at minute `m`. */
export interface Scenario {
  name: string;
  title: string;
  /** A good release should not be stopped, a bad one should; of one bad pod opinions differ. */
  kind: 'good' | 'bad' | 'pod';
  rps: number;
  base: number;
  /** The SLO: share of requests that must be good. */
  objective: number;
  /** The canary's failures beyond stable's, from `onset` minutes on. */
  excess?: (minute: number) => number;
  onset?: number;
  /** Failures of both arms beyond the base. */
  outage?: (minute: number) => number;
  /** Both load and base swing by these factors. */
  swing?: (minute: number) => { load: number; rate: number };
  /** Standard deviations of the logarithm of the failure rate, per minute: common to both arms, and of each arm. */
  noise?: { common: number; arm: number };
  /** Nothing is scraped in this minute. */
  gap?: (minute: number) => boolean;
  /** Every two minutes one process of either arm starts again in the middle of a tick. */
  restarts?: boolean;
  /** The excess is on one canary pod of three alone. */
  onePod?: boolean;
  /** A failed request is tried again up to twice by the gateway, on the same arm, and fails again half the time. */
  retries?: boolean;
  /** Durations are what counts, and the canary's are these; no failures. */
  latency?: Slowness;
  /** Orders are what counts: requests that lead to none are the bad ones. */
  business?: Business;
  /** So many releases of different services are under way at once, and the edge counts for all of them. */
  together?: number;
}

export interface Business {
  /** Orders per request on stable. */
  rate: number;
  /** Part of them that the canary loses. */
  dip: number;
  /** Ticks from a request to its order. */
  lag: number;
}

export interface Shares {
  canary: number;
  /** Fresh pods of the old revision that serve as Kayenta's control. */
  baseline: number;
  /** Another process serves in place of the one bad pod, and is good. */
  mended?: true;
}

/** Counts of one pod; `within` where durations are what counts. */
export type Tally = Counts & Partial<Pick<Durations, 'within'>>;

/** What Prometheus could know of one tick; the slots of an arm are its pods. */
export interface Served {
  canary: Tally[];
  stable: Tally[];
  baseline: Tally;
  /** False while nothing is scraped. */
  scraped: boolean;
  /** The process that began again in this tick: its counts are those since. */
  restarted?: { arm: 'canary' | 'stable'; slot: number };
}

type ArmName = 'canary' | 'stable' | 'baseline';

const PURPOSE = { canary: 100, stable: 200, baseline: 300, burst: 400 };

/** One arm at one tick. */
interface ArmTick {
  scenario: Scenario;
  seed: number;
  tick: number;
  arm: ArmName;
  /** Requests that come, and those whose orders come. */
  total: number;
  due: number;
}

/**
 * Requests and failures of tick `tick` at the given shares. Equal shares of equal seeds are equal, bit by bit. `lagged`
 * are the shares of the tick whose orders come now.
 */
export function serve(scenario: Scenario, seed: number, tick: number, shares: Shares, lagged = shares): Served {
  const restarted = restartAt(scenario, tick);
  const at = (arm: ArmName): ArmTick => {
    const arrived = (then: number, share: number) => arrivals(scenario, stream(seed, then, PURPOSE[arm]), then, share);
    const total = arrived(tick, shareOf(shares, arm));
    const { business } = scenario;
    const due = business === undefined ? 0 : arrived(tick - business.lag, shareOf(lagged, arm));
    return { scenario, seed, tick, arm, total, due };
  };
  const pods = (arm: 'canary' | 'stable') => {
    const whole = at(arm);
    const since = (slot: number) => (restarted?.arm === arm && restarted.slot === slot ? 0.5 : 1);
    return Array.from({ length: SLOTS }, (_, slot) => podAt(whole, slot, since(slot)));
  };
  return {
    canary: pods('canary'),
    stable: pods('stable'),
    // Kayenta's control is one pod.
    baseline: shares.baseline > 0 ? tallyOf(at('baseline'), 0) : { total: 0, bad: 0 },
    scraped: scenario.gap?.(tick / TICKS_PER_MINUTE) !== true,
    ...(restarted === undefined ? {} : { restarted }),
  };
}

function shareOf({ canary, baseline }: Shares, arm: ArmName): number {
  return { canary, baseline, stable: Math.max(0, 1 - canary - baseline) }[arm];
}

function arrivals({ rps, swing }: Scenario, random: Random, tick: number, share: number): number {
  const load = (rps * (swing?.(tick / TICKS_PER_MINUTE).load ?? 1) * TICK_MS) / 1000;
  return poisson(random, load * share);
}

/** One pod's part of its arm; of a process that began again only what it counted since. */
function podAt(whole: ArmTick, slot: number, since: number): Tally {
  const part = (count: number) => Math.floor(((count + slot) / SLOTS) * since);
  return tallyOf({ ...whole, total: part(whole.total), due: part(whole.due) }, slot);
}

function tallyOf(at: ArmTick, slot: number): Tally {
  const { scenario, seed, tick, arm, total, due } = at;
  const { latency, business } = scenario;
  const random = stream(seed, tick, PURPOSE[arm] + 1 + slot);
  const worse = arm === 'canary' && tick / TICKS_PER_MINUTE >= (scenario.onset ?? 0);
  if (latency !== undefined) return drawDurations(random, total, worse ? latency : undefined);
  if (business !== undefined) {
    const orders = draws(random, due, business.rate * (worse ? 1 - business.dip : 1));
    return { total, bad: total - orders };
  }
  return withRetries(scenario, random, { total, bad: binomial(random, total, rateOf(at, slot)) });
}

function withRetries({ retries }: Scenario, random: Random, { total, bad }: Counts): Counts {
  if (retries !== true) return { total, bad };
  let counts = { total, bad };
  for (let failed = 0; failed < bad; failed += 1) {
    for (let tries = 0, again = true; tries < 2 && again; tries += 1) {
      again = random() < 0.5;
      counts = { total: counts.total + 1, bad: counts.bad + (again ? 1 : 0) };
    }
  }
  return counts;
}

/** Failure rate of one pod of the arm. */
function rateOf({ scenario, seed, tick, arm }: ArmTick, slot: number): number {
  const minute = tick / TICKS_PER_MINUTE;
  const level = (scenario.base + (scenario.outage?.(minute) ?? 0)) * (scenario.swing?.(minute).rate ?? 1);
  const rate = level * noiseOf(scenario, seed, { minute: Math.floor(minute), arm });
  const excess = arm === 'canary' ? excessAt(scenario, tick) : 0;
  if (scenario.onePod !== true) return Math.min(1, rate + excess);
  return Math.min(1, slot === BAD_SLOT ? rate + SLOTS * excess : rate);
}

function noiseOf({ noise }: Scenario, seed: number, { minute, arm }: { minute: number; arm: ArmName }): number {
  if (noise === undefined) return 1;
  const common = noise.common * normal(stream(seed, minute, PURPOSE.burst));
  const own = noise.arm * normal(stream(seed, minute, PURPOSE.burst + PURPOSE[arm]));
  // The mean of the exponential stays 1, so that noise alone makes nothing worse.
  return Math.exp(common + own - (noise.common ** 2 + noise.arm ** 2) / 2);
}

/** The canary's true excess failure rate. */
export function excessAt({ excess, onset = 0 }: Scenario, tick: number): number {
  const minute = tick / TICKS_PER_MINUTE;
  return minute < onset ? 0 : (excess?.(minute) ?? 0);
}

/** What one request to the canary costs its users beyond stable: failures, slow answers, or lost orders. */
function harmAt(scenario: Scenario, tick: number): number {
  const { latency, business } = scenario;
  if (latency === undefined && business === undefined) return excessAt(scenario, tick);
  if (tick / TICKS_PER_MINUTE < (scenario.onset ?? 0)) return 0;
  return latency === undefined ? (business?.rate ?? 0) * (business?.dip ?? 0) : slower(latency);
}

/** The same once another pod serves in place of the bad one. */
export function mended({ excess: _, ...scenario }: Scenario): Scenario {
  return scenario;
}

/** Expected harm to users of the canary, in one tick. */
export function excessServed(scenario: Scenario, tick: number, share: number): number {
  const load = scenario.rps * (scenario.swing?.(tick / TICKS_PER_MINUTE).load ?? 1);
  return (harmAt(scenario, tick) * load * share * TICK_MS) / 1000;
}

function restartAt({ restarts }: Scenario, tick: number): Served['restarted'] {
  if (restarts !== true || tick < 0 || tick % 8 !== 4) return undefined;
  const turn = Math.floor(tick / 8);
  return { arm: turn % 2 === 0 ? 'canary' : 'stable', slot: turn % SLOTS };
}

/** Counts of pods together. */
export function sum(tallies: readonly Tally[]): Tally {
  let [total, bad] = [0, 0];
  let within: number[] | undefined;
  for (const tally of tallies) {
    total += tally.total;
    bad += tally.bad;
    if (tally.within !== undefined) within = tally.within.map((count, index) => count + (within?.[index] ?? 0));
  }
  return within === undefined ? { total, bad } : { total, bad, within };
}
