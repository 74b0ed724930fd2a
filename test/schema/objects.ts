/** Smallest good objects of each kind, to be spoilt one member at a time. */

export interface Sample {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}

function sample(kind: string, spec: Record<string, unknown>): Sample {
  return { apiVersion: 'headgate.dev/v1alpha1', kind, metadata: { name: 'sample' }, spec };
}

export function rollout(changes: Record<string, unknown> = {}): Sample {
  return sample('Rollout', {
    service: 'shop',
    traffic: [{ httpRoute: 'shop' }],
    selector: { matchLabels: { app: 'shop' } },
    template: podTemplate(),
    ...changes,
  });
}

export function podTemplate(labels: Record<string, string> = { app: 'shop' }): Record<string, unknown> {
  return { metadata: { labels }, spec: { containers: [{ name: 'shop', image: 'shop:1' }] } };
}

const total = { metric: 'http_requests_total' };
const bad = { metric: 'http_requests_total', matchers: [{ label: 'code', op: '=~', value: '5..' }] };

export function objective(changes: Record<string, unknown> = {}): Sample {
  return sample('ServiceLevelObjective', { objective: '99.9', sli: { events: { total, bad } }, ...changes });
}

/** An objective of probes: it has no number of its own. */
export function answers(probe: Record<string, unknown> = {}): Sample {
  return sample('ServiceLevelObjective', { sli: { probe: { suite: 'prompts', ...probe } } });
}

/** An objective of an SLI that is compared with stable alone, and has no number of its own. */
export function compared(sli: Record<string, unknown>): Sample {
  return sample('ServiceLevelObjective', { sli });
}

/** An objective with these events. */
export function events(changes: Record<string, unknown>): Sample {
  return objective({ sli: { events: { total, bad, ...changes } } });
}

export function source(changes: Record<string, unknown> = {}): Sample {
  return sample('MetricSource', { prometheus: { url: 'http://prometheus:9090' }, ...changes });
}

export function suite(http: Record<string, unknown> = {}): Sample {
  return sample('ProbeSuite', { requests: [{ name: 'home', http }] });
}

export function action(changes: Record<string, unknown> = {}): Sample {
  return sample('RolloutAction', { rollout: 'shop', verb: 'promote', by: 'alice', ...changes });
}

export function release(): Sample {
  return sample('Release', {
    rollout: 'shop',
    revision: 'bcd',
    from: 'fgh',
    attempt: 1,
    plan: { steps: [{ weight: '5%', hold: '1m' }], gates: [], probes: [], onBreach: 'Retreat', rollback: false },
    budget: { targetSpend: '0.1%', maxSpend: '1%' },
    images: [{ container: 'shop', image: 'shop:1' }],
    change: {},
  });
}

export const plurals: Record<string, string> = {
  Rollout: 'rollouts',
  Release: 'releases',
  RolloutAction: 'rolloutactions',
  ServiceLevelObjective: 'servicelevelobjectives',
  MetricSource: 'metricsources',
  ProbeSuite: 'probesuites',
};
