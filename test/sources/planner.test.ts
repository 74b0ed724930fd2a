import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Selector } from '#core/gate.ts';
import type { InstantResult, QueryRules, Sample, Series } from '#ports/metric-source.ts';
import type { Ask, Grid, Span, Within } from '#sources/ask.ts';
import { type Learned, nothingLearned, plan, split } from '#sources/planner.ts';
import { parsePromql } from '#sources/promql.ts';
import { share, shareAll } from '#sources/share.ts';

const rules: QueryRules = { maxConcurrent: 4, maxQueryLength: 60_000, window: undefined };
const now: Span = { from: 60_000, to: 60_000, stepMs: 10_000 };
const requests: Selector = { metric: 'http_requests_total', matchers: [] };
const failures: Selector = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] };

function within(namespace: string, ...replicaSets: string[]): Within {
  return { by: 'Pod', scope: { namespace, replicaSets } };
}

function ask(changes: Partial<Ask> = {}): Ask {
  return { what: 'Counts', selector: requests, within: within('shop', 'web-a', 'web-b'), span: now, ...changes };
}

/** The five questions of an availability gate. */
function gateOf(pods: Within, { total = requests, bad = failures, span = now } = {}): Ask[] {
  const whats = ['ScrapeTimes', 'Targets', 'TargetTimes'] as const;
  const counts = [total, bad].map((selector) => ask({ selector, within: pods, span }));
  return [
    ...counts,
    ...whats.map((what) => ask({ what, selector: total, within: pods, span })),
    ask({ what: 'ScrapeTimes', selector: bad, within: pods, span }),
  ];
}

function textsOf(asks: readonly Ask[], changes: Partial<QueryRules> = {}, learned: Learned = nothingLearned): string[] {
  return plan(asks, { ...rules, ...changes }, learned).map(({ promql }) => promql);
}

describe('texts', () => {
  const process = 'namespace, pod, container, instance';
  const pods = 'namespace="shop",pod=~"web-a-.*|web-b-.*"';
  test.each([
    {
      name: 'counts',
      because: 'counters are summed within one process only',
      ask: ask({ selector: failures }),
      want: `sum by (${process}) (http_requests_total{${pods},code=~"5.."})`,
    },
    {
      name: 'buckets',
      because: 'the bound stays',
      ask: ask({ keep: 'le' }),
      want: `sum by (${process}, le) (http_requests_total{${pods}})`,
    },
    {
      name: 'scrape times',
      because: 'one scrape has one time, whatever the code is',
      ask: ask({ what: 'ScrapeTimes', selector: failures }),
      want: `max by (${process}) (timestamp(http_requests_total{${pods}}))`,
    },
    {
      name: 'targets',
      because: 'the code is no label of a target',
      ask: ask({ what: 'Targets', selector: failures }),
      want: `up{${pods}}`,
    },
    {
      name: 'targets of one container',
      because: 'a scraped sidecar is not a second target of the app',
      ask: ask({
        what: 'Targets',
        selector: { metric: 'm', matchers: [{ label: 'container', op: '=', value: 'app' }] },
      }),
      want: `up{${pods},container="app"}`,
    },
    {
      name: 'target times',
      because: 'a target that is gone shows its last value for five minutes',
      ask: ask({ what: 'TargetTimes' }),
      want: `timestamp(up{${pods}})`,
    },
    {
      name: 'names with dots',
      because: 'a dot in a name is a dot',
      ask: ask({ within: within('shop', 'we.b') }),
      want: `sum by (${process}) (http_requests_total{namespace="shop",pod=~"we\\\\.b-.*"})`,
    },
    {
      name: 'an arm of a gateway',
      because: 'a value of both patterns is the canary’s alone',
      ask: ask({ within: { by: 'Label', label: 'service', value: 'web.*', except: 'web-canary.*' } }),
      want: `sum by (${process}, service) (http_requests_total{service=~"web.*",service!~"web-canary.*"})`,
    },
    {
      name: 'everybody',
      because: 'the gateway itself',
      ask: ask({ what: 'ScrapeTimes', within: { by: 'Nothing' } }),
      want: `max by (${process}) (timestamp(http_requests_total{}))`,
    },
  ])('$name: $because', ({ ask: one, want }) => {
    expect(textsOf([one])).toEqual([want]);
    expect(parsePromql(want)).toEqual({ ok: true });
  });

  test('a source that needs a window in timestamp() gets one there and nowhere else', () => {
    const texts = textsOf([ask(), ask({ what: 'ScrapeTimes' }), ask({ what: 'TargetTimes' })], { window: '5m' });
    expect(texts.map((text) => text.includes('[5m]'))).toEqual([false, true, true]);
    for (const text of texts) expect(parsePromql(text)).toEqual({ ok: true });
  });
});

describe('how many', () => {
  const families = ['a', 'b', 'c'].map((metric) => ({
    total: { metric, matchers: [] },
    bad: { metric, matchers: failures.matchers },
  }));
  const releases = (count: number, perNamespace = 10) =>
    Array.from({ length: count }, (_, index) =>
      within(`team-${Math.floor(index / perNamespace)}`, `app-${index}-5f7c9d`, `app-${index}-6d8b4c`),
    );

  test.each([1, 10, 1000])('%i releases × 3 gates of 3 metric families: eleven queries', (count) => {
    const asks = releases(count).flatMap((pods) => families.flatMap((family) => gateOf(pods, family)));
    const queries = plan(asks, rules);
    // kills: a query for each release, or scrape times asked for bad as well as for total
    expect(queries).toHaveLength(11);
    for (const { promql } of queries) {
      expect(promql.length).toBeLessThanOrEqual(rules.maxQueryLength);
      expect(parsePromql(promql.slice(0, 16_384)).ok || promql.length > 16_384).toBe(true);
    }
  });

  test('few pods are named, many are not', () => {
    expect(textsOf(releases(2).map((pods) => ask({ within: pods })))[0]).toContain('pod=~');
    const [many = ''] = textsOf(releases(1000).map((pods) => ask({ within: pods })));
    // kills: an alternation of two thousand names, evaluated against every pod of the cluster
    expect(many).not.toContain('pod=~');
    expect(many).toContain('namespace=~"team-0|team-1|team-10|');
  });

  test('a query longer than the source takes becomes several, each short enough, none empty', () => {
    const pods = releases(1000, 1);
    const queries = plan(
      pods.map((one) => ask({ within: one })),
      { ...rules, maxQueryLength: 2000 },
    );
    expect(queries.length).toBeGreaterThan(4);
    for (const { promql, parts } of queries) {
      expect(promql.length).toBeLessThanOrEqual(2000);
      expect(parts.length).toBeGreaterThan(0);
    }
    expect(queries.flatMap(({ parts }) => parts)).toHaveLength(1000);
  });

  test('matchers in another order are the same', () => {
    const [one, two] = [
      { label: 'a', op: '=' as const, value: '1' },
      { label: 'b', op: '=' as const, value: '2' },
    ];
    const orders = [
      [one, two],
      [two, one],
    ].map((matchers) => ask({ selector: { metric: 'm', matchers } }));
    expect(textsOf(orders)).toHaveLength(1);
  });

  test('a pattern that is not simple is asked for by itself', () => {
    const label = (value: string): Ask => ask({ within: { by: 'Label', label: 'service', value } });
    const queries = plan([label('web-[0-9]+@k8s'), label('(?i)WEB.*'), label('api-.*')], rules);
    expect(queries.map(({ promql, lone }) => [promql.includes('(?i)'), lone])).toEqual([
      [true, true],
      [false, false],
    ]);
  });
});

describe('too large', () => {
  const pods = Array.from({ length: 300 }, (_, index) => within('shop', `application-${index}-5f7c9d`));
  const asks = pods.map((one) => ask({ within: one }));

  test('first the pods are named, then it is halved, and one alone is as small as it gets', () => {
    const [whole] = plan(asks, rules);
    if (whole === undefined) throw new Error('no plan');
    expect(whole.exact).toBe(false);
    let queries = split(whole, rules) ?? [];
    expect(queries.map(({ promql }) => promql.includes('pod=~'))).not.toContain(false);
    for (let halvings = 0; queries.every(({ parts }) => parts.length > 1) && halvings < 20; halvings += 1) {
      queries = queries.flatMap((query) => split(query, rules) ?? []);
    }
    const last = queries.find(({ parts }) => parts.length === 1);
    expect(last && split(last, rules)).toBeUndefined();
    expect(queries.flatMap(({ parts }) => parts)).toHaveLength(300);
  });

  test('what was learned is kept to', () => {
    const [whole] = plan(asks, rules);
    const group = whole?.group ?? '';
    const lone = whole?.parts[7]?.who ?? '';
    const queries = plan(asks, rules, {
      exact: new Set([group]),
      most: new Map([[group, 100]]),
      lone: new Set([group + lone]),
    });
    expect(queries.map(({ parts, lone: alone }) => [parts.length, alone])).toEqual([
      [1, true],
      [100, false],
      [100, false],
      [99, false],
    ]);
  });
});

describe('spans', () => {
  test.each([
    {
      name: 'stragglers join a range',
      because: 'a restart leaves gates at different ticks',
      from: [0, 10_000, 20_000],
      want: [[0, 60_000]],
    },
    {
      name: 'one far behind asks alone',
      because: 'its absence is not everybody’s',
      from: [-3_000_000, 60_000],
      want: [
        [-3_000_000, -2_900_000],
        [60_000, 60_000],
      ],
    },
  ])('$name: $because', ({ from, want }) => {
    const asks = from.map((start, index) =>
      ask({
        within: within('shop', `app-${index}`),
        span: { from: start, to: start < 0 ? start + 100_000 : 60_000, stepMs: 10_000 },
      }),
    );
    expect(plan(asks, rules).map(({ span }) => [span.from, span.to])).toEqual(want);
  });

  test('many that are up to date are not made to ask for the past of one', () => {
    const current = Array.from({ length: 500 }, (_, index) => ask({ within: within('shop', `app-${index}`) }));
    const late = ask({ within: within('shop', 'late'), span: { ...now, from: 0 } });
    expect(plan([...current, late], rules)).toHaveLength(2);
  });

  test('grids without a common instant are never joined', () => {
    const shifted = { from: 55_000, to: 65_000, stepMs: 10_000 };
    expect(plan([ask(), ask({ span: shifted })], rules)).toHaveLength(2);
  });
});

/** What a source holds, told apart as RE2 does. */
interface Held {
  namespace: string;
  pod: string;
}

const names = fc.constantFrom('a', 'a-b', 'a-b-c', 'b', 'ab', 'a.b', 'c-a');
const scopes = fc.record({
  namespace: fc.constantFrom('x', 'y', 'xy'),
  replicaSets: fc.array(names, { minLength: 1, maxLength: 2 }),
});
const held: fc.Arbitrary<Held[]> = fc.array(
  fc.record({
    namespace: fc.constantFrom('x', 'y', 'xy', 'z'),
    pod: fc.tuple(names, fc.constantFrom('1', 'b-1', 'c')).map((parts) => parts.join('-')),
  }),
  { maxLength: 30 },
);

/** The answer of a source to a query of ours, by the text of its matchers alone. */
function answer(promql: string, all: readonly Held[], span: Span): InstantResult {
  const matchers = [...promql.matchAll(/(namespace|pod)(=~|=)"((?:[^"\\]|\\.)*)"/g)].map(
    ([, label = '', op, value = '']) => ({
      label: label as keyof Held,
      matches:
        op === '='
          ? (text: string) => text === value
          : (text: string) => new RegExp(`^(?:${value.replaceAll('\\\\', '\\')})$`).test(text),
    }),
  );
  const found = all.filter((one) => matchers.every(({ label, matches }) => matches(one[label])));
  const value = (at: number, index: number) => at / 1000 + index * 1_000_000;
  if (span.from === span.to) {
    const samples = found.map(
      (one): Sample => ({ labels: { ...one }, value: value(span.from, all.indexOf(one)), at: span.from }),
    );
    return { kind: 'vector', samples, histograms: [] };
  }
  const series = found.map((one): Series => {
    const points = [];
    for (let at = span.from; at <= span.to; at += span.stepMs) points.push({ at, value: value(at, all.indexOf(one)) });
    return { labels: { ...one }, points, histograms: [] };
  });
  return { kind: 'matrix', series };
}

function gridsOf(asks: readonly Ask[], all: readonly Held[], learned: Learned = nothingLearned): Map<Ask, Grid> {
  const grids = new Map<Ask, Grid>();
  for (const query of plan(asks, rules, learned)) {
    for (const { asks: own, grid } of share(query, answer(query.promql, all, query.span))) {
      for (const one of own) grids.set(one, grid);
    }
  }
  return grids;
}

/** What the source itself gives to the query of one ask. */
function aloneOf(one: Ask, all: readonly Held[]): Grid {
  const [query] = plan([one], rules);
  return shareAll(one.span, answer(query?.promql ?? '', all, one.span)).grid;
}

describe('laws', () => {
  const spans = fc.record({ from: fc.integer({ min: 0, max: 6 }), more: fc.integer({ min: 0, max: 3 }) });

  test('a share of a joined answer is what the ask would have been answered alone', () => {
    const asks = fc.array(fc.tuple(scopes, spans), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(asks, held, fc.boolean(), (given, all, exact) => {
        const many = given.map(([scope, { from, more }]) =>
          ask({
            within: { by: 'Pod', scope },
            span: { from: from * 10_000, to: (from + more) * 10_000, stepMs: 10_000 },
          }),
        );
        const groups = new Set(plan(many, rules).map(({ group }) => group));
        const together = gridsOf(many, all, exact ? { ...nothingLearned, exact: groups } : nothingLearned);
        for (const one of many) {
          // kills: a pod given to the longest name only; another namespace's pod of the same name; foreign instants
          expect(sorted(together.get(one))).toEqual(sorted(aloneOf(one, all)));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every ask is answered by exactly one query, whatever the limits and lessons are', () => {
    fc.assert(
      fc.property(
        fc.array(scopes, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 60, max: 3000 }),
        fc.integer({ min: 1, max: 5 }),
        (given, maxQueryLength, most) => {
          const many = given.map((scope) => ask({ within: { by: 'Pod', scope } }));
          const [first] = plan(many, rules);
          const learned = { ...nothingLearned, most: new Map([[first?.group ?? '', most]]) };
          const answered = plan(many, { ...rules, maxQueryLength }, learned).flatMap(({ parts }) =>
            parts.flatMap(({ asks }) => asks),
          );
          expect(new Set(answered)).toEqual(new Set(many));
          expect(answered).toHaveLength(many.length);
        },
      ),
    );
  });
});

function sorted(grid: Grid | undefined): unknown {
  const entries = [...(grid ?? [])].map(
    ([at, points]) => [at, points.map((point) => JSON.stringify(point)).sort()] as const,
  );
  return entries.sort(([a], [b]) => a - b);
}

describe('arms of a gateway', () => {
  const arm = (value: string, except?: string): Ask =>
    ask({ within: { by: 'Label', label: 'service', value, ...(except === undefined ? {} : { except }) } });
  const sample = (service: string, value: number, pod = 'gw-1'): Sample => ({
    labels: { namespace: 'edge', pod, service },
    value,
    at: now.from,
  });

  test('are told apart by whole values, and summed over them by process', () => {
    const [stable, canary] = [arm('shop-web.*', 'shop-web-canary.*'), arm('shop-web-canary.*')];
    const [query, ...more] = plan([stable, canary], rules);
    expect(more).toEqual([]);
    if (query === undefined) throw new Error('no plan');
    const samples = [
      sample('shop-web-80', 100),
      sample('shop-web-81', 7),
      sample('shop-web-80', 1, 'gw-2'),
      sample('shop-web-canary-80', 5),
      sample('other-shop-web-80', 1000),
    ];
    const portions = share(query, { kind: 'vector', samples, histograms: [] });
    const told = new Map(
      portions.map(({ asks, grid }) => [
        asks[0],
        grid.get(now.from)?.map(({ labels, value }) => [labels['pod'], value]),
      ]),
    );
    // kills: the canary's requests counted as stable's; a part of a value that matches
    expect(told.get(stable)).toEqual([
      ['gw-1', 107],
      ['gw-2', 1],
    ]);
    expect(told.get(canary)).toEqual([['gw-1', 5]]);
  });
});

test('an arm without the label is asked for as well, however many there are', () => {
  const arm = (value: string): Ask => ask({ within: { by: 'Label', label: 'canary', value } });
  const named = Array.from({ length: 200 }, (_, index) => arm(`shop-service-${index}-80`));
  const texts = [named, [...named, arm('')], [arm(''), arm('shop-web-80')]].map((asks) => textsOf(asks)[0]);
  const process = 'namespace, pod, container, instance, canary';
  // kills: `canary!=""` for stable's requests, which have no such label
  expect(texts).toEqual([
    `sum by (${process}) (http_requests_total{canary!=""})`,
    `sum by (${process}) (http_requests_total{})`,
    `sum by (${process}) (http_requests_total{canary=~"|shop-web-80"})`,
  ]);
});

test.each(['scalar', 'string'] as const)('a %s is no vector of counters', (kind) => {
  const [query] = plan([ask()], rules);
  const result = (kind === 'scalar' ? { kind, value: 1, at: 0 } : { kind, value: 'x', at: 0 }) satisfies InstantResult;
  expect(() => query && share(query, result)).toThrow(`expected a vector of counters, got a ${kind}`);
});
