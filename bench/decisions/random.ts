/** Randomness that is the same for every policy: each purpose of each tick has its own stream, named by three numbers. */

export type Random = () => number;

/** A stream of uniforms in [0, 1) (mulberry32), started by a hash of seed, tick and purpose. */
export function stream(seed: number, tick: number, purpose: number): Random {
  let state = mix(mix(mix(seed) ^ (tick + 0x1000)) ^ purpose);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Finalizer of MurmurHash3: neighbouring inputs give unrelated outputs. */
function mix(value: number): number {
  let hash = (value + 0x9e3779b9) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Arrivals in a unit of time; the normal approximation above a mean of 50. */
export function poisson(random: Random, mean: number): number {
  if (mean > 50) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let count = 0;
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) count += 1;
  return count;
}

/** Failures among `total` requests; by gaps between failures, so that rare ones cost little. */
export function binomial(random: Random, total: number, rate: number): number {
  if (rate <= 0) return 0;
  let bad = 0;
  for (let at = gap(random, rate); at < total; at += 1 + gap(random, rate)) bad += 1;
  return bad;
}

/** The same for parts of any size: by the normal approximation where there would be many gaps. */
export function draws(random: Random, total: number, rate: number): number {
  if (rate > 0.5) return total - draws(random, total, 1 - rate);
  const mean = total * rate;
  if (mean <= 50) return binomial(random, total, rate);
  const drawn = Math.round(mean + Math.sqrt(mean * (1 - rate)) * normal(random));
  return Math.min(total, Math.max(0, drawn));
}

function gap(random: Random, rate: number): number {
  return rate >= 1 ? 0 : Math.floor(Math.log(1 - random()) / Math.log1p(-rate));
}
