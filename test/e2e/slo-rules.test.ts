import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Exported } from '#cli/slo/exported.ts';
import { ruleGroups } from '#cli/slo/rules.ts';
import { run } from '../lab/run.ts';

/** Exported rules before the real promtool, which Debian's package of Prometheus brings. */

const availability: Exported = {
  service: 'checkout',
  slo: 'availability',
  namespace: 'shop',
  objective: '99.9',
  rolling: '30d',
  sli: {
    events: {
      total: { metric: 'http_requests_total', matchers: [{ label: 'job', op: '=', value: 'checkout' }] },
      bad: { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] },
    },
  },
};
const histogram = { metric: 'http_request_duration_seconds', matchers: [] };
const latency: Exported = {
  ...availability,
  slo: 'latency',
  objective: '99',
  rolling: '28d',
  sli: { latency: { histogram, threshold: '1s', form: 'Classic' } },
};
const native: Exported = {
  ...latency,
  slo: 'latency-native',
  rolling: '36h',
  sli: { latency: { histogram, threshold: '250ms', form: 'Native' } },
};
const good: Exported = {
  ...availability,
  slo: 'good',
  sli: { events: { total: { metric: 'all', matchers: [] }, good: { metric: 'good', matchers: [] } } },
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-rules-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, value: unknown): string {
  const file = join(folder, name);
  writeFileSync(file, stringify(value));
  return file;
}

test('promtool finds nothing wrong with any kind of objective', async () => {
  const file = write('all.yaml', { groups: [availability, latency, native, good].flatMap(ruleGroups) });
  const { code, stdout, stderr } = await run(['promtool', 'check', 'rules', file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('SUCCESS: 75 rules found');
});

const counter = (series: string, values: string) => ({ series, values });
const all = 'http_requests_total{namespace="shop",job="checkout",code="200"}';
const failed = 'http_requests_total{namespace="shop",job="checkout",code="503"}';
const own = '{sloth_id="checkout-availability", sloth_service="checkout", sloth_slo="availability", sloth_window="5m"}';
const ratio = (value: number) => ({
  expr: 'slo:sli_error:ratio_rate5m',
  eval_time: '3h',
  exp_samples: [{ labels: `slo:sli_error:ratio_rate5m${own}`, value }],
});

/** Two hours of good requests, then one more hour of each of these. */
test.each([
  // kills: a missing series of bad requests leaves the ratio without a value
  { name: 'none bad', input: [counter(all, '0+600x180')], ratios: [ratio(0)], alerts: [] },
  // kills: 0/0, which is NaN and stays in the period for 30 days
  {
    name: 'no request',
    input: [counter(all, '0x180')],
    ratios: [{ expr: 'slo:sli_error:ratio_rate5m', eval_time: '3h', exp_samples: [] }],
    alerts: [],
  },
  // kills: the budget as 0.1 instead of 0.001; an alert that carries the window of its tier and so becomes another
  {
    name: 'one in twenty bad',
    input: [counter(all, '0+600x120 72000+570x60'), counter(failed, '0x120 0+30x60')],
    ratios: [ratio(0.05)],
    alerts: ['page', 'ticket'],
  },
  {
    name: 'half of what the budget allows',
    input: [counter(all, '0+600x180'), counter(failed, '0+0.5x180')],
    ratios: [],
    alerts: [],
  },
])('of $name promtool computes what the rules promise', async ({ name, input, ratios, alerts }) => {
  const rules = write('rules.yaml', { groups: ruleGroups(availability) });
  const labels = { sloth_id: 'checkout-availability', sloth_service: 'checkout', sloth_slo: 'availability' };
  const exp_alerts = alerts.map((severity) => ({
    exp_labels: { ...labels, sloth_severity: severity },
    exp_annotations: {
      title: `(${severity}) checkout availability SLO error budget burn rate is too fast.`,
      summary: 'checkout availability SLO error budget burn rate is over expected.',
    },
  }));
  const file = write('test.yaml', {
    rule_files: [rules],
    evaluation_interval: '1m',
    tests: [
      {
        name,
        interval: '1m',
        input_series: input,
        promql_expr_test: ratios,
        alert_rule_test: [{ eval_time: '3h', alertname: 'ErrorBudgetBurn', exp_alerts }],
      },
    ],
  });
  const { code, stdout, stderr } = await run(['promtool', 'test', 'rules', file]);
  expect({ code, stdout, stderr }).toMatchObject({ code: 0, stderr: '' });
});
