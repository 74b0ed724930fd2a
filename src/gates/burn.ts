import type { Counts } from '#core/gate.ts';
import type { Millis } from '#lib/units.ts';
import { BURN, MISSING_ODDS, NEWEST_BUCKETS, RECENT_BUCKET_MS, RECENT_BUCKETS } from './bounds.ts';
import type { ArmCounts } from './samples.ts';
import { lbeta, logUpperBeta } from './special.ts';

/**
 * Absolute test of one arm. H0: its error rate is at most `rate`, usually burn·(1−SLO). The alternative is the Jeffreys
 * prior Beta(½, ½) cut off below `rate`:
 *
 *     ln E = lnB(½+e, ½+n−e) − lnB(½, ½) + ln(1−I_rate(½+e, ½+n−e)) − ln(1−I_rate(½, ½)) − e·ln rate − (n−e)·ln(1−rate)
 *
 * Anytime-valid as long as the counts only grow.
 */
export function burnLogE({ total, bad }: Counts, rate: number): number {
  const failures = Math.min(bad, total);
  const [a, b] = [0.5 + failures, 0.5 + total - failures];
  const mixture = lbeta(a, b) + logUpperBeta(a, b, rate) - lbeta(0.5, 0.5) - logUpperBeta(0.5, 0.5, rate);
  return mixture - failures * Math.log(rate) - (total - failures) * Math.log1p(-rate);
}

/** The error rate that an arm alone may have. An objective of 100 % leaves a rate that no arm can be under by proof. */
export function burnRate(objective: number): number {
  return Math.max(1e-9, BURN * (1 - objective));
}

/** Counts of the last minutes, in buckets of a minute, newest first. */
export interface Recent {
  /** Number of the newest bucket since the epoch of the clock. */
  bucket: number;
  buckets: readonly ArmCounts[];
}

export const noRecent: Recent = { bucket: 0, buckets: [] };

/** Adds the counts of a tick that ended at `at`, and forgets what is older than the buckets reach. */
export function foldRecent(recent: Recent, tick: ArmCounts, at: Millis): Recent {
  const bucket = Math.floor(at / RECENT_BUCKET_MS);
  const aged = age(recent, at);
  const [newest, ...older] = aged.buckets;
  return { bucket, buckets: [newest === undefined ? tick : addCounts(newest, tick), ...older] };
}

/** The last five minutes up to `at`; a bucket without ticks is empty, not missing. */
function age(recent: Recent, at: Millis): Recent {
  const bucket = Math.floor(at / RECENT_BUCKET_MS);
  const passed = Math.min(RECENT_BUCKETS, Math.max(0, bucket - recent.bucket));
  const buckets = [...empty.slice(0, passed), ...recent.buckets.slice(0, RECENT_BUCKETS - passed)];
  return { bucket, buckets };
}

/** Sum of the newest `count` buckets. */
export function sumRecent({ buckets }: Recent, count: number = RECENT_BUCKETS): ArmCounts {
  const canary = { total: 0, bad: 0 };
  const stable = { total: 0, bad: 0 };
  // Asked several times a tick by every gate: one sum, and no bucket of its own for each term.
  for (let index = 0; index < Math.min(count, buckets.length); index++) {
    const bucket = buckets[index] ?? noCounts;
    canary.total += bucket.canary.total;
    canary.bad += bucket.canary.bad;
    stable.total += bucket.stable.total;
    stable.bad += bucket.stable.bad;
  }
  return { canary, stable };
}

/**
 * Does the arm miss its objective now? The last one to five minutes must prove it, and the last one or two must look
 * like it. A test over all of its life would never forget an outage; this one sees it begin within a tick or two and
 * end within two minutes. It decides who is not to blame, never that somebody is: looking often costs no false stop.
 */
export function missesNow(recent: Recent, arm: keyof ArmCounts, objective: number): boolean {
  const rate = burnRate(objective);
  const newest = sumRecent(recent, NEWEST_BUCKETS)[arm];
  if (newest.total === 0 || newest.bad / newest.total <= rate) return false;
  // Short windows see the beginning, which long ones dilute; long windows see what is little and lasts.
  return recent.buckets.some((_, index) => burnLogE(sumRecent(recent, index + 1)[arm], rate) >= Math.log(MISSING_ODDS));
}

export const noCounts: ArmCounts = { canary: { total: 0, bad: 0 }, stable: { total: 0, bad: 0 } };

const empty: readonly ArmCounts[] = Array.from({ length: RECENT_BUCKETS }, () => noCounts);

export function addCounts(a: ArmCounts, b: ArmCounts): ArmCounts {
  return { canary: addArm(a.canary, b.canary), stable: addArm(a.stable, b.stable) };
}

export function addArm(a: Counts, b: Counts): Counts {
  return { total: a.total + b.total, bad: a.bad + b.bad };
}
