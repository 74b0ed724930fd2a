import { HTTP_ROUTE, METRIC_SOURCE, PROBE_SUITE, ROLLOUT, SERVICE, SERVICE_LEVEL_OBJECTIVE } from '#kube/resources.ts';
import type { Resource } from '#ports/kube-api.ts';
import type { Newborn } from '#sandbox/actor.ts';

/** One shop with its objects. The image's tag says what its pods are like: `v2`, `v2-bad`, `v3-sick`. */

export const NAMESPACE_NAME = 'shop';
export const ref = (resource: Resource, name = 'shop') => ({ resource, namespace: NAMESPACE_NAME, name });
export const refs = {
  rollout: ref(ROLLOUT),
  service: ref(SERVICE),
  canaryService: ref(SERVICE, 'shop-canary'),
  route: ref(HTTP_ROUTE),
};

export interface ShopSpec {
  image: string;
  replicas: number;
  onBreach: 'Pause' | 'Retreat' | 'Abort';
  steps: { weight: number; hold: string; pause?: object }[];
  probes: boolean;
}

export function templateOf(image: string): object {
  return {
    metadata: { labels: { app: 'shop' } },
    spec: { containers: [{ name: 'app', image, ports: [{ name: 'http', containerPort: 8080 }] }] },
  };
}

export function rolloutOf({ image, replicas, onBreach, steps, probes }: ShopSpec): Newborn {
  return {
    metadata: { name: 'shop', namespace: NAMESPACE_NAME },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'shop' } },
      template: templateOf(image),
      service: 'shop',
      traffic: [{ httpRoute: 'shop' }],
      gates: [{ slo: 'shop' }],
      ...(probes ? { probes: [{ suite: 'shop' }] } : {}),
      steps,
      onBreach,
      settle: '2s',
      scaleDownDelay: '5s',
      progressDeadline: '60s',
      bake: { for: '5s', control: 5 },
    },
  };
}

export function objectsAround(): [Resource, Newborn][] {
  const metadata = { name: 'shop', namespace: NAMESPACE_NAME };
  const total = { metric: 'http_requests_total' };
  const bad = { ...total, matchers: [{ label: 'code', op: '=~', value: '5..' }] };
  return [
    [SERVICE, { metadata, spec: { selector: { app: 'shop' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] } }],
    [
      HTTP_ROUTE,
      { metadata, spec: { parentRefs: [{ name: 'gate' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] } },
    ],
    [SERVICE_LEVEL_OBJECTIVE, { metadata, spec: { objective: '99', sli: { events: { total, bad } } } }],
    [
      METRIC_SOURCE,
      { metadata: { name: 'main' }, spec: { prometheus: { url: 'http://prometheus:9090' }, default: true } },
    ],
    [PROBE_SUITE, { metadata, spec: { requests: [{ name: 'smoke', http: { path: '/' } }], every: '5s' } }],
  ];
}
