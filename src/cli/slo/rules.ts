import { parseWindow } from '#schema/vocabulary.ts';
import { VERSION } from '#src/version.ts';
import type { Exported } from './exported.ts';
import { budgetOf, prometheusMs, prometheusText, shareOf } from './figures.ts';
import { type RatioQueries, ratioQueries } from './ratio.ts';

export interface Rule {
  record?: string;
  alert?: string;
  expr: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
}

export interface RuleGroup {
  name: string;
  rules: Rule[];
}

/** Windows whose error ratios alerts and dashboards of Sloth read. */
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];

/**
 * Burn rates that alert, each in a long window and, so that the alert ends with the fault, in a short one: the Site
 * Reliability Workbook, chapter 5, table 5-8. Over 30 days they stand for 2, 5, 10 and 10 percent of the budget.
 */
const TIERS = {
  page: [
    { burn: 14.4, short: '5m', long: '1h' },
    { burn: 6, short: '30m', long: '6h' },
  ],
  ticket: [
    { burn: 3, short: '2h', long: '1d' },
    { burn: 1, short: '6h', long: '3d' },
  ],
} as const;

/** Its name everywhere in Prometheus. */
export function idOf({ service, slo }: Exported): string {
  return `${service}-${slo}`;
}

/** The three groups that Sloth makes of one SLO: error ratios, what is derived from them, alerts. */
export function ruleGroups(exported: Exported): RuleGroup[] {
  const id = idOf(exported);
  const facts = factsOf(exported);
  const groups = [
    { name: `sloth-slo-sli-recordings-${id}`, rules: ratioRules(facts) },
    { name: `sloth-slo-meta-recordings-${id}`, rules: metaRules(exported, facts) },
    { name: `sloth-slo-alerts-${id}`, rules: alertRules(facts) },
  ];
  return groups.filter(({ rules }) => rules.length > 0);
}

interface Facts {
  labels: Record<string, string>;
  /** Selects the recorded series of this SLO. */
  own: string;
  queries: RatioQueries;
  budget: string;
  /** The whole window of the budget, as Prometheus writes it. */
  period: string;
  periodMs: number;
}

function factsOf(exported: Exported): Facts {
  const { service, slo, objective, rolling } = exported;
  const periodMs = parseWindow(rolling) ?? 0;
  const labels = { sloth_id: idOf(exported), sloth_service: service, sloth_slo: slo };
  return {
    labels,
    own: `{${Object.entries(labels)
      .map(([label, value]) => `${label}="${value}"`)
      .join(', ')}}`,
    queries: ratioQueries(exported),
    budget: budgetOf(objective),
    period: prometheusText(periodMs),
    periodMs,
  };
}

function ratioRules(facts: Facts): Rule[] {
  const { labels, own, queries, period, periodMs } = facts;
  const shorter = WINDOWS.filter((window) => (prometheusMs(window) ?? 0) < periodMs);
  const ratios = shorter.map((window) => ({
    record: `slo:sli_error:ratio_rate${window}`,
    // No traffic has no ratio: 0/0 would be NaN, which a longer window never forgets.
    expr: `(${queries.bad(window)})\n/\n(${queries.total(window)} > 0)\n`,
    labels: { ...labels, sloth_window: window },
  }));
  const [bad, total] = ['bad', 'total'].map((part) => `headgate:sli_${part}:rate5m`);
  return [
    ...ratios,
    { record: `${bad}`, expr: `(${queries.bad('5m')})\nand\n(${queries.total('5m')} > 0)\n`, labels },
    { record: `${total}`, expr: queries.total('5m'), labels },
    {
      record: `slo:sli_error:ratio_rate${period}`,
      // Weighed by traffic: the mean of ratios would count a quiet night as much as a busy day.
      expr: `sum_over_time(${bad}${own}[${period}])\n/\n(sum_over_time(${total}${own}[${period}]) > 0)\n`,
      labels: { ...labels, sloth_window: period },
    },
  ];
}

function metaRules({ objective }: Exported, { labels, own, budget, period, periodMs }: Facts): Rule[] {
  const burn = (window: string) =>
    `slo:sli_error:ratio_rate${window}${own}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio${own}\n`;
  const rules: [string, string][] = [
    ['slo:objective:ratio', `vector(${shareOf(objective)})`],
    ['slo:error_budget:ratio', `vector(${budget})`],
    ['slo:time_period:days', `vector(${periodMs / 86_400_000})`],
    ['slo:current_burn_rate:ratio', burn('5m')],
    ['slo:period_burn_rate:ratio', burn(period)],
    ['slo:period_error_budget_remaining:ratio', `1 - slo:period_burn_rate:ratio${own}`],
  ];
  const info = {
    ...labels,
    sloth_mode: 'headgate',
    sloth_objective: objective,
    sloth_spec: 'headgate.dev/v1alpha1',
    sloth_version: VERSION,
  };
  return [
    ...rules.map(([record, expr]) => ({ record, expr, labels })),
    { record: 'sloth_slo_info', expr: 'vector(1)', labels: info },
  ];
}

function alertRules({ own, budget, labels, periodMs }: Facts): Rule[] {
  return (['page', 'ticket'] as const).flatMap((severity) => {
    // A window longer than the budget's says nothing about it.
    const tiers = TIERS[severity].filter(({ long }) => (prometheusMs(long) ?? 0) <= periodMs);
    if (tiers.length === 0) return [];
    // Without the window's label an alert stays one alert while one tier takes over from the other.
    const above = (window: string, burn: number) =>
      `max(slo:sli_error:ratio_rate${window}${own} > (${burn} * ${budget})) without (sloth_window)`;
    const expr = tiers
      .map(({ burn, short, long }) => `(\n    ${above(short, burn)}\n    and\n    ${above(long, burn)}\n)\n`)
      .join('or\n');
    return [
      {
        alert: 'ErrorBudgetBurn',
        expr,
        labels: { ...labels, sloth_severity: severity },
        annotations: {
          title: `(${severity}) {{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is too fast.`,
          summary: `{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.`,
        },
      },
    ];
  });
}
