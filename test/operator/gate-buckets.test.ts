import { expect, test } from 'vitest';
import type { LatencySli } from '#core/gate.ts';
import type { Asks, Grid, Point } from '#operator/gate-asks.ts';
import { readBuckets } from '#operator/gate-buckets.ts';
import type { Within } from '#sources/ask.ts';

const at = 600_000;
const sli: LatencySli = {
  kind: 'latency',
  histogram: { metric: 'request_seconds', matchers: [] },
  threshold: 0.3,
  form: 'Classic',
};
const within: Within = { by: 'Pod', scope: { namespace: 'shop', replicaSets: ['shop-a'] } };
const where = { within, span: { from: at, to: at, stepMs: 1000 } };

function labels(pod: string, le?: string): Record<string, string> {
  return {
    namespace: 'shop',
    pod,
    container: 'app',
    instance: `${pod}:80`,
    ...(le === undefined ? {} : { le }),
  };
}

function bucket(pod: string, le: string, value: number): Point {
  return { labels: labels(pod, le), value };
}

/** Answers bucket and scrape-time queries from lists. */
function source(buckets: Point[], scraped: Point[]): Asks {
  const grid = (points: Point[]): Grid => new Map([[at, points]]);
  return { ask: async (question) => grid('what' in question && question.what === 'ScrapeTimes' ? scraped : buckets) };
}

test.each([
  {
    name: 'bounds as numbers, rising',
    because: 'le is text, and 10 sorts before 2 in it',
    buckets: [bucket('a', '10', 9), bucket('a', '2.0', 7), bucket('a', '+Inf', 11), bucket('a', '5e-1', 3)],
    want: { names: ['total', '0.5', '2', '10'], values: [[11, 3, 7, 9]] },
  },
  {
    name: 'bounds that all processes have',
    because: 'a bound of one process says nothing about the other',
    buckets: [
      ...[bucket('a', '0.5', 3), bucket('a', '1', 4), bucket('a', '+Inf', 5)],
      ...[bucket('b', '1', 6), bucket('b', '2', 7), bucket('b', '+Inf', 8)],
    ],
    want: {
      names: ['total', '1'],
      values: [
        [5, 4],
        [8, 6],
      ],
    },
  },
  {
    name: 'no process without the time of its scrape',
    because: 'a count of unknown age is no evidence',
    buckets: [bucket('a', '1', 4), bucket('a', '+Inf', 5), bucket('c', '1', 4), bucket('c', '+Inf', 5)],
    want: { names: ['total', '1'], values: [[5, 4]] },
  },
  {
    name: 'no bucket with a bound that is no number',
    because: 'le may be missing where somebody aggregated it away',
    buckets: [bucket('a', 'fast', 4), bucket('a', '+Inf', 5)],
    want: { names: ['total'], values: [[5]] },
  },
])('reads $name', async ({ because, buckets, want }) => {
  const scraped = ['a', 'b'].map((pod) => ({ labels: labels(pod), value: 599 }));
  const read = (await readBuckets(source(buckets, scraped), sli, where))(at);
  expect({ names: read.names, values: read.samples.map(({ values }) => values) }, because).toEqual(want);
  expect(new Set(read.samples.map(({ scrapedAt }) => scrapedAt))).toEqual(new Set([599_000]));
});

const native: LatencySli = { ...sli, threshold: 0.25, form: 'Native' };

function observed(pod: string, buckets: [left: number, right: number, count: number][]): Point {
  const count = buckets.reduce((sum, [, , own]) => sum + own, 0);
  const histogram = { count, sum: 1, buckets: buckets.map(([left, right, own]) => ({ left, right, count: own })) };
  return { labels: labels(pod), value: count, histogram };
}

test('reads a native histogram at the powers of two around the threshold', async () => {
  const points = [
    observed('a', [
      [0.2, 0.25, 4],
      [0.25, 0.3, 3],
    ]),
    // Bounds that grow by four: what lies up to 0.5 is not known.
    observed('b', [[0.25, 1, 2]]),
  ];
  const scraped = ['a', 'b'].map((pod) => ({ labels: labels(pod), value: 599 }));
  const { names, samples } = (await readBuckets(source(points, scraped), native, where))(at);
  // kills: a bound that one process cannot tell read as 0, which would call its requests slow.
  expect(names.slice(0, 2)).toEqual(['total', '0.0009765625']);
  expect(names.slice(8)).toEqual(['0.125', '0.25', '1', '2', '4', '8', '16']);
  const place = names.indexOf('0.25');
  expect(samples.map(({ values }) => [values[0], values[place], values[place + 1]])).toEqual([
    [7, 4, 7],
    [2, 0, 2],
  ]);
});

test('a classic counter where a native histogram is due is a wrong query', async () => {
  const [points, scraped] = [[bucket('a', '1', 4)], [{ labels: labels('a'), value: 599 }]];
  const read = await readBuckets(source(points, scraped), native, where);
  expect(() => read(at)).toThrow(/is no native histogram; set sli.latency.form to Classic/);
});
