import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { exit } from '#cli/exit.ts';
import { readPart } from '#schema/parse.ts';
import { sloSpec } from '#schema/slo.ts';
import { type } from './type.ts';

const golden = join(import.meta.dirname, '../golden/slo');
const cases = readdirSync(golden)
  .filter((file) => /^[a-z-]+\.yaml$/.test(file) && !file.startsWith('rules'))
  .map((file) => file.replace('.yaml', ''));
const read = (name: string) => readFileSync(join(golden, `${name}.yaml`), 'utf8');

describe('documents as the projects describe them', () => {
  test.each(cases)('%s', async (name) => {
    const { code, out, err } = await type(['slo', 'import', '-f', `${name}.yaml`], {
      files: { [`${name}.yaml`]: read(name) },
    });
    expect({ code, err }).toMatchObject({ code: exit.ok });
    await expect(out).toMatchFileSnapshot(join(golden, `${name}.out.yaml`));
    await expect(err).toMatchFileSnapshot(join(golden, `${name}.report.txt`));
  });

  test.each(cases)('what comes out of %s is an objective of ours', async (name) => {
    const { out } = await type(['slo', 'import', '-f', 'x.yaml'], { files: { 'x.yaml': read(name) } });
    const objects = parseAllDocuments(out).map((document) => document.toJS() as unknown);
    for (const object of objects) expect(readPart(object, 'spec', sloSpec)).toMatchObject({ ok: true });
    expect(objects.length).toBeGreaterThan(0);
  });
});

const sloth = (change: Record<string, unknown>, events: Record<string, unknown> = {}) =>
  JSON.stringify({
    version: 'prometheus/v1',
    service: 'shop',
    slos: [
      {
        name: 'errors',
        objective: 99.9,
        sli: {
          events: {
            error_query: 'sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))',
            total_query: 'sum(rate(http_requests_total[{{.window}}]))',
            ...events,
          },
        },
        ...change,
      },
    ],
  });

const pyrra = (spec: Record<string, unknown>) =>
  JSON.stringify({
    apiVersion: 'pyrra.dev/v1alpha1',
    kind: 'ServiceLevelObjective',
    metadata: { name: 'errors', namespace: 'shop' },
    spec: {
      target: '99',
      window: '4w',
      indicator: { ratio: { errors: { metric: 'errors_total' }, total: { metric: 'requests_total' } } },
      ...spec,
    },
  });

const openSlo = (spec: Record<string, unknown>, ratio: Record<string, unknown> = {}) => {
  const source = (query: string) => ({ metricSource: { type: 'Prometheus', spec: { query } } });
  const ratioMetric = { counter: true, bad: source('errors_total'), total: source('requests_total'), ...ratio };
  return JSON.stringify({
    apiVersion: 'openslo/v1',
    kind: 'SLO',
    metadata: { name: 'errors' },
    spec: {
      service: 'shop',
      indicator: { spec: { ratioMetric } },
      timeWindow: [{ duration: '4w', isRolling: true }],
      budgetingMethod: 'Occurrences',
      objectives: [{ target: 0.99 }],
      ...spec,
    },
  });
};

const errors = 'slos[0].sli.events.error_query';
const total = 'slos[0].sli.events.total_query';

/** Each is refused with exactly this line, and nothing goes to standard output. */
const refused: { name: string; text: string; says: string }[] = [
  {
    name: 'or of two queries',
    text: sloth({}, { error_query: 'sum(rate(a[{{.window}}])) or sum(rate(b[{{.window}}]))' }),
    says: `${errors}: "or" joins two queries: give one counter (a series that is not there yet counts as 0 by itself)`,
  },
  {
    name: 'a sum of counters',
    text: sloth({}, { error_query: 'sum(rate(a[{{.window}}])) + sum(rate(b[{{.window}}]))' }),
    says: `${errors}: "+" adds counters: give one, such as one metric whose label says which, selected by a regular expression`,
  },
  {
    name: 'arithmetic',
    text: sloth({}, { total_query: 'sum(rate(a[{{.window}}])) * 60' }),
    says: `${total}: "*" changes counts: give the counter alone`,
  },
  {
    name: 'a ratio',
    text: sloth({}, { error_query: 'sum(rate(a[{{.window}}])) / sum(rate(b[{{.window}}]))' }),
    says: `${errors}: "/" makes a ratio: give the bad or good events and all events as counters of their own`,
  },
  {
    name: 'a comparison',
    text: sloth({}, { error_query: 'sum(rate(a[{{.window}}]) > 0)' }),
    says: `${errors}: ">" filters what was counted: select the series by matchers instead`,
  },
  {
    name: 'good events taken from something else than all events',
    text: sloth({}, { error_query: 'sum(rate(a[{{.window}}])) - sum(rate(b[{{.window}}]))' }),
    says: `${errors}: "-" may only take the good events from all events, which are ${total}`,
  },
  {
    name: 'an offset',
    text: sloth({}, { total_query: 'sum(rate(a[{{.window}}] offset 5m))' }),
    says: `${total}: take the offset out: evidence is counted as it comes`,
  },
  {
    name: 'a subquery',
    text: sloth({}, { total_query: 'sum_over_time((count(up))[{{.window}}:])' }),
    says: `${total}: sum_over_time() gives no count of events: only rate() or increase() of one counter does`,
  },
  {
    name: 'a count of series',
    text: sloth({}, { total_query: 'count(rate(a[{{.window}}]))' }),
    says: `${total}: count() gives no count of events: only sum() of a counter does`,
  },
  {
    name: 'irate',
    text: sloth({}, { total_query: 'sum(irate(a[{{.window}}]))' }),
    says: `${total}: irate() looks at two samples alone: write rate()`,
  },
  {
    name: 'PromQL that does not parse',
    text: sloth({}, { total_query: 'sum(rate(a[{{.window}}])' }),
    says: `${total}: does not parse: it ends too early (line 1, column 25)`,
  },
  {
    name: 'a template of another kind',
    text: sloth({}, { total_query: 'sum(rate(a{job="{{.service}}"}[{{.window}}]))' }),
    says: `${total}: {{.service}} is filled in by a template: write the value that it stands for`,
  },
  {
    name: 'a bare counter in Sloth',
    text: sloth({}, { total_query: 'requests_total' }),
    says: `${total}: requests_total is a bare counter: write rate(requests_total[{{.window}}])`,
  },
  {
    name: 'a speed against a count',
    text: sloth({}, { total_query: 'sum(increase(http_requests_total[{{.window}}]))' }),
    says: `${errors}: is rate() over 5m while ${total} is increase() over 5m: write both alike`,
  },
  {
    name: 'a query that is missing',
    text: sloth({}, { total_query: null }),
    says: `${total}: is missing: give a PromQL query`,
  },
  {
    name: 'no budget left',
    text: sloth({ objective: 100 }),
    says: 'slos[0].objective: must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
  },
  {
    name: 'an objective in words',
    text: sloth({ objective: 'two nines' }),
    says: 'slos[0].objective: must be a percent such as 99.9',
  },
  {
    name: 'a nameless SLO',
    text: sloth({ name: null }),
    says: 'slos[0].name: is missing: give the objective a name',
  },
  {
    name: 'more matchers than a selector takes',
    text: pyrra({
      indicator: {
        ratio: {
          errors: { metric: `e{${[...Array(17).keys()].map((n) => `l${n}="x"`).join(',')}}` },
          total: { metric: 'r' },
        },
      },
    }),
    says: 'spec: becomes spec.sli.events.bad.matchers, which must have at most 16 entries',
  },
  {
    name: 'a speed in Pyrra that hides two metrics',
    text: pyrra({ indicator: { ratio: { errors: { metric: 'a - b' }, total: { metric: 'c' } } } }),
    says: 'spec.indicator.ratio.errors.metric: must be the plain selector of one counter',
  },
  {
    name: 'a selector without a metric',
    text: pyrra({ indicator: { ratio: { errors: { metric: '{job="x"}' }, total: { metric: 'c' } } } }),
    says: 'spec.indicator.ratio.errors.metric: {job="x"} names no metric: write its name before the braces',
  },
  {
    name: 'a window below an hour',
    text: pyrra({ window: '5m' }),
    says: 'spec.window: must be from 1h to 400d, such as 28d',
  },
  {
    name: 'a window in words',
    text: pyrra({ window: 'a month' }),
    says: 'spec.window: must be a duration such as 28d or 4w',
  },
  {
    name: 'no indicator',
    text: pyrra({ indicator: {} }),
    says: 'spec.indicator: is missing: give ratio, latency or latencyNative',
  },
  {
    name: 'an SLI that was not given',
    text: openSlo({ indicator: null, indicatorRef: 'elsewhere' }),
    says: 'spec: has neither indicator nor indicatorRef to an SLI that was read: add its file with -f',
  },
  {
    name: 'another vendor',
    text: openSlo({}, { total: { metricSource: { type: 'Datadog', spec: { query: 'sum:hits{*}' } } } }),
    says: 'spec.indicator.spec.ratioMetric.total.metricSource.type: Datadog is not read: gates read Prometheus and servers like it',
  },
  {
    name: 'a bare gauge',
    text: openSlo({}, { counter: false }),
    says: 'spec.indicator.spec.ratioMetric.total.metricSource.spec.query: requests_total is read as it stands: say counter: true, or write rate(requests_total[5m])',
  },
  {
    name: 'good and bad at once',
    text: openSlo({}, { good: { metricSource: { spec: { query: 'good_total' } } } }),
    says: 'spec.indicator.spec.ratioMetric.bad: goes with no good: give one of the two',
  },
  {
    name: 'a target of 100 percent',
    text: openSlo({ objectives: [{ target: 1 }] }),
    says: 'spec.objectives[0].target: must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
  },
  {
    name: 'both targets',
    text: openSlo({ objectives: [{ target: 0.9, targetPercent: 90 }] }),
    says: 'spec.objectives[0].targetPercent: goes with no target: give one of the two',
  },
  {
    name: 'a window of no unit',
    text: openSlo({ timeWindow: [{ duration: '28 days' }] }),
    says: 'spec.timeWindow[0].duration: must be a duration such as 28d, 4w or 1M',
  },
  {
    name: 'an older OpenSLO',
    text: '{"apiVersion": "openslo/v1alpha", "kind": "SLO"}',
    says: '.: openslo/v1alpha SLO is not read: openslo/v1, prometheus/v1 and sloth.slok.dev/v1 of Sloth, and pyrra.dev/v1alpha1 are read',
  },
  {
    name: 'an object of ours',
    text: '{"apiVersion": "headgate.dev/v1alpha1", "kind": "ServiceLevelObjective"}',
    says: '.: is an object of Headgate already: leave it out',
  },
];

describe('what cannot be imported is refused by document, field and fix', () => {
  test.each(refused)('$name', async ({ text, says }) => {
    const { code, out, err } = await type(['slo', 'import', '-f', 'slos.yaml'], { files: { 'slos.yaml': text } });
    expect(err.split('\n')).toContain(`  slos.yaml: ${says}`);
    expect(err).toMatch(/^error: nothing was imported; change first:\n/);
    expect({ code, out }).toEqual({ code: exit.failed, out: '' });
  });

  // kills: objectives before the refused one are printed
  test('one refused objective keeps all of them back', async () => {
    const files = { 'good.yaml': sloth({}), 'bad.yaml': sloth({ objective: 0 }) };
    const { out, code } = await type(['slo', 'import', '-f', 'good.yaml', '-f', 'bad.yaml'], { files });
    expect({ out, code }).toEqual({ out: '', code: exit.failed });
  });

  // kills: the second of two objects of one name replaces the first in the cluster without a word
  test('two of one name are refused', async () => {
    const { err, out } = await type(['slo', 'import', '-f', 'a.yaml', '-f', 'b.yaml'], {
      files: { 'a.yaml': sloth({}), 'b.yaml': sloth({ name: 'Errors' }) },
    });
    expect(err).toContain('b.yaml: slos[0].name: makes the name shop-errors, as a.yaml slos[0].name does');
    expect(out).toBe('');
  });
});

describe('files', () => {
  test.each([
    { name: 'a file that is not there', words: ['-f', 'none.yaml'], text: '', says: 'cannot read none.yaml' },
    { name: 'no file', words: [], text: '', says: 'name a file with -f' },
    {
      name: 'no YAML',
      words: ['-f', '-'],
      text: 'a: [1',
      says: 'stdin is no YAML that can be read: Flow sequence in block collection',
    },
    {
      name: 'no object',
      words: ['-f', '-'],
      text: '- 1',
      says: 'stdin must hold objects with kind or version, not a list',
    },
    {
      name: 'a text',
      words: ['-f', '-'],
      text: 'hello',
      says: 'stdin must hold objects with kind or version, not a single',
    },
    { name: 'nothing', words: ['-f', '-'], text: '# nothing\n---\n', says: 'there is no objective' },
    {
      name: 'aliases that multiply',
      words: ['-f', '-'],
      text: `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefg'.replace(/./g, (at) => `${at}: &${at} [${`*${String.fromCharCode(at.charCodeAt(0) - 1)},`.repeat(10)}]\n`)}`,
      says: 'Excessive alias count',
    },
  ])('$name', async ({ words, text, says }) => {
    const { err, out, code } = await type(['slo', 'import', ...words], { files: { '-': text } });
    expect(err).toContain(says);
    expect(out).toBe('');
    expect(code).toBe(words.length === 0 ? exit.usage : exit.failed);
  });
});

describe('flags', () => {
  const files = { '-': sloth({ alerting: { name: 'X' } }) };

  // kills: --strict that only warns
  test('--strict prints nothing when something is lost, and the report all the same', async () => {
    const { out, err, code } = await type(['slo', 'import', '-f', '-', '--strict'], { files });
    expect({ out, code }).toEqual({ out: '', code: exit.failed });
    expect(err).toMatch(
      /slos\[0\]\.alerting +lost[\s\S]+error: nothing was imported: 1 field would be lost \(--strict\)\n$/,
    );
  });

  test('--strict lets remarks pass', async () => {
    const { out, code } = await type(['slo', 'import', '-f', '-', '--strict'], { files: { '-': sloth({}) } });
    expect(code).toBe(exit.ok);
    expect(out).toContain('name: shop-errors');
  });

  test('-o json is a list for kubectl, and the report is JSON too', async () => {
    const { out, err } = await type(['slo', 'import', '-f', '-', '-o', 'json'], { files });
    expect(JSON.parse(out)).toMatchObject({ kind: 'List', items: [{ kind: 'ServiceLevelObjective' }] });
    expect(JSON.parse(err)).toMatchObject({
      findings: [{ document: 'stdin', field: 'slos[0].alerting', grade: 'Loss', why: expect.any(String) }, {}],
    });
  });

  test('-n and --source go into every objective', async () => {
    const { out } = await type(['slo', 'import', '-f', '-', '-n', 'web', '--source', 'main'], { files });
    expect(out).toContain('  namespace: web\n');
    expect(out).toContain('  source: main\n');
  });

  test('the report has colours only where they are wanted', async () => {
    const plain = await type(['slo', 'import', '-f', '-'], { files });
    const coloured = await type(['slo', 'import', '-f', '-'], { files, colour: true });
    const start = String.fromCharCode(27);
    expect(plain.err).not.toContain(start);
    expect(coloured.err).toContain(`${start}[33mlost`);
  });

  test('help has examples', async () => {
    for (const words of [[], ['import'], ['export']]) {
      expect((await type(['slo', ...words, '--help'])).out).toContain('  kubectl headgate slo ');
    }
  });
});
