import type { GateContext, Selector, Sli, Slo } from '#core/gate.ts';
import type { PodInfo } from '#gates/samples.ts';
import type { Scope } from '#sources/promql.ts';

/** A thousand releases in a hundred namespaces, each with four stable pods and one of the canary, and three gates. */

export const RELEASES = 1000;
const PER_NAMESPACE = 10;
const STABLE_PODS = 4;

export interface Release {
  key: string;
  scope: Scope;
  pods: { pod: string; arm: PodInfo['arm']; instance: string }[];
}

export const releases: Release[] = Array.from({ length: RELEASES }, (_, index) => {
  const namespace = `team-${String(Math.floor(index / PER_NAMESPACE)).padStart(3, '0')}`;
  const name = `service-${String(index).padStart(4, '0')}`;
  const stable = `${name}-7d9f8c6b54`;
  const canary = `${name}-6b54d7c9f8`;
  const pods = Array.from({ length: STABLE_PODS + 1 }, (_unused, pod) => ({
    pod: `${pod === 0 ? canary : stable}-x${pod}k2z`,
    arm: pod === 0 ? ('canary' as const) : ('stable' as const),
    instance: `10.${index % 250}.${Math.floor(index / 250)}.${10 + pod}:8080`,
  }));
  return { key: `${namespace}/${name}`, scope: { namespace, replicaSets: [stable, canary] }, pods };
});

const processes = releases.flatMap(({ scope: { namespace }, pods }) => pods.map((pod) => ({ ...pod, namespace })));

export function processesOf(): typeof processes {
  return processes;
}

const counter = (metric: string, matchers: Selector['matchers'] = []): Selector => ({ metric, matchers });

/** One metric family each. */
const slis: Record<string, Sli> = {
  availability: {
    kind: 'events',
    total: counter('http_requests_total'),
    bad: counter('http_requests_total', [{ label: 'code', op: '=~', value: '5..' }]),
  },
  latency: { kind: 'latency', histogram: counter('http_request_duration_seconds'), threshold: 0.25, form: 'Classic' },
  orders: {
    kind: 'business',
    ...{ exposure: counter('sessions_total'), events: counter('orders_total') },
    ...{ worse: 'Lower', tolerate: 0.2, lagMs: 0 },
  },
};

/** Contexts of one release's gates: of three families, or three gates of events on three counters. */
export function contextsOf(key: string, tickMs: number): GateContext[] {
  return Object.entries(slis).map(([name, sli]) => {
    const slo: Slo = {
      name,
      sli,
      arms: { by: 'Pod' },
      objective: sli.kind === 'business' ? 0 : 0.99,
      windowMs: 28 * 86_400_000,
    };
    return {
      gate: { name, role: 'Guardrail', slo, tolerate: 0.01, maxWaitMs: 1_800_000 },
      ...{ epoch: `${key}/1`, stepEpoch: `${key}/1/step0/1`, attempt: 1, weight: 20_000, nextWeight: 50_000 },
      ...{ raisedAt: 0, arrived: true, reactionMs: 30_000, tickMs, targetSpend: 0.001, maxSpend: 0.01 },
    };
  });
}

/** Reads what our own queries look like: enough to answer them. */
export function parsePodQuery(promql: string) {
  const one = /namespace="([^"]*)"/.exec(promql)?.[1];
  const many = /namespace=~"([^"]*)"/.exec(promql)?.[1];
  const pods = /pod=~"([^"]*)"/.exec(promql)?.[1];
  return {
    namespaces: new Set(one === undefined ? many?.split('|') : [one]),
    pods: pods === undefined ? undefined : new RegExp(`^(?:${pods})$`),
    isUp: /\bup\{/.test(promql),
    isTime: promql.includes('timestamp('),
    isBad: promql.includes('code=~'),
    le: promql.includes(', le)'),
  };
}
