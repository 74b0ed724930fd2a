import type { Counts } from '#core/gate.ts';
import { binomial, normal, poisson, type Random, stream } from './random.ts';

/** Ticks of 15 s, an hour of them, counted from the canary's first user request. */
export const TICK_MS = 15_000;
export const TICKS = 240;
export const TICKS_PER_MINUTE = 4;

/** Pods of an arm, for traffic: a policy that runs fewer folds them together. */
export const SLOTS = 3;

/** What really happens to users, whatever a policy sees of it. Rates are of single requests, at minute `m`. */
export interface Scenario {
  name: string;
  title: string;
  /** A good release should not be stopped, a bad one should; of one bad pod opinions differ. */
  kind: 'good' | 'bad' | 'pod';
  rps: number;
  base: number;
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
}

export interface Shares {
  canary: number;
  /** Fresh pods of the old revision that serve as Kayenta's control. */
  baseline: number;
}

/** What Prometheus could know of one tick; the slots of an arm are its pods. */
export interface Served {
  canary: Counts[];
  stable: Counts[];
  baseline: Counts;
  /** False while nothing is scraped. */
  scraped: boolean;
  /** The process that began again in this tick: its counts are those since. */
  restarted?: { arm: 'canary' | 'stable'; slot: number };
}

const PURPOSE = { canary: 100, stable: 200, baseline: 300, burst: 400 };

/** Requests and failures of tick `tick` at the given shares. Equal shares of equal seeds are equal, bit by bit. */
export function serve(scenario: Scenario, seed: number, tick: number, shares: Shares): Served {
  const minute = tick / TICKS_PER_MINUTE;
  const load = (scenario.rps * (scenario.swing?.(minute).load ?? 1) * TICK_MS) / 1000;
  const restarted = restartAt(scenario, tick);
  const arm = (name: 'canary' | 'stable', share: number): Counts[] => {
    const total = poisson(stream(seed, tick, PURPOSE[name]), load * share);
    const rates = ratesOf(scenario, seed, tick, name);
    return rates.map((rate, slot) => {
      const half = restarted?.arm === name && restarted.slot === slot ? 2 : 1;
      const part = Math.floor((total + slot) / SLOTS / half);
      return draw(scenario, stream(seed, tick, PURPOSE[name] + 1 + slot), part, rate);
    });
  };
  return {
    canary: arm('canary', shares.canary),
    stable: arm('stable', Math.max(0, 1 - shares.canary - shares.baseline)),
    baseline: baselineOf(scenario, { seed, tick, load: load * shares.baseline }),
    scraped: scenario.gap?.(minute) !== true,
    ...(restarted === undefined ? {} : { restarted }),
  };
}

function baselineOf(scenario: Scenario, { seed, tick, load }: { seed: number; tick: number; load: number }): Counts {
  if (load <= 0) return { total: 0, bad: 0 };
  const [rate = 0] = ratesOf(scenario, seed, tick, 'baseline');
  const random = stream(seed, tick, PURPOSE.baseline);
  return draw(scenario, random, poisson(random, load), rate);
}

function draw(scenario: Scenario, random: Random, total: number, rate: number): Counts {
  const bad = binomial(random, total, rate);
  if (scenario.retries !== true) return { total, bad };
  let counts = { total, bad };
  for (let failed = 0; failed < bad; failed += 1) {
    for (let tries = 0, again = true; tries < 2 && again; tries += 1) {
      again = random() < 0.5;
      counts = { total: counts.total + 1, bad: counts.bad + (again ? 1 : 0) };
    }
  }
  return counts;
}

/** Failure rate of each pod of the arm. */
function ratesOf(scenario: Scenario, seed: number, tick: number, arm: keyof typeof PURPOSE): number[] {
  const minute = tick / TICKS_PER_MINUTE;
  const level = (scenario.base + (scenario.outage?.(minute) ?? 0)) * (scenario.swing?.(minute).rate ?? 1);
  const rate = level * noiseOf(scenario, seed, { minute: Math.floor(minute), arm });
  const excess = arm === 'canary' ? excessAt(scenario, tick) : 0;
  if (scenario.onePod === true) return [rate, rate + SLOTS * excess, rate].map((each) => Math.min(1, each));
  return Array.from({ length: SLOTS }, () => Math.min(1, rate + excess));
}

function noiseOf(
  { noise }: Scenario,
  seed: number,
  { minute, arm }: { minute: number; arm: keyof typeof PURPOSE },
): number {
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

/** Expected failures that users of the canary met beyond stable's, in one tick. */
export function excessServed(scenario: Scenario, tick: number, share: number): number {
  const load = scenario.rps * (scenario.swing?.(tick / TICKS_PER_MINUTE).load ?? 1);
  return (excessAt(scenario, tick) * load * share * TICK_MS) / 1000;
}

function restartAt({ restarts }: Scenario, tick: number): Served['restarted'] {
  if (restarts !== true || tick < 0 || tick % 8 !== 4) return undefined;
  const turn = Math.floor(tick / 8);
  return { arm: turn % 2 === 0 ? 'canary' : 'stable', slot: turn % SLOTS };
}

export function sum(counts: readonly Counts[]): Counts {
  return counts.reduce((all, { total, bad }) => ({ total: all.total + total, bad: all.bad + bad }), {
    total: 0,
    bad: 0,
  });
}
