/** Rollouts and Releases as the operator writes them, for views, the CLI and the page. */

/** The clock of all fixtures: everything happened before this. */
export const NOW = Date.parse('2026-03-02T03:00:00Z');

export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

type Fields = Record<string, unknown>;

export function rollout(name: string, status: Fields, namespace = 'shop'): Fields {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Rollout',
    metadata: { name, namespace, uid: `uid-${name}`, creationTimestamp: ago(90_000) },
    spec: {},
    status,
  };
}

export function release(
  {
    rollout: of,
    number = 1,
    namespace = 'shop',
    revision = 'c41d8e9f',
  }: { rollout: string; number?: number; namespace?: string; revision?: string },
  status: Fields,
): Fields {
  return {
    apiVersion: 'headgate.dev/v1alpha1',
    kind: 'Release',
    metadata: { name: `${of}-${number}`, namespace, uid: `uid-${of}-${number}`, creationTimestamp: ago(600) },
    spec: {
      rollout: of,
      revision,
      from: '7be02f5a',
      attempt: 1,
      plan: {
        steps: [
          { weight: '5%', hold: '1m' },
          { weight: '20%', hold: '2m' },
          { weight: '50%', hold: '5m' },
        ],
        gates: [],
        probes: ['checkout-smoke'],
        onBreach: 'Retreat',
        rollback: false,
      },
      budget: { targetSpend: '0.1%', maxSpend: '1%' },
      images: [],
      change: {},
    },
    status,
  };
}

export const arms = {
  stable: { revision: '7be02f5a', image: 'registry.example/shop/checkout:1.8.2', replicas: 8, ready: 8 },
  canary: { revision: 'c41d8e9f', image: 'registry.example/shop/checkout:1.9.0', replicas: 2, ready: 2 },
};

export function gate(name: string, fields: Fields = {}): Fields {
  return {
    gate: name,
    role: 'Guardrail',
    verdict: 'Inconclusive',
    cause: 'TooFewSamples',
    message: '41 % of the evidence for the next step; about 70 s at this traffic',
    canary: { total: 4812, bad: 7 },
    stable: { total: 61_240, bad: 81 },
    spend: '0.012%',
    stop: { logE: 0.4, limit: 5.3 },
    advance: { logE: 1.9, limit: 4.6 },
    ...fields,
  };
}

/** The state of a release that holds at its second step. */
export function holding(name: string, fields: Fields = {}): Fields {
  return {
    phase: 'Progressing',
    message: 'Holding',
    since: NOW - 74_000,
    releases: 4,
    served: [],
    actions: [],
    release: {
      name: `${name}-4`,
      revision: 'c41d8e9f',
      from: '7be02f5a',
      attempt: 1,
      stage: 'Holding',
      step: 1,
      weight: 20_000,
      n: 3,
      rewrites: 0,
      startedAt: NOW - 262_000,
      autoResumed: false,
      memo: {},
      ...fields,
    },
  };
}
