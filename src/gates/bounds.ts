import type { Millis } from '#lib/units.ts';

/** Every constant of the gates in one place, each with where it comes from. */

/** Chance that the stop test ever ends a good release, for one gate. Several guardrails share it (weighted Bonferroni). */
export const ALPHA = 0.02;

/** Chance that the advance test lets the excluded excess through once. */
export const BETA = 0.05;

/** Error ratios up to this multiple of stable's are not called worse: the null hypothesis of the stop test. */
export const TOLERATED_RATIO = 1.1;

/** Alternatives of the stop test: this many ratios, spaced evenly in the logarithm, with equal weights. */
export const RATIOS = { count: 16, least: 1.5, most: 60 };

/** The stop test also wants this much excess to be seen (0.03 points): what is real but tiny ends no release. */
export const EXCESS_FLOOR = 0.0003;

/** Half of the stop test starts with the attempt, the other half is spread over later starts, for late defects. */
export const LATE_SHARE = 0.5;

/** Time between two later starts. */
export const LATE_EVERY_MS: Millis = 300_000;

/**
 * Later start k = 1, 2, … has the weight c/((k+c−1)(k+c)), and they are never used up, because what is left after start k
 * is c/(k+c). Half of it is spent over the first twenty minutes (c starts): a ladder and half of a bake.
 */
export const LATE_SPREAD = 4;

/** No excess above this part of what stable does right has to be excluded: beyond it the boundary is no error rate. */
export const MAX_EXCESS_PART = 0.5;

/**
 * Stable's rate is used once it has this many requests per unit of excess. Three would make its error small, and a release
 * at 1 rps wait for 38 minutes instead of 25: longer for stable's rate than for the canary's. What passes too early by a
 * lucky rate is asked again by the bake.
 */
export const RATE_REQUESTS_PER_EXCESS = 1;

/** Burn multiple that an arm alone may reach: 1 spends exactly the budget. */
export const BURN = 1;

/** Evidence (1/20) that an arm misses its objective now. Not a stop: it only takes the blame from the canary. */
export const MISSING_ODDS = 20;

/** "Now" is five buckets of a minute; the newest two must be bad as well, so that the end of an outage is seen. */
export const RECENT_BUCKET_MS: Millis = 60_000;
export const RECENT_BUCKETS = 5;
export const NEWEST_BUCKETS = 2;

/** A budget is never called spent by fewer excess failures than this: at low traffic one request would be the whole. */
export const MIN_SPENT_EVENTS = 5;

/**
 * Requests due on a silent canary. Ten since the step arrived: by chance once in 22,000 arrivals. Thirty once the
 * canary has answered, because every pause between two of its requests is then another chance.
 */
export const DARK_DUE = 10;
export const DARK_DUE_LATER = 30;

/** Requests of the canary from which on its share of the traffic tells how much of stable's comes past the route. */
export const PAST_ROUTE_SURE = 30;

/** A sample older than this many scrapes says nothing about now, and its pod is not waited for any longer. */
export const STALE_SCRAPES = 3;

/** Pods younger than this many scrapes need not be scraped yet: discovery takes its time. */
export const DISCOVERY_SCRAPES = 4;

/**
 * Where the Rollout does not say. Code that is not compiled yet and cold caches make young pods slow, and a canary's pods
 * are the young ones: latencies would blame the revision for its age. They fail no request, and what fails in its first
 * seconds is a defect that users meet at every start: other SLIs count from the first second on.
 */
export const WARM_UP: { latency: Millis; others: Millis } = { latency: 30_000, others: 0 };

/** Start times are cut to seconds and come from another machine's clock. */
export const START_SLACK_MS: Millis = 2000;

/**
 * Ramp: first weight at most, growth from step to step, and the last step before everything (1/100,000). At a first
 * weight of 10 % what is five points worse costs 15 requests at 100 rps before it is off, at 7 % 11, at 5 % 9; what is
 * one point worse is found in 1, 1.25 and 1.5 minutes.
 */
export const RAMP = { first: 7000, least: 100, growth: 3, last: 50_000 };

/** Steps where nothing is known about the traffic. */
export const FALLBACK_WEIGHTS = [5000, 20_000, 50_000];

/** What the stop test's mixture over ratios costs, in nats: the planner's allowance. */
export const MIXTURE_PRICE = 1.5;

/** A minute of stable's traffic is what the planner knows, and before that: a service spends a fifth of its budget. */
export const USUAL = { lookMs: 60_000, spends: 0.2 };

/**
 * Forecast of the next weight's spend: a fault is taken to be found after twice as many requests as on average, and
 * excesses are told apart to a millionth.
 */
export const FORECAST = { late: 2, halvings: 20 };

/** How long a gate may hold a step: this multiple of the forecast, and never less than the minimum. */
export const PATIENCE = { factor: 3, leastMs: 1_800_000 };

/**
 * Stop test of latencies. Every bound has its own alternatives, and the average over all of them decides: each bound
 * more costs a little evidence. Bounds that more than `mostSlow` of stable's requests exceed cannot show a ratio.
 */
export const LATENCY = { bounds: 8, ratios: { count: 6, least: 1.3, most: 15 }, mostSlow: 0.6, untouched: 2 };

/** Intervals shown beside a verdict: 1 in 20 misses the truth at some look; tightest at so many requests, or events. */
export const SHOWN = { alpha: 0.05, tunedFor: 1000, events: 100 };

/**
 * Dispersion of stable's own pods: in blocks of a minute, because what lasts for a minute makes its ticks fail together.
 * Nothing is tempered before 30 ticks, nor by what two standard errors explain: a good guess of 1.1 would delay every
 * stop. By ten at most, or one broken stable pod would blind the gates.
 */
export const DISPERSION = { blockMs: 60_000, leastTicks: 30, errors: 2, most: 10 };

/**
 * Standard deviation of the logarithm of an arm's error rate from minute to minute, beside what both arms share: two arms
 * of one version are never quite alike. It counts for nothing at little traffic and is what is left at much.
 */
export const ARM_NOISE = 0.1;

/**
 * One pod of three or more, or one tick among four or more, that by chance would be so bad at most once in seven times:
 * three failures on one pod of three, and none elsewhere. To wait for a fourth costs little where the release is bad.
 */
export const INFLUENCE = { leastPods: 3, leastTicks: 4, chance: 0.15 };

/**
 * Sums of values need this many pairs of ticks before the normal law may speak, and are judged best after half an
 * hour of 15 s.
 */
export const PAIRS = { least: 30, best: 120 };

/** Value of one tick at most: so many standard deviations above its expectation, once that is known. */
export const WINSOR = { deviations: 6, leastTicks: 10 };

/** Alternatives of a business count that falls: even steps down to a hundredth of what is tolerated; and that rises. */
export const DIPS = { count: 16, most: 0.99 };
export const RISES = { count: 16, least: 1.1, most: 20 };

/** A relative regression above this need not be excluded, however small the next weight is. */
export const MAX_REGRESSION = 0.9;

/** How much of stable's past is looked at when a gate begins. */
export const HISTORY = { minutes: 60 };

/**
 * Probes. A failure rate up to `floor` is nobody's fault, however clean stable is: a first failure is then evidence of
 * 53, a second one of 4,010. `lateShare` of the evidence starts later, every five minutes, for late defects: little
 * enough for a first failure to stop at α = 0.02. The advance test bets these parts of the most that can be lost at one
 * difference: much of its capital on clean answers, the rest on those that often differ.
 */
export const PROBES = {
  floor: 0.01,
  lateShare: 0.05,
  bets: [
    { part: 0.1, capital: 0.15 },
    { part: 0.3, capital: 0.2 },
    { part: 0.6, capital: 0.25 },
    { part: 0.95, capital: 0.4 },
  ],
};
