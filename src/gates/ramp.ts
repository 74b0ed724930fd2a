import type { Millis, Weight } from '#lib/units.ts';
import { WHOLE } from '#lib/units.ts';
import { boundExcess, excessToExclude } from './advance.ts';
import { ALPHA, BETA, FALLBACK_WEIGHTS, MIXTURE_PRICE, PATIENCE, RAMP, USUAL } from './bounds.ts';

export interface RampQuestion {
  /** Objectives and windows of the guardrails. */
  slos: readonly { objective: number; windowMs: Millis }[];
  /** Live requests per second; undefined when nothing is known. */
  rps?: number;
  /** Share of the budget that a total failure at the first weight may burn. */
  targetSpend: number;
  reactionMs: Millis;
}

/**
 * Weights of a release that gives no steps. The first is such that a canary that fails every request burns at most
 * `targetSpend` of the tightest budget before the reaction, targetSpend·(1−SLO)·W/reaction, and at most 7 %; then three
 * times as much from step to step up to 50 %. Rounded down to figures that people like. Without traffic: 5, 20, 50 %.
 */
export function deriveWeights({ slos, rps, targetSpend, reactionMs }: RampQuestion): Weight[] {
  if (rps === undefined || rps <= 0 || slos.length === 0 || reactionMs <= 0) return [...FALLBACK_WEIGHTS];
  const shares = slos.map(({ objective, windowMs }) => (targetSpend * (1 - objective) * windowMs) / reactionMs);
  const weights = [Math.max(RAMP.least, tidy(Math.min(RAMP.first, Math.min(...shares) * WHOLE)))];
  for (let weight = weights[0] ?? RAMP.last; weight < RAMP.last; weights.push(weight)) weight = grow(weight);
  return weights;
}

/** The last rung may be a little more than the growth: 45 and then 50 would be a step for nothing. */
function grow(weight: Weight): Weight {
  const next = weight * RAMP.growth;
  return next * 1.15 >= RAMP.last ? RAMP.last : tidy(next);
}

/** Down to multiples of 5 % from 10 %, to one digit below: 12,960 → 10,000; 7,200 → 7,000; 432 → 400. */
function tidy(weight: number): Weight {
  const digit = weight >= 10_000 ? 5000 : 10 ** Math.floor(Math.log10(Math.max(1, weight)));
  // Half a unit against 0.1·3 = 0.30000000000000004 and its kind.
  return Math.floor((weight + 1e-6) / digit) * digit;
}

/** Canary requests until the stop test sees `base` → `base + excess`, on average. */
export function requestsToDetect(question: { base: number; excess: number; share: number; alpha?: number }): number {
  const { base, excess, share, alpha = ALPHA } = question;
  const bad = base + excess;
  const ratio = bad / base;
  const theta = (ratio * share) / (ratio * share + 1 - share);
  const failures = (Math.log(1 / alpha) + MIXTURE_PRICE) / divergence(theta, share);
  return (failures * share) / (share * bad + (1 - share) * base);
}

/** Canary requests until the advance test excludes `excess` on a canary that is as good as stable, on average. */
export function requestsToExclude(question: { base: number; excess: number; attempt?: number; beta?: number }): number {
  const { base, excess, attempt = 1, beta = BETA } = question;
  return ((attempt - 1) * Math.LN2 - Math.log(beta)) / divergence(base, base + boundExcess(excess, base));
}

export interface ForecastQuestion {
  weights: readonly Weight[];
  rps: number;
  /** Stable's error ratio now. */
  base: number;
  tolerate: number;
  objective: number;
  windowMs: Millis;
  targetSpend: number;
  reactionMs: Millis;
  attempt?: number;
}

/**
 * Stable's error ratio as it is to be expected when a look at it saw `base` at `rps`: without a failure among sixty
 * requests it is not 0, and with one it is not a sixtieth. The look is weighed against as many requests as the budget
 * allows one failure in, with the failures that a usual service has among them.
 */
export function expectedBase({ rps, base, objective }: { rps: number; base: number; objective: number }): number {
  const requests = (rps * USUAL.lookMs) / 1000;
  const budget = 1 / Math.max(1e-6, 1 - objective);
  return (base * requests + USUAL.spends) / (requests + budget);
}

/** How long each step needs for its advance test at the live rate, when the canary is as good as stable. */
export function forecastSteps({ weights, rps, base, attempt = 1, ...slo }: ForecastQuestion): Millis[] {
  const expected = expectedBase({ rps, base, objective: slo.objective });
  return weights.map((weight, index) => {
    const nextWeight = weights[index + 1];
    const excess = excessToExclude(nextWeight === undefined ? slo : { ...slo, nextWeight });
    const requests = requestsToExclude({ base: expected, excess, attempt });
    return rps > 0 && weight > 0 ? (1000 * requests) / ((rps * weight) / WHOLE) : Number.POSITIVE_INFINITY;
  });
}

/** `maxWait` of a gate that gives none: three times its slowest step, at least 30 minutes. */
export function deriveMaxWait(forecastMs: readonly Millis[]): Millis {
  const slowest = Math.max(0, ...forecastMs.filter((ms) => Number.isFinite(ms)));
  return Math.max(PATIENCE.leastMs, Math.ceil(PATIENCE.factor * slowest));
}

/** Kullback-Leibler divergence of Bernoulli(p) from Bernoulli(q), in nats. */
function divergence(p: number, q: number): number {
  return p * Math.log(p / q) + (1 - p) * Math.log((1 - p) / (1 - q));
}
