import { expect, test } from 'vitest';
import { OperatorError } from '#lib/errors.ts';
import { type Asks, createPass } from '#operator/gate-asks.ts';
import { createLane, createSend } from '#operator/gate-send.ts';
import type { MetricSource, QueryAnswer } from '#ports/metric-source.ts';
import type { Question } from '#sources/ask.ts';
import { recordTelemetry } from '#test/support/telemetry.ts';
import { createVirtualClock, settle } from '#test/support/virtual-clock.ts';

const span = { from: 10, to: 10, stepMs: 1 };
const answer: QueryAnswer = {
  result: { kind: 'vector', samples: [], histograms: [] },
  warnings: [],
  cost: { bytes: 100, series: 0, elapsedMs: 1000 },
};

function question(metric: string): Question {
  const scope = { namespace: 'shop', replicaSets: ['web-a'] };
  return { what: 'Counts', selector: { metric, matchers: [] }, within: { by: 'Pod', scope } };
}

/** A source whose queries wait until a test answers them. */
function slowSource(maxConcurrent = 4) {
  const waiting = new Map<string, PromiseWithResolvers<QueryAnswer>>();
  const asked: string[] = [];
  const source: MetricSource = {
    name: 'main',
    rules: { maxConcurrent, maxQueryLength: 60_000, window: undefined },
    query(promql) {
      asked.push(promql);
      const own = Promise.withResolvers<QueryAnswer>();
      waiting.set(promql, own);
      return own.promise;
    },
    range: () => Promise.reject(new OperatorError('SOURCE_QUERY', 'no ranges')),
  };
  const find = (text: string) => [...waiting].find(([promql]) => promql.includes(text));
  return {
    asked,
    async answer(text: string) {
      const found = find(text);
      waiting.delete(found?.[0] ?? '');
      found?.[1].resolve(answer);
      await settle();
    },
    pass: () => {
      const clock = createVirtualClock();
      return createPass(createSend({ source, lane: createLane(source), clock, telemetry: recordTelemetry() }));
    },
  };
}

const aside = (namespace: string) => (asks: Asks) =>
  asks.ask({ promql: `slow_${namespace}`, namespace }, span).then(() => undefined);

test('a slow query of somebody holds up nobody who shares', async () => {
  const { pass, asked, answer: say } = slowSource();
  const { read } = pass();
  const slow = read(aside('shop'));
  const quick = read(async (asks) => {
    await asks.ask(question('a_total'), span);
    await asks.ask(question('b_total'), span);
  });
  await settle();
  await say('a_total');
  // kills: a next round that waits for the side lane
  expect(asked.some((promql) => promql.includes('b_total'))).toBe(true);
  await say('b_total');
  expect(await quick).toMatchObject({ queries: 2 });
  await say('slow_shop');
  expect(await slow).toMatchObject({ queries: 1, bytes: 100, seconds: 1 });
});

test('people’s queries run one at a time, in their own namespace, and each namespace in its turn', async () => {
  const { pass, asked, answer: say } = slowSource();
  const { read } = pass();
  for (const namespace of ['shop', 'pay', 'team']) void read(aside(namespace));
  await settle();
  for (const namespace of ['shop', 'pay', 'team']) {
    expect(asked.at(-1)).toBe(`slow_${namespace}{namespace="${namespace}"}`);
    await say(`slow_${namespace}`);
  }
  expect(asked).toHaveLength(3);
});

test('scrape times are known before the counts that they date are asked for', async () => {
  const { pass, asked, answer: say } = slowSource();
  const { read } = pass();
  const whats = ['Counts', 'Targets', 'ScrapeTimes', 'TargetTimes'] as const;
  void read((asks) =>
    Promise.all(whats.map((what) => asks.ask({ ...question('a'), what }, span))).then(() => undefined),
  );
  await settle();
  // kills: a scrape stored between the two, so that an old count looks new: a canary that finished nothing
  expect(asked.map((promql) => promql.includes('timestamp('))).toEqual([true, true]);
  await say('timestamp(a');
  await say('timestamp(up');
  expect(asked).toHaveLength(4);
});

test('a query of another namespace is never sent', async () => {
  const { pass, asked } = slowSource();
  const reading = pass().read(async (asks) => {
    await asks.ask({ promql: 'sum(a{namespace="other"})', namespace: 'shop' }, span);
  });
  await expect(reading).rejects.toMatchObject({
    code: 'SOURCE_QUERY',
    message: expect.stringContaining('line 1, column 7: namespace="other" names another namespace'),
  });
  expect(asked).toEqual([]);
});

test.each([1, 2, 4])('at most %i at the same time, whatever lane they are in', async (maxConcurrent) => {
  const { pass, asked } = slowSource(maxConcurrent);
  const { read } = pass();
  void read(aside('shop'));
  void read((asks) =>
    Promise.all(['a', 'b', 'c', 'd', 'e'].map((metric) => asks.ask(question(metric), span))).then(() => undefined),
  );
  await settle();
  expect(asked).toHaveLength(maxConcurrent);
});
