import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { exit } from '#cli/exit.ts';
import type { Exported } from '#cli/slo/exported.ts';
import { type Rule, ruleGroups } from '#cli/slo/rules.ts';
import type { KubeObject } from '#ports/kube-api.ts';
import { readCounters } from '#sources/counter-query.ts';
import { parsePromql, quoteLabel } from '#sources/promql.ts';
import { VERSION } from '#src/version.ts';
import { type } from './type.ts';

const golden = join(import.meta.dirname, '../golden/slo');
const input = readFileSync(join(golden, 'rules-input.yaml'), 'utf8');

interface Rules {
  groups: { name: string; rules: Rule[] }[];
}

async function exported(text: string, ...words: string[]) {
  return await type(['slo', 'export', '-f', '-', ...words], { files: { '-': text } });
}

describe('rules', () => {
  test('are those that Sloth would write, with the flaws of its ratios mended', async () => {
    const { code, out, err } = await exported(input);
    expect(code).toBe(exit.ok);
    await expect(out.replaceAll(`sloth_version: ${VERSION}`, 'sloth_version: x')).toMatchFileSnapshot(
      join(golden, 'rules.out.yaml'),
    );
    await expect(err).toMatchFileSnapshot(join(golden, 'rules.report.txt'));
  });

  test('have expressions that parse, and each series once', async () => {
    const { groups } = parse((await exported(input)).out) as Rules;
    const rules = groups.flatMap((group) => group.rules);
    for (const { expr } of rules) expect(parsePromql(expr), expr).toEqual({ ok: true });
    const series = rules.map(({ record, alert, labels }) => JSON.stringify([record, alert, labels]));
    expect(new Set(series).size).toBe(series.length);
  });

  test('-o json says the same', async () => {
    const yaml = parse((await exported(input)).out) as Rules;
    const { out, err } = await exported(input, '-o', 'json');
    expect(JSON.parse(out)).toEqual(yaml);
    expect(JSON.parse(err)).toMatchObject({ findings: [{ grade: 'Loss', field: 'spec.sli' }, {}] });
  });

  // kills: alerts on windows longer than that of the budget
  test.each([
    { rolling: '30d', page: [14.4, 6], ticket: [3, 1] },
    { rolling: '2d', page: [14.4, 6], ticket: [3] },
    { rolling: '6h', page: [14.4, 6], ticket: [] },
    { rolling: '1h', page: [14.4], ticket: [] },
  ])('of a budget over $rolling alert at $page and $ticket', ({ rolling, page, ticket }) => {
    const alerts = rulesOf({ rolling }).filter(({ alert }) => alert !== undefined);
    const burns = (severity: string) =>
      alerts
        .filter(({ labels }) => labels['sloth_severity'] === severity)
        .flatMap(({ expr }) => [...expr.matchAll(/> \(([\d.]+) \*/g)].map(([, burn]) => Number(burn)));
    expect([...new Set(burns('page'))]).toEqual(page);
    expect([...new Set(burns('ticket'))]).toEqual(ticket);
  });
});

const base: Exported = {
  service: 'shop',
  slo: 'errors',
  namespace: 'shop',
  objective: '99.9',
  rolling: '30d',
  sli: { events: { total: { metric: 'all', matchers: [] }, bad: { metric: 'bad', matchers: [] } } },
};

function rulesOf(change: Partial<Exported>): Rule[] {
  return ruleGroups({ ...base, ...change }).flatMap(({ rules }) => rules);
}

function figure(rules: readonly Rule[], record: string): string | undefined {
  return /^vector\((.*)\)$/.exec(rules.find((rule) => rule.record === record)?.expr ?? '')?.[1];
}

const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).map((text) => `x_${text}`);
const series = fc.record({
  metric: word,
  matchers: fc.array(
    fc.record({
      label: word,
      op: fc.constantFrom('=', '!=', '=~', '!~'),
      value: fc.string({ unit: 'grapheme', maxLength: 8 }),
    }),
    { maxLength: 3 },
  ),
});
const objective = fc.integer({ min: 50_000_000, max: 99_999_999 }).map((units) => `${units / 1e6}`);

describe('numbers and selectors survive', () => {
  // kills: a budget computed as 1 - 0.999, a threshold in milliseconds, an escape left out
  test('from Sloth to an objective of ours to rules', async () => {
    await fc.assert(
      fc.asyncProperty(series, series, objective, async (total, bad, percent) => {
        const text = ({ metric, matchers }: typeof total) =>
          `${metric}{${matchers.map(({ label, op, value }) => `${label}${op}${quoteLabel(value)}`).join(',')}}`;
        const events = {
          error_query: `sum(rate(${text(bad)}[{{.window}}]))`,
          total_query: `sum(rate(${text(total)}[{{.window}}]))`,
        };
        const slo = { name: 'errors', objective: Number(percent), sli: { events } };
        const sloth = JSON.stringify({ version: 'prometheus/v1', service: 'shop', slos: [slo] });
        const ours = (await type(['slo', 'import', '-f', '-'], { files: { '-': sloth } })).out;
        const { groups } = parse((await exported(ours)).out) as Rules;
        const rules = groups.flatMap((group) => group.rules);
        expect(Number(figure(rules, 'slo:objective:ratio'))).toBeCloseTo(Number(percent) / 100, 10);
        expect(figure(rules, 'slo:time_period:days')).toBe('30');
        const all = rules.find(({ record }) => record === 'headgate:sli_total:rate5m');
        expect(readCounters(all?.expr ?? '')).toMatchObject({ counter: { selector: total, over: { window: '5m' } } });
      }),
      { numRuns: 40 },
    );
  });

  test('objective and budget add up to one', () => {
    fc.assert(
      fc.property(objective, (percent) => {
        const rules = rulesOf({ objective: percent });
        const [share, budget] = ['slo:objective:ratio', 'slo:error_budget:ratio'].map((name) => figure(rules, name));
        expect(Math.round(Number(share) * 1e8) + Math.round(Number(budget) * 1e8)).toBe(1e8);
      }),
    );
  });
});

const object = (name: string, namespace: string, spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'headgate.dev/v1alpha1',
  kind: 'ServiceLevelObjective',
  metadata: { name, namespace },
  spec: { objective: '99.9', sli: { events: { total: { metric: 'all' }, bad: { metric: 'bad' } } }, ...spec },
});

describe('from the cluster', () => {
  const objectives = [object('errors', 'shop'), object('latency', 'shop'), object('errors', 'web')];
  const idsOf = (out: string) =>
    (parse(out) as Rules).groups
      .filter(({ name }) => name.includes('alerts'))
      .map(({ name }) => name.replace('sloth-slo-alerts-', ''));

  test.each([
    { words: [], want: ['shop-errors', 'shop-latency'] },
    { words: ['latency'], want: ['shop-latency'] },
    { words: ['-n', 'web'], want: ['web-errors'] },
    { words: ['-A'], want: ['shop-errors', 'shop-latency', 'web-errors'] },
  ])('export $words gives $want', async ({ words, want }) => {
    const { out, code } = await type(['slo', 'export', ...words], { objectives });
    expect(code).toBe(exit.ok);
    expect(idsOf(out)).toEqual(want);
  });

  test.each([
    { words: ['eror'], says: 'there is no ServiceLevelObjective eror in namespace shop; there are: errors, latency' },
    { words: ['errors', '-A'], says: 'give names or --all-namespaces, not both' },
    { words: ['errors', '-f', 'x.yaml'], says: 'give names or files with -f, not both' },
    { words: ['-n', 'nowhere'], says: 'there is no objective that could be exported' },
  ])('export $words says $says', async ({ words, says }) => {
    const { out, err, code } = await type(['slo', 'export', ...words], { objectives });
    expect(err).toBe(`error: ${says}\n`);
    expect({ out, failed: code !== exit.ok }).toEqual({ out: '', failed: true });
  });
});

describe('what cannot be exported', () => {
  test.each([
    {
      name: 'an objective that is none of ours',
      text: '{"apiVersion": "pyrra.dev/v1alpha1", "kind": "ServiceLevelObjective"}',
      says: 'stdin: .: pyrra.dev/v1alpha1 ServiceLevelObjective is no ServiceLevelObjective of headgate.dev/v1alpha1',
    },
    {
      name: 'a bad objective',
      text: JSON.stringify(object('errors', 'shop', { objective: '100' })),
      says: 'stdin: .: spec.objective must be a percent from 50 up to but without 100, as a string without sign: "99.9"',
    },
    {
      name: 'two of one name in Prometheus',
      text: `${JSON.stringify(object('errors', 'shop'))}\n---\n${JSON.stringify(object('shop-errors', 'shop'))}`,
      says: 'stdin#2: metadata.name: makes the sloth_id shop-errors, as stdin#1 does',
    },
  ])('$name', async ({ text, says }) => {
    const { out, err, code } = await exported(text);
    expect(err).toBe(`error: nothing was exported; change first:\n  ${says}\n`);
    expect({ out, code }).toEqual({ out: '', code: exit.failed });
  });

  test('--strict prints nothing when an objective has no rules', async () => {
    const { out, err, code } = await exported(input, '--strict');
    expect({ out, code }).toEqual({ out: '', code: exit.failed });
    expect(err).toContain('nothing was exported: 1 field would be lost (--strict)');
  });
});
