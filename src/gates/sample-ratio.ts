import type { Counts, GateContext, GateReading } from '#core/gate.ts';
import { type Weight, WHOLE } from '#lib/units.ts';
import { lbeta } from './special.ts';

/**
 * Sample ratio: does the gateway send the canary the share of requests that the route says?
 *
 * H0: each request goes to the canary with probability θ, the weight. Against it stands Beta(k·θ, k·(1−θ)); with c and
 * s requests on canary and stable
 *
 *     ln E = ln B(k·θ + c, k·(1−θ) + s) − ln B(k·θ, k·(1−θ)) − c·ln θ − s·ln(1−θ)
 *
 * is the logarithm of an e-process: P(ever ≥ 1/α) ≤ α, however often it is looked at (Lindon and Malek 2022, the
 * Multinomial of two). Never pooled over weights: it begins anew with every step. For counts of the gateway alone, and
 * only where they are the route's: callers that reach stable past the route would look like a mismatch.
 */
export interface SampleRatio {
  /** Canary's share of the finished requests, 0 to 1. */
  share: number;
  /** The share that the route says. */
  expected: number;
  logE: number;
  limit: number;
  /** By how much the share is off, as a part of the smaller arm's share: 0.5 is half of it too much or too little. */
  off: number;
  /** Significant, and more than the tolerated part off. */
  alarm: boolean;
}

/** Of each step: with twelve of them a good release is held by mistake once in eighty. */
const ALPHA = 0.001;
/** Gateways deal out requests connection by connection or sticky by session: what is smaller than this is no fault. */
const TOLERATED = 0.2;
/** Where users stay with the arm that they met first, a step's share comes with new sessions alone. */
const TOLERATED_STICKY = 0.8;
/** How sure the alternative is that the share is nearly right; savvi's default. */
const CONCENTRATION = 100;

/** Seconds of traffic before a gap counts: a busy gateway takes the weight late, and slow requests are not finished yet. */
const SETTLED_S = 10;

/** Undefined where one arm is to get nothing, or nothing was finished: there is no ratio then. */
export function sampleRatio(
  step: { canary: Counts; stable: Counts },
  weight: Weight,
  tolerated = TOLERATED,
): SampleRatio | undefined {
  const canary = step.canary.total;
  const stable = step.stable.total;
  const expected = weight / WHOLE;
  if (weight <= 0 || weight >= WHOLE || canary + stable <= 0) return undefined;
  const share = canary / (canary + stable);
  const off = Math.abs(share - expected) / Math.min(expected, 1 - expected);
  const logE = logEvidence(canary, stable, expected);
  const limit = -Math.log(ALPHA);
  return { share, expected, logE, limit, off, alarm: logE >= limit && off > tolerated };
}

function logEvidence(canary: number, stable: number, expected: number): number {
  const a = CONCENTRATION * expected;
  const b = CONCENTRATION - a;
  return lbeta(a + canary, b + stable) - lbeta(a, b) - canary * Math.log(expected) - stable * Math.log1p(-expected);
}

/**
 * The reading of a gate whose counts are the gateway's own, as it stands while the shares are wrong: what the canary
 * was not sent it cannot have failed, so nothing passes. A breach stands.
 */
export function heldBySampleRatio(reading: GateReading, { gate, arrived, weight, sticky }: GateContext): GateReading {
  const { arms } = gate.slo;
  if (arms.by !== 'Label' || arms.exact !== true || !arrived) return reading;
  if (reading.verdict !== 'Pass' && reading.verdict !== 'Inconclusive') return reading;
  const { step, rps } = reading.evidence;
  const all = step.canary.total + step.stable.total;
  const ratio = sampleRatio(step, weight, sticky ? TOLERATED_STICKY : TOLERATED);
  if (ratio?.alarm !== true || all < SETTLED_S * rps) return reading;
  const message =
    `the gateway sent the canary ${percent(ratio.share)} of ${Math.round(all)} requests where the route says ` +
    `${percent(ratio.expected)} (ln E ${ratio.logE.toFixed(1)}, limit ${ratio.limit.toFixed(1)}): the data plane does ` +
    'not follow the route, or the canary does not finish what it gets';
  return { ...reading, verdict: 'Inconclusive', cause: 'SampleRatio', message };
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
