/** Seeded randomness for simulations: the same seed, the same worlds (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Failures among `total` requests; by gaps between failures, so that rare ones cost little. */
export function binomial(random: () => number, total: number, rate: number): number {
  if (rate <= 0) return 0;
  let bad = 0;
  for (let at = gap(random, rate); at < total; at += 1 + gap(random, rate)) bad += 1;
  return bad;
}

function gap(random: () => number, rate: number): number {
  return rate >= 1 ? 0 : Math.floor(Math.log(1 - random()) / Math.log1p(-rate));
}

/** Arrivals in a unit of time. */
export function poisson(random: () => number, mean: number): number {
  if (mean > 50) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  let count = 0;
  for (let left = Math.exp(-mean), product = random(); product > left; product *= random()) count += 1;
  return count;
}
