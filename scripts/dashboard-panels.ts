import { METRICS } from '#operator/metric-registry.ts';

/** What the Grafana dashboard shows. Every metric is taken from the registry by `metric`, so that none is invented. */

type Unit = 'short' | 's' | 'percentunit' | 'reqps' | 'ops';

export interface Panel {
  title: string;
  description: string;
  type: 'timeseries' | 'stat' | 'state-timeline' | 'table';
  unit: Unit;
  /** Of 24 columns. */
  width: number;
  height?: number;
  max?: number;
  /** A line that goes up in steps, never a slope. */
  steps?: boolean;
  targets: { expr: string; legend: string }[];
}

export interface Row {
  title: string;
  panels: Panel[];
}

const names = new Set(METRICS.map(({ name }) => name));

export function metric(name: string, part = ''): string {
  if (!names.has(name)) throw new Error(`dashboards: ${name} is not in src/operator/metric-registry.ts`);
  return `${name}${part}`;
}

const RATE = '[$__rate_interval]';
const ONE = 'namespace="$namespace",rollout="$rollout"';
const JOB = 'job=~"$job"';

function quantile(q: number, name: string, by: string[] = []): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (rate(${metric(name, '_bucket')}{${JOB}}${RATE})))`;
}

function perSecond(name: string, by: string[]): string {
  return `sum by (${by.join(', ')}) (rate(${metric(name)}{${JOB}}${RATE}))`;
}

function increase(name: string, by: string[]): string {
  return `sum by (${by.join(', ')}) (increase(${metric(name)}{${JOB}}[$__range]))`;
}

const stat = { type: 'stat', unit: 'short', width: 4, height: 4 } as const;
const series = { type: 'timeseries', width: 12 } as const;

const fleet: Row = {
  title: 'Fleet',
  panels: [
    ...(['Progressing', 'Paused', 'Degraded', 'Healthy'] as const).map((phase) => ({
      ...stat,
      title: phase,
      description: `Rollouts that are ${phase} now.`,
      targets: [
        { expr: `count(${metric('headgate_rollout_info')}{${JOB},phase="${phase}"}) or vector(0)`, legend: phase },
      ],
    })),
    {
      ...stat,
      title: 'Budget burnt, worst release',
      description: "Largest share of an SLO's error budget that a running release burnt.",
      unit: 'percentunit',
      targets: [{ expr: `max(${metric('headgate_release_spend_ratio')}{${JOB}}) or vector(0)`, legend: 'spent' }],
    },
    {
      ...stat,
      title: 'Leader',
      description: 'Processes that lead: anything but 1 for longer than a Lease is a fault.',
      targets: [{ expr: `sum(${metric('headgate_leader')}{${JOB}})`, legend: 'leaders' }],
    },
    {
      ...series,
      title: 'Rollouts by phase',
      description: 'How many Rollouts are in each phase.',
      unit: 'short',
      targets: [{ expr: `count by (phase) (${metric('headgate_rollout_info')}{${JOB}})`, legend: '{{phase}}' }],
    },
    {
      ...series,
      title: 'Releases that ended, and breaches',
      description: 'In the time shown, by outcome and by cause.',
      unit: 'short',
      targets: [
        { expr: increase('headgate_releases_total', ['outcome']), legend: '{{outcome}}' },
        { expr: increase('headgate_breaches_total', ['cause']), legend: 'breach: {{cause}}' },
        { expr: increase('headgate_bad_pods_replaced_total', ['gate']), legend: 'pod replaced: {{gate}}' },
      ],
    },
    {
      ...series,
      title: 'From raise to breach',
      description: 'How long a bad canary served before a gate stopped it.',
      unit: 's',
      targets: [
        { expr: quantile(0.5, 'headgate_detect_seconds'), legend: 'p50' },
        { expr: quantile(0.99, 'headgate_detect_seconds'), legend: 'p99' },
      ],
    },
    {
      ...series,
      title: 'From breach to weight 0',
      description: 'How long the operator took to take the traffic back, and until every gateway had taken it.',
      unit: 's',
      targets: [
        { expr: quantile(0.5, 'headgate_lower_seconds'), legend: 'written p50' },
        { expr: quantile(0.99, 'headgate_lower_seconds'), legend: 'written p99' },
        { expr: quantile(0.5, 'headgate_remedy_seconds'), legend: 'taken p50' },
        { expr: quantile(0.99, 'headgate_remedy_seconds'), legend: 'taken p99' },
      ],
    },
    {
      ...series,
      title: 'Requests that had met a bad canary',
      description: 'When its breach was found: all that it had finished, and the bad ones above the rate of stable.',
      unit: 'short',
      targets: [
        { expr: quantile(0.5, 'headgate_detect_requests'), legend: 'all p50' },
        { expr: quantile(0.99, 'headgate_detect_requests'), legend: 'all p99' },
        { expr: quantile(0.5, 'headgate_detect_excess_requests'), legend: 'excess p50' },
        { expr: quantile(0.99, 'headgate_detect_excess_requests'), legend: 'excess p99' },
      ],
    },
  ],
};

function armErrors(arm: 'canary' | 'stable'): string {
  const requests = metric('headgate_release_requests');
  const of = (more: string) => `sum by (gate) (${requests}{${ONE},arm="${arm}"${more}})`;
  return `${of(',result="bad"')} / ${of('')}`;
}

const release: Row = {
  title: 'One rollout: $namespace / $rollout',
  panels: [
    {
      ...series,
      title: 'Traffic on the canary',
      description: 'Share that the canary is granted.',
      unit: 'percentunit',
      max: 1,
      steps: true,
      targets: [{ expr: `${metric('headgate_rollout_weight')}{${ONE}}`, legend: 'canary' }],
    },
    {
      title: 'Verdicts',
      description: 'The newest verdict of each gate. Inconclusive is not a pass, and neither is silence.',
      type: 'state-timeline',
      unit: 'short',
      width: 12,
      targets: [{ expr: `${metric('headgate_gate_verdict')}{${ONE}}`, legend: '{{gate}} {{verdict}}' }],
    },
    {
      ...series,
      title: 'Error rate since the attempt began',
      description: 'What the gates judge: canary against stable.',
      unit: 'percentunit',
      targets: [
        { expr: armErrors('canary'), legend: 'canary {{gate}}' },
        { expr: armErrors('stable'), legend: 'stable {{gate}}' },
      ],
    },
    {
      ...series,
      title: 'Error budget burnt by this release',
      description: "Largest share of an SLO's error budget.",
      unit: 'percentunit',
      targets: [
        { expr: `${metric('headgate_release_spend_ratio')}{${ONE}}`, legend: 'spent' },
        { expr: `${metric('headgate_release_spend_forecast_ratio')}{${ONE}}`, legend: 'next weight, {{bound}}' },
      ],
    },
    {
      ...series,
      title: 'Against the same hour of earlier weeks',
      description: 'What the whole service earns, as a part of the median. It decides nothing.',
      unit: 'percentunit',
      targets: [{ expr: `${metric('headgate_gate_season_ratio')}{${ONE}}`, legend: '{{gate}}' }],
    },
    {
      title: 'Phase',
      description: 'The phase over time.',
      type: 'state-timeline',
      unit: 'short',
      width: 24,
      height: 5,
      targets: [{ expr: `${metric('headgate_rollout_info')}{${ONE}}`, legend: '{{phase}}' }],
    },
  ],
};

const evidence: Row = {
  title: 'Evidence',
  panels: [
    {
      ...series,
      title: 'Source queries',
      description: 'p99 of the time that a source takes to answer, and what fails.',
      unit: 's',
      targets: [{ expr: quantile(0.99, 'headgate_source_query_seconds', ['source']), legend: '{{source}} p99' }],
    },
    {
      ...series,
      title: 'Source errors',
      description: 'Failed queries a second, by code.',
      unit: 'ops',
      targets: [{ expr: perSecond('headgate_source_errors_total', ['source', 'code']), legend: '{{source}} {{code}}' }],
    },
    {
      ...series,
      title: 'Age of the evidence',
      description: 'Age of the newest tick that gates counted. It should stay below three scrapes.',
      unit: 's',
      targets: [
        { expr: `max by (source) (${metric('headgate_gate_data_age_seconds')}{${JOB}})`, legend: '{{source}}' },
      ],
    },
    {
      ...series,
      title: 'Ticks and probe runs',
      description: 'Ticks of evidence and probe runs a second.',
      unit: 'ops',
      targets: [
        { expr: perSecond('headgate_gate_ticks_total', ['source']), legend: 'ticks {{source}}' },
        { expr: perSecond('headgate_probe_runs_total', ['result']), legend: 'probes {{result}}' },
      ],
    },
  ],
};

const operator: Row = {
  title: 'Operator',
  panels: [
    {
      ...series,
      title: 'Reconciles',
      description: 'Reconciles a second, by outcome.',
      unit: 'ops',
      targets: [{ expr: perSecond('headgate_reconcile_total', ['outcome']), legend: '{{outcome}}' }],
    },
    {
      ...series,
      title: 'Time of a reconcile, and before it',
      description: 'p99 of one reconcile, and of the wait in the queue by priority.',
      unit: 's',
      targets: [
        { expr: quantile(0.99, 'headgate_reconcile_seconds', ['controller']), legend: '{{controller}} p99' },
        {
          expr: quantile(0.99, 'headgate_queue_latency_seconds', ['queue', 'priority']),
          legend: 'wait {{priority}} p99',
        },
      ],
    },
    {
      ...series,
      title: 'Queue',
      description: 'Keys that wait.',
      unit: 'short',
      targets: [{ expr: `sum by (queue) (${metric('headgate_queue_depth')}{${JOB}})`, legend: '{{queue}}' }],
    },
    {
      ...series,
      title: 'Requests to the API server',
      description: 'A second, by verb and code. An idle operator makes next to none.',
      unit: 'reqps',
      targets: [{ expr: perSecond('headgate_kube_requests_total', ['verb', 'code']), legend: '{{verb}} {{code}}' }],
    },
    {
      ...series,
      title: 'Time of a request to the API server',
      description: 'p99 by verb; watches are left out.',
      unit: 's',
      targets: [
        {
          expr: `histogram_quantile(0.99, sum by (le, verb) (rate(${metric('headgate_kube_request_seconds', '_bucket')}{${JOB},verb!="watch"}${RATE})))`,
          legend: '{{verb}} p99',
        },
      ],
    },
    {
      ...series,
      title: 'Delay of the event loop',
      description: 'p99: above a second the operator cannot react in time.',
      unit: 's',
      targets: [{ expr: `max(${metric('headgate_eventloop_lag_seconds')}{${JOB}})`, legend: 'p99' }],
    },
  ],
};

/** The dashboard's rows, from the fleet to the process. */
export const ROWS: readonly Row[] = [fleet, release, evidence, operator];
