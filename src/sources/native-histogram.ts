import type { NativeHistogram } from '#ports/metric-source.ts';

/**
 * Native histograms as counts up to fixed bounds, like the buckets of a classic one.
 *
 * The bounds of schema n grow by 2^(2^−n), so the powers of two, which are those of schema 0, are bounds of every finer
 * schema too: processes of different schemas can be told apart from nobody there, and nothing is ever interpolated.
 */

/** How many powers of two around a threshold are asked for, below it and above it: 1 ms to 16 s around 250 ms. */
const OCTAVES = { below: 8, above: 6 };

/** Powers of two around a threshold, rising; the threshold itself is among them when it is one. */
export function powerBounds(threshold: number): number[] {
  const middle = Math.floor(Math.log2(threshold));
  // A logarithm may be rounded to the wrong side of a whole number.
  const exponent = 2 ** (middle + 1) <= threshold ? middle + 1 : middle;
  const count = OCTAVES.below + OCTAVES.above + 1;
  return Array.from({ length: count }, (_, index) => 2 ** (exponent - OCTAVES.below + index));
}

/**
 * Observations up to each bound. Undefined for a bound inside a populated bucket, as under a schema below 0 or with
 * custom bounds: how many of that bucket lie under it is not known.
 */
export function countsUpTo({ buckets }: NativeHistogram, bounds: readonly number[]): (number | undefined)[] {
  return bounds.map((bound) => {
    let sum = 0;
    for (const { left, right, count } of buckets) {
      if (right <= bound) sum += count;
      else if (left < bound && count > 0) return undefined;
    }
    return sum;
  });
}
