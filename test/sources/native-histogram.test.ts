import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readBody } from '#sources/answer.ts';
import { countsUpTo, powerBounds } from '#sources/native-histogram.ts';

/** What Prometheus 2.42 answers for a histogram of schema 3, empty buckets left out. */
const answer = JSON.stringify({
  status: 'success',
  data: {
    resultType: 'vector',
    result: [
      {
        metric: { pod: 'a' },
        histogram: [
          1,
          {
            count: '12',
            sum: '3.5',
            buckets: [
              [1, '-0.5', '-0.4585020216023356', '1'],
              [3, '-0.001', '0.001', '2'],
              [0, '0.22925101080116783', '0.25', '4'],
              [0, '0.25', '0.2726269331663144', '3'],
              [0, '0.9170040432046713', '1', '2'],
            ],
          },
        ],
      },
    ],
  },
});

test('an answer of Prometheus is read as counts up to powers of two', () => {
  const body = readBody(answer, { maxSeries: 10 });
  const [histogram] = body.status === 'success' && body.result.kind === 'vector' ? body.result.histograms : [];
  // kills: a bucket counted at its left bound, `le` read as "less than", cumulative counts taken for counts.
  expect(histogram && countsUpTo(histogram, [0.125, 0.25, 0.5, 1, 2])).toEqual([3, 7, 10, 12, 12]);
  expect(histogram?.count, 'an observation that is not a number is in no bucket').toBe(12);
});

test.each([
  { name: 'a bucket of three parts', bucket: [0, '1', '2'] },
  { name: 'a bucket of five parts', bucket: [0, '1', '2', '3', '4'] },
  { name: 'a bound that is no number', bucket: [0, 'one', '2', '3'] },
])('no answer of the API: $name', ({ bucket }) => {
  const broken = JSON.parse(answer);
  broken.data.result[0].histogram[1].buckets = [bucket];
  expect(() => readBody(JSON.stringify(broken), { maxSeries: 10 })).toThrow(/not an answer of the Prometheus HTTP API/);
});

test.each([
  { threshold: 0.25, includes: true, because: '2^−2' },
  { threshold: 1, includes: true, because: '2^0' },
  { threshold: 256, includes: true, because: 'milliseconds have powers of two as well' },
  { threshold: 0.3, includes: false, because: 'then the gate says which bounds there are' },
  { threshold: 2 ** -20, includes: true, because: 'a logarithm of a power of two may be rounded' },
])('the bounds around $threshold', ({ threshold, includes, because }) => {
  const bounds = powerBounds(threshold);
  expect(bounds).toHaveLength(15);
  expect(bounds.includes(threshold), because).toBe(includes);
  expect(bounds.filter((bound) => bound < threshold).length).toBeGreaterThanOrEqual(8);
});

test('a bound inside a populated bucket is not known, and an empty one hides nothing', () => {
  // Schema −1: bounds grow by four. Custom buckets cut powers of two as well.
  const coarse = { count: 9, sum: 1, buckets: [{ left: 0.25, right: 1, count: 9 }] };
  expect(countsUpTo(coarse, [0.25, 0.5, 1])).toEqual([0, undefined, 9]);
  const empty = { count: 0, sum: 0, buckets: [{ left: 0.25, right: 1, count: 0 }] };
  expect(countsUpTo(empty, [0.25, 0.5, 1])).toEqual([0, 0, 0]);
});

/** The buckets of positive observations under a schema, as a client library fills them. */
function histogramOf(observations: readonly number[], schema: number) {
  const indexOf = (value: number) => Math.ceil(Math.log2(value) * 2 ** schema - 1e-9);
  const filled = Map.groupBy(observations, indexOf);
  const bound = (index: number) => 2 ** (index / 2 ** schema);
  const buckets = [...filled].map(([index, own]) => ({
    left: bound(index - 1),
    right: bound(index),
    count: own.length,
  }));
  return { count: observations.length, sum: 0, buckets };
}

test('law: every schema from 0 on says the same up to powers of two', () => {
  const observation = fc.double({ min: 0.0005, max: 60, noNaN: true });
  fc.assert(
    fc.property(fc.array(observation, { maxLength: 60 }), fc.integer({ min: 0, max: 8 }), (observations, schema) => {
      const bounds = powerBounds(0.25);
      const exact = bounds.map((bound) => observations.filter((value) => value <= bound).length);
      expect(countsUpTo(histogramOf(observations, schema), bounds)).toEqual(exact);
    }),
    { numRuns: 300, seed: 8 },
  );
});
